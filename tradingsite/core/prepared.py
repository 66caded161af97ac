"""Reads that every request makes: planned by PostgreSQL once a connection, not once a call."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.db import DatabaseError, connection

#: What PostgreSQL says when the statement is not what this connection prepared: behind a pooler that
#: hands connections on between statements, or after a migration that changed the type of a column.
_NOT_OURS = frozenset({"26000", "42P05", "0A000"})

logger = logging.getLogger(__name__)


def fetch_prepared(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of a SELECT; name its columns, so that one that a migration adds does not change its answer.

    Django's cursor puts the values into the text, which PostgreSQL then parses and plans anew each time:
    for a query with a few joins that is most of what it costs. The other engines are asked as always.
    """
    if connection.vendor != "postgresql":
        return _fetch(sql, parameters, prepare=False)
    try:
        return _fetch(sql, parameters, prepare=True)
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", None) not in _NOT_OURS or connection.in_atomic_block:
            raise
        logger.info("The database does not keep prepared statements (%s); asking without.", error)
        # For as long as this connection lives.
        connection.connection.prepare_threshold = None
        return _fetch(sql, parameters, prepare=True)


def _fetch(sql: str, parameters: Sequence[Any], *, prepare: bool) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        if prepare:
            from psycopg import Cursor

            # Prepares when the connection's `prepare_threshold` says so (core/database.py); inside of Django's
            # wrapper still, which counts queries and translates errors.
            cursor.cursor = Cursor(connection.connection)
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = list(cursor.fetchall())
    return rows
