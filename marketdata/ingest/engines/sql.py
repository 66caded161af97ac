"""What the engines' statements share; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from marketdata.ingest.bars import NULL
from marketdata.ingest.faults import Integers
from marketdata.ingest.loading import StoredRows, Window
from marketdata.ingest.numbers import Numbers
from marketdata.ingest.tables import BarTable

# A look-up is a UNION ALL of this many windows, so that each one's plan is a range of the unique index.
WINDOWS_A_QUERY = 100


def quoted(name: str) -> str:
    """A column or table as the engine wants it; only for names from our own tables."""
    from django.db import connection

    return str(connection.ops.quote_name(name))


def column_names(table: BarTable) -> list[str]:
    """The columns that an insert writes, in the order in which the engines write them."""
    fixed = [name for name, _ in table.fixed]
    return ["instrument_id", *fixed, table.time_column, *(column.name for column in table.numbers), "batch_id"]


def select_statements(
    table: BarTable, windows: list[Window], *, expressions: list[str], moment: Callable[[int], Any]
) -> Iterator[tuple[str, list[Any]]]:
    """The statements that read the windows: text with %s places, and their parameters.

    `moment` makes a slot the value that the time column is compared with.
    """
    fixed = "".join(f" AND {quoted(name)} = %s" for name, _ in table.fixed)
    values = [value for _, value in table.fixed]
    one = (
        f"SELECT {', '.join(expressions)} FROM {quoted(table.name)} "  # noqa: S608  # names from our own tables
        f"WHERE instrument_id = %s{fixed} AND {quoted(table.time_column)} BETWEEN %s AND %s"
    )
    for start in range(0, len(windows), WINDOWS_A_QUERY):
        part = windows[start : start + WINDOWS_A_QUERY]
        parameters: list[Any] = []
        for window in part:
            parameters += [window.instrument, *values, moment(window.first), moment(window.last)]
        yield " UNION ALL ".join([one] * len(part)), parameters


def stored_rows(keys: Integers, numbers: dict[str, Numbers]) -> StoredRows:
    """`keys`: int64[n, 3] of key, instrument, slot."""
    return StoredRows(key=keys[:, 0], instrument=keys[:, 1], slot=keys[:, 2], numbers=numbers)


def select_integers(
    table: BarTable, windows: list[Window], *, slot: str, numbers: list[str], moment: Callable[[int], Any]
) -> StoredRows:
    """What is stored in the windows, by expressions that make the server answer integers only.

    `slot` is the expression of the bar's slot, `numbers` those of the unscaled numbers, NULL for null.
    """
    from django.db import connection

    expressions = ["id", "instrument_id", slot, *numbers]
    parts = []
    with connection.cursor() as cursor:
        for statement, parameters in select_statements(table, windows, expressions=expressions, moment=moment):
            cursor.execute(statement, parameters)
            parts.append(np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, len(expressions)))
    return stored_integers(table, np.concatenate(parts))


def stored_integers(table: BarTable, everything: Integers) -> StoredRows:
    """Rows that the server answered as integers: key, instrument, slot, then the unscaled numbers, NULL for null."""
    numbers = {}
    for position, number in enumerate(table.numbers, start=3):
        missing = everything[:, position] == NULL
        numbers[number.name] = Numbers(np.where(missing, 0, everything[:, position]), missing)
    return stored_rows(everything[:, :3], numbers)
