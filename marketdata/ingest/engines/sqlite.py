"""SQLite: statements of a hundred rows; decimals are doubles there, the nearest ones."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.db import connection

from marketdata.ingest.engines import sql
from marketdata.ingest.faults import Integers
from marketdata.ingest.loading import Rows, StoredRows, Window
from marketdata.ingest.numbers import Numbers, floats_of_unscaled, unscaled_of_floats
from marketdata.ingest.tables import BarTable

# SQLite 3.32 and newer take 32,766 parameters; more rows a statement do not go faster.
ROWS_A_STATEMENT = 100
# As many become Python objects at a time.
ROWS_AT_ONCE = 10_000


class SqliteEngine:
    """See `loading.Engine`."""

    def select(self, table: BarTable, windows: list[Window]) -> StoredRows:
        # Julian days and Unix seconds, as SQLite's own functions count them.
        column = sql.quoted(table.time_column)
        slot = (
            f"CAST(julianday({column}) - 2440587.5 AS INTEGER)"
            if table.is_daily
            else f"CAST(strftime('%%s', {column}) AS INTEGER) / 60"
        )
        # 9e999 is infinity, which no column holds: it stands for null, so that all is numbers.
        numbers = [f"IFNULL({sql.quoted(number.name)}, 9e999)" for number in table.numbers]
        statements = sql.select_statements(
            table,
            windows,
            expressions=["id", "instrument_id", slot, *numbers],
            moment=lambda at: _text(np.array([at]), table)[0],
        )
        width = 3 + len(numbers)
        parts = [np.empty((0, width))]
        with connection.cursor() as cursor:
            for statement, parameters in statements:
                cursor.execute(statement, parameters)
                while found := cursor.fetchmany(50_000):
                    parts.append(np.array(found, dtype=np.float64))
        everything = np.concatenate(parts)
        values = {}
        for position, number in enumerate(table.numbers, start=3):
            missing = np.isinf(everything[:, position])
            floats = np.where(missing, 0.0, everything[:, position])
            values[number.name] = Numbers(unscaled_of_floats(floats, number.scale), missing)
        return sql.stored_rows(everything[:, :3].astype(np.int64), values)

    def insert(self, rows: Rows) -> None:
        for start in range(0, len(rows), ROWS_AT_ONCE):
            _insert(rows.take(slice(start, start + ROWS_AT_ONCE)))

    def update(self, rows: Rows, keys: Integers) -> None:
        names = [number.name for number in rows.table.numbers]
        columns = [_values(rows.numbers[number.name], number.scale) for number in rows.table.numbers]
        assignments = ", ".join(f"{sql.quoted(name)} = ?" for name in [*names, "batch_id"])
        statement = f"UPDATE {sql.quoted(rows.table.name)} SET {assignments} WHERE id = ?"  # noqa: S608  # our own names
        batches = [rows.batch] * len(rows)
        with connection.wrap_database_errors:
            _raw_cursor().executemany(statement, zip(*columns, batches, keys.tolist(), strict=True))


def _insert(rows: Rows) -> None:
    columns = _columns(rows)
    row = f"({', '.join(['?'] * len(columns))})"
    names = ", ".join(map(sql.quoted, sql.column_names(rows.table)))
    head = f"INSERT INTO {sql.quoted(rows.table.name)} ({names}) VALUES "  # noqa: S608  # our own names
    flat = list(chain.from_iterable(zip(*columns, strict=True)))
    # sqlite3's own cursor: Django's would look for %s in every statement.
    cursor = _raw_cursor()
    for start in range(0, len(rows), ROWS_A_STATEMENT):
        count = min(ROWS_A_STATEMENT, len(rows) - start)
        values = flat[start * len(columns) : (start + count) * len(columns)]
        with connection.wrap_database_errors:
            cursor.execute(head + ", ".join([row] * count), values)


def _raw_cursor() -> Any:
    connection.ensure_connection()
    return connection.connection.cursor()


def _columns(rows: Rows) -> list[list[Any]]:
    """The columns of an insert as Python values, in the order of `sql.column_names`."""
    count = len(rows)
    return [
        rows.instrument.tolist(),
        *([value] * count for _, value in rows.table.fixed),
        _text(rows.slot, rows.table),
        *(_values(rows.numbers[number.name], number.scale) for number in rows.table.numbers),
        [rows.batch] * count,
    ]


def _values(numbers: Numbers, scale: int) -> list[Any]:
    if numbers.missing.all():
        return [None] * len(numbers.values)
    values: npt.NDArray[Any] = numbers.values if scale == 0 else floats_of_unscaled(numbers.values, scale)
    listed: list[Any] = values.tolist()
    for row in np.flatnonzero(numbers.missing).tolist():
        listed[row] = None
    return listed


def _text(slots: Integers, table: BarTable) -> list[str]:
    """Times in the form in which Django keeps them on SQLite."""
    if table.is_daily:
        dates = pa.array(slots.astype(np.int32), type=pa.int32()).cast(pa.date32())
        return list(dates.cast(pa.string()).to_pylist())
    return list(pa.array(slots * 60).cast(pa.timestamp("s")).cast(pa.string()).to_pylist())
