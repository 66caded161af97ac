"""Reading keys: the one that calls, with all its rights in one query; what one has done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import cast

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from accounts.models import ApiKey, User
from accounts.scopes import KeyRights
from systemevents.models import AuditLog
from tradingsite.core.actor import Actor

#: What is read of the owner with the key, in the order of the model, as `from_db` wants it; the
#: rest is read when somebody asks for it.
OWNER_COLUMNS = ("is_superuser", "is_staff", "is_active", "username", "email")
FLAGS = frozenset({"is_active", "is_staff", "is_superuser"})
MOST_ADDRESSES = 20

# Names put together into one JSON text. Not GROUP_CONCAT: MySQL cuts it off at 1,024 characters.
_NAMES = {
    "sqlite": "json_group_array({app} || '.' || {codename})",
    "postgresql": "CAST(json_agg({app} || '.' || {codename}) AS text)",
    "mysql": "JSON_ARRAYAGG(CONCAT({app}, '.', {codename}))",
}


def key_with_rights(public_id: str) -> ApiKey | None:
    """The key with this id, its owner and `rights` on it as they are now, in one query."""
    # Written by hand: building it anew for each call costs the ORM 1.4 ms, more than many answers.
    for key in ApiKey.objects.raw(_key_query(connection.vendor), [public_id]):
        values = [getattr(key, f"owner_{name}") for name in OWNER_COLUMNS]
        # SQLite and MySQL keep flags as numbers.
        values = [bool(v) if name in FLAGS else v for name, v in zip(OWNER_COLUMNS, values, strict=True)]
        key.owner = User.from_db(key._state.db, ("id", *OWNER_COLUMNS), (key.owner_id, *values))
        key.rights = _rights(key)
        return key
    return None


def _rights(key: ApiKey) -> KeyRights:
    held: frozenset[str] | None = None
    if not key.owner.is_superuser:
        given = (getattr(key, name) for name in ("role_permissions", "own_permissions"))
        held = frozenset(name for text in given if text for name in json.loads(text))
    return KeyRights(held=held, scopes=None if key.scopes is None else frozenset(key.scopes))


@lru_cache(maxsize=8)
def _key_query(vendor: str) -> str:
    quote = connection.ops.quote_name
    keys, users = quote(ApiKey._meta.db_table), quote(User._meta.db_table)
    owner = ", ".join(f"u.{quote(name)} AS owner_{name}" for name in OWNER_COLUMNS)
    roles, own = User.groups.through._meta.db_table, User.user_permissions.through._meta.db_table
    of_roles = f"{quote(roles)} g JOIN {quote(Group.permissions.through._meta.db_table)} h ON h.group_id = g.group_id"
    select = f"SELECT k.*, {owner}, {_names(vendor, of_roles, 'g')} AS role_permissions"
    return (
        f"{select}, {_names(vendor, f'{quote(own)} h', 'h')} AS own_permissions "
        f"FROM {keys} k JOIN {users} u ON u.id = k.owner_id WHERE k.public_id = %s"
    )


def _names(vendor: str, held: str, membership: str) -> str:
    """The subquery of the permissions that `held` gives to the key's owner."""
    quote = connection.ops.quote_name
    names = _NAMES[vendor].format(app="c.app_label", codename="p.codename")
    return (
        f"(SELECT {names} FROM {held} "  # noqa: S608  # names of tables, nothing that came in
        f"JOIN {quote(Permission._meta.db_table)} p ON p.id = h.permission_id "
        f"JOIN {quote(ContentType._meta.db_table)} c ON c.id = p.content_type_id "
        f"WHERE {membership}.user_id = k.owner_id)"
    )


@dataclass(frozen=True, slots=True)
class KeyDeeds:
    """What a key has done: its entries in the audit trail, and from which addresses (the first MOST_ADDRESSES)."""

    audit_entries: int
    first_entry_at: datetime | None
    last_entry_at: datetime | None
    last_used_at: datetime | None
    addresses: list[str]


def key_deeds(key: ApiKey) -> KeyDeeds:
    """What this key has done until now."""
    # By owner too, who is the actor of every entry: that is what the index knows.
    entries = AuditLog.objects.filter(actor=key.owner_id, key_id=key.public_id)
    first, last = entries.order_by("id").first(), entries.order_by("-id").first()
    addresses = entries.filter(address__isnull=False).order_by("address").values_list("address", flat=True).distinct()
    return KeyDeeds(
        audit_entries=entries.count(),
        first_entry_at=None if first is None else first.occurred_at,
        last_entry_at=None if last is None else last.occurred_at,
        last_used_at=key.last_used_at,
        addresses=[str(address) for address in addresses[:MOST_ADDRESSES]],
    )


def permissions_of_actor(actor: Actor) -> list[str]:
    """Every permission that the actor holds, a key's cut by its scopes."""
    held = cast(User, actor.user).get_all_permissions() if actor.user is not None else set()
    return sorted(name for name in held if actor.may(name))
