"""The models that are ours, for tests that hold something of all of them, and a row of each."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.db import connection, models
from factory.django import DjangoModelFactory

from tests import factories

OUR_APPS = ("core", "systemevents", "accounts", "marketdata", "portfolio", "trading", "ops")


def our_models() -> list[type[models.Model]]:
    """Every model with a table of ours."""
    ours = [model for model in apps.get_models() if model._meta.app_label in OUR_APPS]
    return [model for model in ours if model._meta.managed and not model._meta.proxy]


def factory_of(model: type[models.Model]) -> Any:
    """The factory that makes the model's rows."""
    members: list[tuple[str, Any]] = inspect.getmembers(factories, inspect.isclass)
    for _, factory in members:
        if issubclass(factory, DjangoModelFactory) and factory._meta.model is model:
            return factory
    raise LookupError(f"tests/factories.py makes no {model.__name__}")


def models_with_factories() -> list[type[models.Model]]:
    """Every model of ours, each of which must have a factory, but for those that only services write."""
    return [model for model in our_models() if model.__name__ not in WRITTEN_BY_SERVICES]


#: Their rows come from services only: `create_api_key`, `record_audit`, `seal_audit`, the log-in.
WRITTEN_BY_SERVICES = ("ApiKey", "AuditLog", "AuditSeal")


def everything() -> dict[str, list[Any]]:
    """All rows of all our tables, as the driver gives them; when a key was last used is no matter."""
    rows = {}
    with connection.cursor() as cursor:
        for table, statement in _statements(connection.vendor):
            cursor.execute(statement)
            rows[table] = list(cursor.fetchall())
    return rows


@lru_cache(maxsize=1)
def _statements(vendor: str) -> list[tuple[str, str]]:
    """By hand and once: asked thousands of times, the ORM would need longer than what is tested."""
    quote = connection.ops.quote_name
    statements = []
    for model in our_models():
        columns = [str(field.column) for field in model._meta.concrete_fields if field.name != "last_used_at"]
        names, table, pk = ", ".join(map(quote, columns)), quote(model._meta.db_table), model._meta.pk
        assert pk is not None
        statements.append((model._meta.db_table, f"SELECT {names} FROM {table} ORDER BY {quote(str(pk.column))}"))
    return statements
