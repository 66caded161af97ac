"""Roles of staff's own are written through their service."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import Role
from tests.admin.conftest import path_of
from tests.admin.forms import actions, errors_of
from tests.factories import (
    UserFactory,
)


def test_a_custom_role_is_made_and_changed(staff_browser: Client) -> None:
    rights = Permission.objects.filter(codename__in=["view_signal", "view_watchlist"])
    response = staff_browser.post(path_of(Role, "add"), {"name": "Reader", "rights": [right.pk for right in rights]})
    assert response.status_code == 302, errors_of(response)
    role = Role.objects.get(name="Reader")
    assert role.permissions.count() == 2
    response = staff_browser.post(path_of(Role, role.pk, "change"), {"name": "Reader", "rights": [rights[0].pk]})
    assert response.status_code == 302, errors_of(response)
    assert role.permissions.count() == 1
    assert actions() == ["role.created", "role.changed"]


def test_a_built_in_role_is_for_looking_only(staff_browser: Client) -> None:
    role = Role.objects.get(name="trader")
    page = staff_browser.get(path_of(Role, role.pk, "change"))
    assert "Built in" in page.content.decode()
    before = role.permissions.count()
    assert staff_browser.post(path_of(Role, role.pk, "change"), {"name": "trader"}).status_code == 403
    assert role.permissions.count() == before


def test_a_role_gets_no_rights_that_its_maker_lacks(db: None, browser_of: Any) -> None:
    clerk_role = Role.objects.create(name="clerk")
    clerk_role.permissions.set(Permission.objects.filter(codename__in=["view_role", "add_role"]))
    browser = browser_of(UserFactory.create(username="clerk", role="clerk"))
    wanted = Permission.objects.get(codename="change_user", content_type__app_label="accounts")
    response = browser.post(path_of(Role, "add"), {"name": "Sneaky", "rights": [wanted.pk]})
    assert "valid choice" in errors_of(response)
    assert not Role.objects.filter(name="Sneaky").exists()
