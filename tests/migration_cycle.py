"""Migrates the database of DATABASE_URL forward, back to nothing and forward again, with rows in every table.

Run by `tests/test_migrations.py` as a process of its own, on a database of its own.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

OURS = ("trading", "portfolio", "marketdata", "accounts", "systemevents", "core")


def main() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    def migrate(*target: str) -> None:
        call_command("migrate", *target, interactive=False, verbosity=0)

    report: dict[str, Any] = {}
    migrate()
    fill()
    report["first"] = rows()
    report["tables"] = tables()
    for app in OURS:
        migrate(app, "zero")
    report["left"] = sorted(set(tables()) & set(report["first"]))
    migrate()
    report["tables_again"] = tables()
    report["empty"] = {table: count for table, count in rows().items() if count}
    report["roles"] = role_permissions()
    fill()
    report["second"] = rows()
    sys.stdout.write(json.dumps(report))


def fill() -> None:
    """A row at least in every table of ours."""
    from accounts.services.api_keys import create_api_key
    from systemevents.services.seals import seal_audit
    from tests.factories import UserFactory
    from tests.models import factory_of, models_with_factories
    from tradingsite.core.actor import Actor

    for model in models_with_factories():
        factory_of(model).create()
    create_api_key(actor=Actor.system("tests"), owner=UserFactory.create(role="trader"), name="migrations")
    seal_audit(actor=Actor.system("tests"))


def rows() -> dict[str, int]:
    from tests.models import our_models

    return {model._meta.db_table: model._default_manager.count() for model in our_models()}


def tables() -> list[str]:
    from django.db import connection

    return sorted(connection.introspection.table_names())


def role_permissions() -> dict[str, int]:
    from django.contrib.auth.models import Group

    return {group.name: group.permissions.count() for group in Group.objects.all()}


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    main()
