"""Writing the audit trail."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, models

from systemevents.models import AuditLog
from tradingsite.core.actor import Actor
from tradingsite.core.text import storable

# What never reaches the trail, on whatever model and however deep in what a caller hands over.
SECRET_NAMES = frozenset({"password", "secret", "token"})


def record_audit(
    actor: Actor,
    action: str,
    obj: models.Model | None = None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditLog:
    """Write one entry of the trail; only inside the transaction of what it tells of.

    Raises RuntimeError outside of one, because an entry that can be committed without its
    effect, or the other way round, proves nothing.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("record_audit belongs into the transaction of the write that it records.")
    return AuditLog.objects.create(
        actor_id=actor.user_id,
        actor_label=actor.label,
        key_id=actor.key_id,
        front=actor.front,
        action=action,
        object_type=obj._meta.db_table if obj is not None else "",
        object_id=str(obj.pk) if obj is not None else "",
        object_label=storable(str(obj))[:200] if obj is not None else "",
        before=None if before is None else plain(before),
        after=None if after is None else plain(after),
        request_id=actor.request_id,
        address=actor.address,
    )


def columns(obj: models.Model, names: Iterable[str] | None = None) -> dict[str, Any]:
    """An object's columns for `before` or `after`: all but secrets, or the ones named.

    A model names secrets of its own in `secret_columns`.
    """
    wanted = None if names is None else set(names)
    secret = SECRET_NAMES | getattr(type(obj), "secret_columns", frozenset())
    return {
        field.attname: field.value_from_object(obj)
        for field in obj._meta.concrete_fields
        if field.name not in secret and (wanted is None or field.name in wanted or field.attname in wanted)
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns in which the two differ, as they were and as they are."""
    changed = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in changed}, {name: after[name] for name in changed}


def plain(value: Any) -> Any:
    """A value as JSON can hold it on every engine, without secrets; decimals as text, so that no digit is lost."""
    match value:
        case str():
            return storable(str(value))
        case None | bool() | int():
            return str(value) if isinstance(value, models.Choices) else value
        case Decimal():
            return format(value, "f")
        case datetime() | date():
            return value.isoformat()
        case UUID():
            return str(value)
        case Mapping():
            return {
                storable(str(key)): plain(item) for key, item in value.items() if str(key).lower() not in SECRET_NAMES
            }
        case float():
            return value if math.isfinite(value) else str(value)
        case set() | frozenset():
            return sorted((plain(item) for item in value), key=str)
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return storable(str(value))
