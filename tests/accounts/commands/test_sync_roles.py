"""`manage.py sync_roles`."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from accounts.roles import ROLES
from accounts.services.roles import roles_out_of_step
from systemevents.models import AuditLog


def test_after_migrate_there_is_nothing_to_change(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert roles_out_of_step() == []
    call_command("sync_roles")
    assert capsys.readouterr().out == "Nothing to change.\n"


def test_a_role_that_was_changed_is_mended(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    viewer = Group.objects.get(name="viewer")
    before = set(viewer.permissions.all())
    viewer.permissions.set([Permission.objects.get(codename="add_user", content_type__app_label="accounts")])
    assert roles_out_of_step() == ["viewer"]
    call_command("sync_roles", "--json")
    assert json.loads(capsys.readouterr().out) == {"changed": ["viewer"]}
    assert set(viewer.permissions.all()) == before
    entry = AuditLog.objects.filter(action="role.synced").latest("id")
    assert entry.before == {"removed": ["accounts.add_user"]}


def test_a_role_that_is_missing_is_made(db: None) -> None:
    Group.objects.filter(name="analyst").delete()
    assert roles_out_of_step() == ["analyst"]
    call_command("sync_roles")
    assert set(Group.objects.values_list("name", flat=True)) == set(ROLES)


def test_a_role_of_the_staffs_own_is_left_alone(db: None) -> None:
    own = Group.objects.create(name="auditors")
    own.permissions.add(Permission.objects.get(codename="view_auditlog"))
    call_command("sync_roles")
    assert own.permissions.count() == 1
