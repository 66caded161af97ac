"""People are made and changed through their services."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import Role, User
from systemevents.models import AuditLog
from tests.admin.conftest import path_of
from tests.admin.forms import actions, errors_of
from tests.factories import (
    UserFactory,
)

NEW_USER = {"username": "nora", "email": "", "password1": "a long password 1", "password2": "a long password 1"}


def test_a_user_is_made_with_roles_and_a_password(staff_browser: Client) -> None:
    values = {**NEW_USER, "first_name": "Nora", "roles": [Role.objects.get(name="trader").pk]}
    response = staff_browser.post(path_of(User, "add"), values)
    assert response.status_code == 302, errors_of(response)
    user = User.objects.get(username="nora")
    assert user.check_password("a long password 1")
    assert user.first_name == "Nora"
    assert [role.name for role in user.groups.all()] == ["trader"]
    assert {"user.created", "user.roles_set"} <= set(actions())
    assert "a long password 1" not in str(list(AuditLog.objects.values_list("before", "after")))


@pytest.mark.parametrize("password", ["short", "password12345", "1234567890123"])
def test_a_weak_password_is_refused(staff_browser: Client, password: str) -> None:
    response = staff_browser.post(path_of(User, "add"), {**NEW_USER, "password1": password, "password2": password})
    assert "password" in errors_of(response)
    assert not User.objects.filter(username="nora").exists()


def test_a_user_is_not_deleted(staff_browser: Client, owner: User) -> None:
    assert staff_browser.post(path_of(User, owner.pk, "delete"), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=owner.pk).exists()


def test_only_superusers_make_superusers(staff_browser: Client, owner: User) -> None:
    values = {"username": owner.username, "email": owner.email, "is_active": "on", "is_superuser": "on"}
    values["roles"] = [owner.groups.get().pk]
    staff_browser.post(path_of(User, owner.pk, "change"), values)
    owner.refresh_from_db()
    assert not owner.is_superuser


def test_a_superuser_is_out_of_an_administrators_reach(staff_browser: Client) -> None:
    boss = UserFactory.create(username="boss", is_superuser=True)
    values = {"username": "boss", "email": "taken@over.example", "is_active": "on"}
    assert "rights that you do not have" in errors_of(staff_browser.post(path_of(User, boss.pk, "change"), values))
    passwords = {"password1": "a long password 1", "password2": "a long password 1"}
    response = staff_browser.post(path_of(User, boss.pk, "password"), passwords)
    assert response.status_code == 200
    boss.refresh_from_db()
    assert boss.email == "boss@example.com"
    assert not boss.check_password("a long password 1")


def test_nobody_grants_rights_that_they_lack(db: None, browser_of: Any, owner: User) -> None:
    clerk_role = Role.objects.create(name="clerk")
    names = ["view_user", "change_user", "add_user"]
    clerk_role.permissions.set(Permission.objects.filter(codename__in=[*names, "view_all"]))
    clerk = UserFactory.create(username="clerk", role="clerk")
    target = UserFactory.create(username="target")
    values = {
        "username": "target",
        "email": target.email,
        "is_active": "on",
        "roles": [Role.objects.get(name="admin").pk],
    }
    assert "rights that you do not have" in errors_of(
        browser_of(clerk).post(path_of(User, target.pk, "change"), values)
    )
    assert not target.groups.exists()


def test_a_password_is_set_by_staff_and_audited(staff_browser: Client, owner: User) -> None:
    passwords = {"password1": "a long password 1", "password2": "a long password 1"}
    assert staff_browser.get(path_of(User, owner.pk, "password")).status_code == 200
    response = staff_browser.post(path_of(User, owner.pk, "password"), passwords)
    assert response.status_code == 302
    owner.refresh_from_db()
    assert owner.check_password("a long password 1")
    assert actions() == ["user.password_set", "user.logins_ended"]


def test_ones_own_password_changes_through_the_service(owner: User, browser_of: Any) -> None:
    owner.set_password("the old password 1")
    owner.save()
    browser = browser_of(owner)
    values = {"old_password": "the old password 1", "new_password1": "a long password 1"}
    response = browser.post("/admin/password_change/", {**values, "new_password2": "a long password 1"})
    assert response.status_code == 302, response.context_data["form"].errors
    owner.refresh_from_db()
    assert owner.check_password("a long password 1")
    assert actions() == ["user.password_set", "user.logins_ended"]
    assert browser.get("/admin/").status_code == 200  # still logged in
