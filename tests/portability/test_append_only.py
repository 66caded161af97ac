"""The database itself refuses to change or delete entries of the trail and its seals."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from systemevents import append_only
from systemevents.models import AuditLog, AuditSeal
from systemevents.services.audit import record_audit
from systemevents.services.seals import seal_audit
from tests.portability.processes import SEAL_KEY
from tradingsite.core.actor import Actor
from tradingsite.core.registry import Unhealthy

pytestmark = pytest.mark.django_db(transaction=True)

COLUMNS = "(occurred_at, actor_label, key_id, front, action, object_type, object_id, object_label, request_id)"
VALUES = "VALUES ('2026-11-20 12:00:00', 'mallory', '', 'job', 'x.done', '', '', '', '')"


@pytest.fixture
def entry(system: Actor, settings: Any) -> AuditLog:
    """An entry that is there, under a seal that is there."""
    settings.AUDIT_SEAL_KEY = SEAL_KEY
    with transaction.atomic():
        entry = record_audit(system, "something.done")
    seal_audit(actor=system)
    return entry


def rows() -> tuple[list[Any], list[Any]]:
    return list(AuditLog.objects.order_by("pk").values()), list(AuditSeal.objects.values_list("number", "code"))


@contextmanager
def refused(table: str) -> Iterator[None]:
    """The block fails with a sentence on this table, and changes nothing."""
    before = rows()
    with pytest.raises(DatabaseError, match=f"{table} is append-only"), transaction.atomic():
        yield
    assert rows() == before


def execute(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_an_entry_can_be_neither_saved_again_nor_deleted(entry: AuditLog) -> None:
    entry.action = "nothing.done"
    with refused("audit_logs"):
        entry.save()
    with refused("audit_logs"):
        entry.delete()


def test_a_queryset_can_neither_update_nor_delete(entry: AuditLog) -> None:
    with refused("audit_logs"):
        AuditLog.objects.update(action="nothing.done")
    with refused("audit_logs"):
        AuditLog.objects.filter(pk=entry.pk).delete()
    with refused("audit_logs"):
        AuditLog.objects.bulk_update([entry], ["action"])


def test_a_seal_can_be_neither_changed_nor_deleted(entry: AuditLog) -> None:
    with refused("audit_seals"):
        AuditSeal.objects.update(digest="0" * 64)
    with refused("audit_seals"):
        AuditSeal.objects.all().delete()


@pytest.mark.parametrize("table", append_only.TABLES)
def test_plain_sql_can_neither_change_nor_delete(entry: AuditLog, table: str) -> None:
    key = "id" if table == "audit_logs" else "number"
    with refused(table):
        execute(f"UPDATE {table} SET {key} = {key}")
    with refused(table):
        execute(f"DELETE FROM {table}")


def test_replacing_a_row_is_refused(entry: AuditLog) -> None:
    if connection.vendor == "postgresql":
        pytest.skip("PostgreSQL has no REPLACE")
    with refused("audit_logs"):
        execute(f"REPLACE INTO audit_logs {COLUMNS.replace('(', '(id, ')} {VALUES.replace('(', '(%s, ')}", entry.pk)


def test_writing_over_a_row_that_is_there_is_refused(entry: AuditLog) -> None:
    insert = f"INSERT INTO audit_logs {COLUMNS.replace('(', '(id, ')} {VALUES.replace('(', '(%s, ')} "
    if connection.vendor == "mysql":
        upsert = insert + "ON DUPLICATE KEY UPDATE action = 'nothing.done'"
    else:
        upsert = insert + "ON CONFLICT (id) DO UPDATE SET action = 'nothing.done'"
    with refused("audit_logs"):
        execute(upsert, entry.pk)


def test_sqlite_refuses_a_replace_also_of_those_who_set_no_pragma(entry: AuditLog) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite's REPLACE")
    before = rows()
    stranger = sqlite3.connect(connection.settings_dict["NAME"])
    try:
        with pytest.raises(sqlite3.IntegrityError, match="audit_logs is append-only: REPLACE"):
            stranger.execute(
                f"REPLACE INTO audit_logs {COLUMNS.replace('(', '(id, ')} {VALUES.replace('(', '(?, ')}", [entry.pk]
            )
    finally:
        stranger.close()
    assert rows() == before


@pytest.mark.parametrize("table", append_only.TABLES)
def test_postgresql_refuses_truncate(entry: AuditLog, table: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE, and on MySQL/MariaDB no trigger sees it")
    with refused(table):
        execute(f"TRUNCATE {table}")
    with refused(table), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"DELETE FROM {table}")


def test_inserting_goes_on(entry: AuditLog) -> None:
    before = AuditLog.objects.count()
    execute(f"INSERT INTO audit_logs {COLUMNS} {VALUES}")
    assert AuditLog.objects.count() == before + 1


def warnings() -> list[str]:
    found = run_checks(tags=["database"], databases=["default"])
    return [message.msg for message in found if message.id == "desk.W070"]


def drop_one() -> str:
    """Drop the trigger against deleting; its name."""
    name = "audit_logs_append_only" if connection.vendor == "postgresql" else "audit_logs_no_delete"
    execute(f"DROP TRIGGER {name}" + (" ON audit_logs" if connection.vendor == "postgresql" else ""))
    return name


def test_a_missing_trigger_is_named_and_migrate_puts_it_back(entry: AuditLog) -> None:
    assert warnings() == []
    assert append_only.triggers_are_there() == "The database refuses to change or delete entries."
    name = drop_one()
    assert append_only.out_of_step(connection) == [name]
    assert [name in warning for warning in warnings()] == [True]
    with pytest.raises(Unhealthy, match=name):
        append_only.triggers_are_there()

    call_command("migrate", verbosity=0)
    assert warnings() == []
    with refused("audit_logs"):
        AuditLog.objects.all().delete()


def test_a_trigger_that_does_nothing_any_more_counts_as_missing(entry: AuditLog) -> None:
    name = drop_one()
    match connection.vendor:
        case "sqlite":
            execute(f"CREATE TRIGGER {name} BEFORE DELETE ON audit_logs BEGIN SELECT 1; END")
        case "mysql":
            execute(f"CREATE TRIGGER {name} BEFORE DELETE ON audit_logs FOR EACH ROW SET @nothing = 1")
        case _:
            append_only.install(connection)
            execute(f"ALTER TABLE audit_logs DISABLE TRIGGER {name}")
    assert append_only.out_of_step(connection) == [name]
    append_only.install(connection)
    assert append_only.out_of_step(connection) == []


def test_installing_again_changes_nothing(entry: AuditLog, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(4) as queries:
        append_only.install(connection)
    assert not [query["sql"] for query in queries if "CREATE" in query["sql"] or "DROP" in query["sql"]]


def test_a_migration_of_these_tables_finds_no_triggers_and_no_other_takes_them_away(entry: AuditLog) -> None:
    class Step:
        app_label = "accounts"

    config = apps.get_app_config("systemevents")
    append_only.remove_before_migrate(config, plan=[(Step, False)])
    assert append_only.out_of_step(connection) == []
    Step.app_label = "systemevents"
    append_only.remove_before_migrate(config, plan=[(Step, False)])
    assert set(append_only.out_of_step(connection)) == set(append_only.wanted(connection))
    append_only.install_after_migrate(config)
    assert append_only.out_of_step(connection) == []


def test_going_back_before_the_seals_and_forward_again_keeps_the_trail_protected(entry: AuditLog) -> None:
    entries = AuditLog.objects.count()
    try:
        call_command("migrate", "systemevents", "0001", verbosity=0)
        assert "audit_seals" not in connection.introspection.table_names()
        assert append_only.out_of_step(connection) == []
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            AuditLog.objects.all().delete()
    finally:
        call_command("migrate", verbosity=0)
    assert append_only.out_of_step(connection) == []
    assert AuditLog.objects.count() >= entries
    assert AuditSeal.objects.count() == 0


def test_flush_is_refused(entry: AuditLog) -> None:
    if connection.vendor == "mysql":
        pytest.skip("flush is TRUNCATE there, which no trigger sees")
    before = rows()
    with pytest.raises(CommandError, match="couldn't be flushed"):
        call_command("flush", interactive=False, verbosity=0)
    assert rows() == before
