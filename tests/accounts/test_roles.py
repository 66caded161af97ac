"""The built-in roles stay what the table says; the others are their makers'."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db.models.signals import post_migrate

from accounts.roles import ROLES, permissions_of
from accounts.services.roles import sync_roles
from systemevents.models import AuditLog
from tradingsite.core.actor import Actor

pytestmark = pytest.mark.django_db


def names() -> set[str]:
    found = Permission.objects.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in found}


def held(role: str) -> set[str]:
    found = Group.objects.get(name=role).permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in found}


@pytest.mark.parametrize("role", ROLES)
def test_a_migrated_database_has_the_role_as_the_table_says(role: str) -> None:
    assert held(role) == permissions_of(role, names()) != set()


def test_syncing_again_changes_nothing_and_leaves_no_trace(system: Actor) -> None:
    entries = AuditLog.objects.count()
    assert sync_roles(actor=system) == []
    assert AuditLog.objects.count() == entries


def test_a_built_in_role_that_somebody_changed_is_put_right_and_the_trail_says_how(system: Actor) -> None:
    viewer = Group.objects.get(name="viewer")
    too_much = Permission.objects.get(codename="add_user")
    viewer.permissions.remove(Permission.objects.get(codename="view_watchlist"))
    viewer.permissions.add(too_much)

    assert sync_roles(actor=system) == ["viewer"]

    assert held("viewer") == permissions_of("viewer", names())
    entry = AuditLog.objects.latest("id")
    assert (entry.action, entry.object_label) == ("role.synced", "viewer")
    assert entry.before == {"removed": ["accounts.add_user"]}
    assert entry.after == {"added": ["portfolio.view_watchlist"]}


def test_a_deleted_built_in_role_comes_back(system: Actor) -> None:
    Group.objects.get(name="trader").delete()
    assert sync_roles(actor=system) == ["trader"]
    assert held("trader") == permissions_of("trader", names())


def test_a_role_that_staff_made_is_left_alone(system: Actor) -> None:
    custom = Group.objects.create(name="auditor")
    custom.permissions.add(Permission.objects.get(codename="view_auditlog"))
    sync_roles(actor=system)
    assert held("auditor") == {"systemevents.view_auditlog"}


def test_people_keep_their_roles_through_a_sync(system: Actor, owner: object) -> None:
    sync_roles(actor=system)
    assert [group.name for group in owner.groups.all()] == ["trader"]  # type: ignore[attr-defined]  # a User


def test_each_role_holds_the_viewers_rights() -> None:
    existing = names()
    for role in ROLES:
        assert permissions_of(role, existing) >= permissions_of("viewer", existing), role


@pytest.mark.parametrize("role", ["viewer", "trader", "analyst"])
def test_only_administrators_see_all_change_people_or_touch_the_platform(role: str) -> None:
    rights = permissions_of(role, names())
    assert "core.view_all" not in rights
    assert not {name for name in rights if name.startswith("accounts.") and "apikey" not in name}
    assert not {name for name in rights if name.startswith("systemevents.")} - {"systemevents.view_auditlog"}


def test_a_viewer_changes_nothing() -> None:
    assert all(".view_" in name for name in permissions_of("viewer", names()))


def test_no_role_deletes_people_keys_bars_or_the_trail() -> None:
    for role in ROLES:
        deletes = {name for name in permissions_of(role, names()) if ".delete_" in name}
        assert deletes <= {
            "portfolio.delete_portfoliomember",
            "portfolio.delete_watchlist",
            "portfolio.delete_watchlistitem",
            "accounts.delete_role",
        }, role


def test_no_role_gives_rights_of_django_itself() -> None:
    """Whoever may change permissions or sessions there goes around the services."""
    for role in ROLES:
        assert not {n for n in permissions_of(role, names()) if n.split(".")[0] in ("auth", "admin", "sessions")}, role


def test_every_pattern_of_the_table_matches_something() -> None:
    from fnmatch import fnmatchcase

    existing = names()
    for role, patterns in ROLES.items():
        for pattern in patterns:
            assert any(fnmatchcase(name, pattern) for name in existing), f"{role}: {pattern}"


def test_a_migrate_syncs_once_after_the_last_app() -> None:
    Group.objects.get(name="viewer").permissions.clear()
    entries = AuditLog.objects.count()
    call_command("migrate", verbosity=0, interactive=False)
    assert held("viewer") == permissions_of("viewer", names())
    assert AuditLog.objects.count() == entries + 1


def test_the_sync_listens_once() -> None:
    listening = [key for key, *_ in post_migrate.receivers if key[0] == "accounts.sync_roles"]
    assert len(listening) == 1
