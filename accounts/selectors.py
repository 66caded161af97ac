"""Reading who calls, by key or by log-in, with all their rights in one query; what a key has done."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar, cast

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models

from accounts.models import ApiKey, LoginSession, User
from accounts.scopes import KeyRights
from systemevents.models import AuditLog
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.prepared import fetch_prepared

#: What is read of the owner with the key, in the order of the model, as `from_db` wants it; the
#: rest is read when somebody asks for it.
OWNER_COLUMNS = ("id", "is_superuser", "is_staff", "is_active", "username", "email")
MOST_ADDRESSES = 20

M = TypeVar("M", bound=models.Model)

# Names put together into one JSON text. Not GROUP_CONCAT: MySQL cuts it off at 1,024 characters.
_NAMES = {
    "sqlite": "json_group_array({app} || '.' || {codename})",
    "postgresql": "CAST(json_agg({app} || '.' || {codename}) AS text)",
    "mysql": "JSON_ARRAYAGG(CONCAT({app}, '.', {codename}))",
}
#: What makes a column's value of what an engine stores, one after the other.
_Converters = tuple[Callable[[Any], Any], ...]


def key_with_rights(public_id: str) -> ApiKey | None:
    """The key with this id, its owner and `rights` on it as they are now, in one query."""
    found = _with_user(ApiKey, "owner", public_id)
    if found is None:
        return None
    key, owner, held = found
    key.owner = owner
    key.rights = KeyRights(held=held, scopes=None if key.scopes is None else frozenset(key.scopes))
    return key


def login_with_rights(public_id: str) -> LoginSession | None:
    """The log-in with this id and its user, whose permissions are known already, as they are now, in one query."""
    found = _with_user(LoginSession, "user", public_id)
    if found is None:
        return None
    login, user, held = found
    login.user = user
    if held is not None:
        # What Django's backend would ask for with the first `has_perm`, and keeps there.
        user._perm_cache = set(held)  # type: ignore[attr-defined]  # ModelBackend's own
    return login


def _with_user(model: type[M], user_field: str, public_id: str) -> tuple[M, User, frozenset[str] | None] | None:
    """A row by its public id, the user it belongs to, and what they hold; None for a superuser, who holds all."""
    # Written by hand: building it anew for each call costs the ORM 1.4 ms, more than many answers.
    sql, columns, converters = _query(connection.vendor, model, user_field)
    for values in fetch_prepared(sql, [public_id]):
        values = tuple(_converted(value, by) for value, by in zip(values, converters, strict=True))
        *_, of_roles, own = values
        row = model.from_db(connection.alias, columns, values[: len(columns)])
        user = User.from_db(connection.alias, OWNER_COLUMNS, values[len(columns) : -2])
        return row, user, None if user.is_superuser else _held(of_roles, own)
    return None


@lru_cache(maxsize=256)
def _held(*given: str | None) -> frozenset[str]:
    """The permissions in the texts that the query answers; a text once read is not read again."""
    return frozenset(name for text in given if text for name in json.loads(text))


def _converted(value: Any, by: _Converters) -> Any:
    for convert in by:
        value = convert(value)
    return value


@lru_cache(maxsize=8)
def _query(vendor: str, model: type[models.Model], user_field: str) -> tuple[str, list[str], list[_Converters]]:
    """The query, the row's columns in it, and the converters of all its columns: row, user, two of permissions."""
    quote = connection.ops.quote_name
    rows, users = quote(model._meta.db_table), quote(User._meta.db_table)
    columns: list[models.Field[Any, Any]] = list(model._meta.concrete_fields)
    of_user = [cast("models.Field[Any, Any]", User._meta.get_field(name)) for name in OWNER_COLUMNS]
    select = ", ".join(
        [f"k.{quote(cast(str, field.column))}" for field in columns]
        + [f"u.{quote(cast(str, field.column))}" for field in of_user]
    )
    roles, own = User.groups.through._meta.db_table, User.user_permissions.through._meta.db_table
    of_roles = f"{quote(roles)} g JOIN {quote(Group.permissions.through._meta.db_table)} h ON h.group_id = g.group_id"
    user = f"k.{quote(f'{user_field}_id')}"
    permissions = f"{_names(vendor, of_roles, 'g', user)}, {_names(vendor, f'{quote(own)} h', 'h', user)}"
    source = f"{rows} k JOIN {users} u ON u.id = {user}"
    sql = f"SELECT {select}, {permissions} FROM {source} WHERE k.public_id = %s"  # noqa: S608  # names, nothing that came in
    return sql, [field.attname for field in columns], [_converters(f) for f in columns + of_user] + [(), ()]


def _converters(field: models.Field[Any, Any]) -> _Converters:
    """As the ORM converts this column: flags and times are numbers and texts to some engines."""
    column = field.get_col(field.model._meta.db_table)
    both = connection.ops.get_db_converters(column) + column.get_db_converters(connection)
    return tuple(lambda value, convert=convert: convert(value, column, connection) for convert in both)


def _names(vendor: str, held: str, membership: str, user: str) -> str:
    """The subquery of the permissions that `held` gives to the user."""
    quote = connection.ops.quote_name
    names = _NAMES[vendor].format(app="c.app_label", codename="p.codename")
    return (
        f"(SELECT {names} FROM {held} "  # noqa: S608  # names of tables, nothing that came in
        f"JOIN {quote(Permission._meta.db_table)} p ON p.id = h.permission_id "
        f"JOIN {quote(ContentType._meta.db_table)} c ON c.id = p.content_type_id "
        f"WHERE {membership}.user_id = {user})"
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


def state_of_login(login: LoginSession) -> str:
    """In a word: active, expired or ended."""
    if login.ended_at is not None:
        return "ended"
    return "active" if login.is_alive(clock.now()) else "expired"
