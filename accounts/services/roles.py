"""Keeping the built-in roles what the table in `accounts/roles.py` says."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission

from accounts.roles import ROLES, permissions_of
from systemevents.services.audit import record_audit
from tradingsite.core.actor import Actor, Front
from tradingsite.core.transactions import in_transaction


@in_transaction
def sync_roles(*, actor: Actor) -> list[str]:
    """Give each built-in role exactly its permissions; returns the roles that this changed.

    Running it again changes nothing. Roles that staff made are left alone.
    """
    existing = _existing_permissions()
    changed = []
    for name in ROLES:
        role, _ = Group.objects.get_or_create(name=name)
        held = _held_permissions(role)
        wanted = permissions_of(name, existing)
        if held == wanted:
            continue
        role.permissions.set([existing[permission] for permission in wanted])
        record_audit(
            actor,
            "role.synced",
            role,
            before={"removed": sorted(held - wanted)},
            after={"added": sorted(wanted - held)},
        )
        changed.append(name)
    return changed


def roles_out_of_step() -> list[str]:
    """The built-in roles that are missing or hold other permissions than the table says."""
    existing = _existing_permissions()
    roles = {role.name: role for role in Group.objects.filter(name__in=ROLES)}
    return [
        name for name in ROLES if name not in roles or _held_permissions(roles[name]) != permissions_of(name, existing)
    ]


def _existing_permissions() -> dict[str, int]:
    """The key of each permission by its name, as in "portfolio.add_watchlist"."""
    return {
        f"{app}.{codename}": pk
        for pk, app, codename in Permission.objects.values_list("pk", "content_type__app_label", "codename")
    }


def _held_permissions(role: Group) -> set[str]:
    return {
        f"{app}.{codename}" for app, codename in role.permissions.values_list("content_type__app_label", "codename")
    }


def sync_roles_after_migrate(sender: Any, **kwargs: Any) -> None:
    """Sync after the last app's permissions are there (`post_migrate` fires once an app)."""
    from django.apps import apps

    last_app = [config for config in apps.get_app_configs() if config.models_module is not None][-1]
    if sender is last_app and kwargs["using"] == "default" and _tables_are_there():
        sync_roles(actor=Actor.system("sync_roles", front=Front.JOB))


def _tables_are_there() -> bool:
    """A migrate to an earlier state also fires post_migrate, perhaps without these tables."""
    from django.db import connection

    return {"auth_group", "auth_permission", "audit_logs", "users"} <= set(connection.introspection.table_names())
