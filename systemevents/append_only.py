"""Triggers by which the database itself refuses to change or delete rows of the audit trail.

They are put there after every migrate, because SQLite loses them whenever it rebuilds a table.
What they can't stop: TRUNCATE on MySQL/MariaDB, and whoever may drop them; `audit verify` tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004  # Django's own name
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tradingsite.core.database import describe
from tradingsite.core.registry import Unhealthy

TABLES = ("audit_logs", "audit_seals")
#: PostgreSQL's column `pg_trigger.tgtype`: a statement trigger before UPDATE, DELETE or TRUNCATE.
_POSTGRES_TYPE = 2 | 8 | 16 | 32
_POSTGRES_FUNCTION = "refuse_change"
_POSTGRES_BODY = (
    "BEGIN RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = '23001'; END"
)
# May not make triggers while there is a binary log; may not make triggers on this table at all.
_MYSQL_REFUSALS = frozenset({1419, 1142})


def wanted(connection: BaseDatabaseWrapper) -> dict[str, tuple[str, str]]:
    """The table and the definition of each trigger that must be there, by its name, for the tables that exist."""
    there = set(connection.introspection.table_names())
    triggers: dict[str, tuple[str, str]] = {}
    for table in TABLES:
        if table in there:
            triggers |= {name: (table, text) for name, text in _definitions(connection.vendor, table).items()}
    return triggers


def out_of_step(connection: BaseDatabaseWrapper) -> list[str]:
    """The triggers that are missing, switched off or not what they should be."""
    present = _present(connection)
    return [name for name, (_, text) in wanted(connection).items() if present.get(name) != text]


def install(connection: BaseDatabaseWrapper) -> None:
    """Put back what is out of step; does nothing where all is well, so that it can run again and again."""
    names = out_of_step(connection)
    if not names:
        return
    triggers = wanted(connection)
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(
                    f"CREATE OR REPLACE FUNCTION {_POSTGRES_FUNCTION}() RETURNS trigger LANGUAGE plpgsql "
                    f"AS $${_POSTGRES_BODY}$$"
                )
            for name in names:
                table, text = triggers[name]
                _drop(cursor, connection.vendor, name, table)
                cursor.execute(_statement(connection.vendor, name, table, text))
                if connection.vendor == "postgresql":
                    # Also for those who set session_replication_role.
                    cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
    except DatabaseError as error:
        cause = error.__cause__ or error
        if connection.vendor == "mysql" and cause.args and cause.args[0] in _MYSQL_REFUSALS:
            raise ImproperlyConfigured(
                f"{describe(connection.settings_dict)} does not let this user make the triggers that protect the audit "
                "trail: grant it TRIGGER, and with a binary log set log_bin_trust_function_creators=1; then run "
                "`manage.py migrate` again."
            ) from error
        raise


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the triggers away, for a migration of these tables or a test that empties them."""
    there = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for table in TABLES:
            if table in there:
                for name in _definitions(connection.vendor, table):
                    _drop(cursor, connection.vendor, name, table)
        if connection.vendor == "postgresql":
            cursor.execute(f"DROP FUNCTION IF EXISTS {_POSTGRES_FUNCTION}()")


def install_after_migrate(sender: Any, using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """After the tables have their last form."""
    if using == DEFAULT_DB_ALIAS:
        install(connections[using])


def remove_before_migrate(
    sender: Any, using: str = DEFAULT_DB_ALIAS, plan: Iterable[tuple[Any, bool]] = (), **kwargs: Any
) -> None:
    """Before these tables are changed or dropped, and only then: a trail is never unprotected for nothing."""
    if using == DEFAULT_DB_ALIAS and any(migration.app_label == sender.label for migration, _ in plan):
        remove(connections[using])


@register(Tags.database)
def check_triggers(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """A warning, not an error: an error would stop the `migrate` that puts them back."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    return [
        Warning(
            f"The audit trail can be changed: the trigger {name} is missing or not as it was made.",
            hint="`manage.py migrate` puts it back; `manage.py audit verify` tells whether anything was changed.",
            obj=describe(connections[DEFAULT_DB_ALIAS].settings_dict),
            id="desk.W070",
        )
        for name in out_of_step(connections[DEFAULT_DB_ALIAS])
    ]


def triggers_are_there() -> str:
    """The health check of the same."""
    try:
        there = wanted(connection)
        missing = out_of_step(connection)
    except (DatabaseError, InterfaceError) as error:
        raise Unhealthy("Nobody knows whether the audit trail is protected: the database does not answer.") from error
    if not there:
        raise Unhealthy("There is no audit trail yet: `manage.py migrate` makes its tables.")
    if missing:
        raise Unhealthy(
            f"The audit trail can be changed: {', '.join(missing)} missing or not as made; "
            "`manage.py migrate` puts that back, `manage.py audit verify` tells whether anything was changed."
        )
    return "The database refuses to change or delete entries."


def _definitions(vendor: str, table: str) -> dict[str, str]:
    """A table's triggers by name, each with the text by which it is recognised."""
    if vendor == "postgresql":
        return {f"{table}_append_only": _POSTGRES_BODY}
    refusals = {f"{table}_no_{verb}": verb.upper() for verb in ("update", "delete")}
    if vendor == "mysql":
        return {
            name: f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{table} is append-only: {verb} is refused'"
            for name, verb in refusals.items()
        }
    definitions = {
        name: (
            f"CREATE TRIGGER {name} BEFORE {verb} ON {table} BEGIN "
            f"SELECT RAISE(ABORT, '{table} is append-only: {verb} is refused'); END"
        )
        for name, verb in refusals.items()
    }
    key = {"audit_logs": "id", "audit_seals": "number"}[table]
    # REPLACE fires the trigger of DELETE only under PRAGMA recursive_triggers, which others may not set.
    taken = f"EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"  # noqa: S608  # our own tables' names
    definitions[f"{table}_no_replace"] = (
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {taken} BEGIN "
        f"SELECT RAISE(ABORT, '{table} is append-only: REPLACE is refused'); END"
    )
    return definitions


def _statement(vendor: str, name: str, table: str, text: str) -> str:
    match vendor:
        case "sqlite":
            return text
        case "mysql":
            verb = name.rpartition("_")[2].upper()
            return f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW {text}"
        case _:
            return (
                f"CREATE TRIGGER {name} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {_POSTGRES_FUNCTION}()"
            )


def _drop(cursor: Any, vendor: str, name: str, table: str) -> None:
    cursor.execute(f"DROP TRIGGER IF EXISTS {name}" + (f" ON {table}" if vendor == "postgresql" else ""))


def _present(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """The triggers that the database has and that fire, by name, in the words of `_definitions`."""
    with connection.cursor() as cursor:
        match connection.vendor:
            case "sqlite":
                cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            case "mysql":
                cursor.execute(
                    "SELECT TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.TRIGGERS "
                    "WHERE TRIGGER_SCHEMA = DATABASE() AND ACTION_TIMING = 'BEFORE' "
                    "AND TRIGGER_NAME = CONCAT(EVENT_OBJECT_TABLE, '_no_', LOWER(EVENT_MANIPULATION))"
                )
            case _:
                cursor.execute(
                    "SELECT t.tgname, p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
                    "WHERE t.tgrelid IN (to_regclass('audit_logs'), to_regclass('audit_seals')) "
                    "AND t.tgenabled = 'A' AND t.tgtype = %s AND t.tgqual IS NULL",
                    [_POSTGRES_TYPE],
                )
        return dict(cursor.fetchall())
