"""Starting over where MySQL/MariaDB left a first migrate half done.

These engines commit every change of a table at once, so a migrate that is killed leaves tables
that its next run can't make again. As long as they hold nothing, nothing is lost with them.
"""

from __future__ import annotations

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

_MIGRATIONS = MigrationRecorder.Migration._meta.db_table


def drop_half_made_tables() -> list[str]:
    """Drop the tables of a first migrate that broke off, if they are all empty; answers which.

    Does nothing on engines that undo changes of tables, after a migrate that finished (it leaves
    content types and permissions), or where a migration was applied that is not ours.
    """
    if connection.features.can_rollback_ddl:
        return []
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return []
    if set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations):
        return []
    existing = set(connection.introspection.table_names())
    ours = sorted(existing & set(connection.introspection.django_table_names()))
    if _MIGRATIONS not in existing or any(map(_has_rows, ours)):
        return []
    dropped = [*ours, _MIGRATIONS]
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        # The record of what was applied goes last: killed again, the next run comes here again.
        for table in dropped:
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(table)}")
    return dropped


def _has_rows(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(table)} LIMIT 1")  # noqa: S608  # our own table's name
        return cursor.fetchone() is not None
