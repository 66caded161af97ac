"""PostgreSQL: binary COPY from buffers that numpy lays out.

The binary form of `numeric` is a row of base-10000 digits; its receiver takes leading and trailing
zeros off, so that every value of a column can have the same width.
https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.4
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection

from marketdata.ingest.bars import NULL
from marketdata.ingest.engines import sql
from marketdata.ingest.faults import Integers
from marketdata.ingest.loading import Rows, StoredRows, Window
from marketdata.ingest.numbers import Numbers
from marketdata.ingest.tables import BarTable, NumberColumn

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_NEGATIVE = 0x4000
_BASE = 10_000
_PLACES = 8
# PostgreSQL counts from 2000-01-01.
_DAYS_TO_2000 = 10_957
_MICROSECONDS_A_MINUTE = 60_000_000

Field = tuple[str, str]


class PostgresEngine:
    """See `loading.Engine`."""

    def select(self, table: BarTable, windows: list[Window]) -> StoredRows:
        column = sql.quoted(table.time_column)
        slot = (
            f"({column} - DATE '1970-01-01')::bigint"
            if table.is_daily
            else f"(extract(epoch FROM {column})::bigint / 60)"
        )
        numbers = [
            f"COALESCE(({sql.quoted(number.name)} * {10**number.scale})::bigint, {NULL})" for number in table.numbers
        ]
        return sql.select_integers(table, windows, slot=slot, numbers=numbers, moment=lambda at: _moment(at, table))

    def insert(self, rows: Rows) -> None:
        names = ", ".join(map(sql.quoted, sql.column_names(rows.table)))
        statement = f"COPY {sql.quoted(rows.table.name)} ({names}) FROM STDIN (FORMAT BINARY)"
        # Django wraps the errors of execute(), not those of copy().
        with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(_HEADER)
            for part in by_nulls(rows):
                copy.write(copy_rows(part).data)
            copy.write(_TRAILER)

    def update(self, rows: Rows, keys: Integers) -> None:
        names = [number.name for number in rows.table.numbers]
        # Multiplied, because a division rounds to what the server thinks is enough.
        assignments = ", ".join(
            f"{sql.quoted(number.name)} = given.{sql.quoted(number.name)} * {10.0**-number.scale:.{number.scale}f}"
            for number in rows.table.numbers
        )
        places = ", ".join(["%s::bigint[]"] * (1 + len(names)))
        given = ", ".join(map(sql.quoted, ["key", *names]))
        statement = (
            f"UPDATE {sql.quoted(rows.table.name)} SET {assignments}, batch_id = %s "  # noqa: S608  # our own names
            f"FROM unnest({places}) AS given({given}) WHERE {sql.quoted(rows.table.name)}.id = given.key"
        )
        values = [_nullable(rows.numbers[name]) for name in names]
        with connection.cursor() as cursor:
            cursor.execute(statement, [rows.batch, keys.tolist(), *values])


def by_nulls(rows: Rows) -> list[Rows]:
    """The rows in groups that have nulls in the same columns, so that each group has one width."""
    pattern = np.zeros(len(rows), dtype=np.int64)
    for position, column in enumerate(rows.table.numbers):
        pattern |= rows.numbers[column.name].missing.astype(np.int64) << position
    if (pattern == pattern[0]).all():
        return [rows]
    return [rows.take(np.flatnonzero(pattern == one)) for one in np.unique(pattern).tolist()]


class _Layout:
    """A row of COPY's binary form as a numpy type, and what each field is filled with."""

    def __init__(self, columns: int) -> None:
        self.fields: list[Field] = [("columns", ">i2")]
        self.values: dict[str, Any] = {"columns": columns}

    def add(self, name: str, kind: str, value: Any, *, size: int) -> None:
        """A field of `size` bytes, behind the size itself."""
        self._put(f"{name} size", ">i4", size)
        self._put(name, kind, value)

    def add_null(self, name: str) -> None:
        self._put(f"{name} size", ">i4", -1)

    def add_numeric(self, name: str, values: Integers, column: NumberColumn) -> None:
        digits, weight = _digits(values, column)
        self._put(f"{name} size", ">i4", 8 + 2 * len(digits))
        self._put(f"{name} digits", ">i2", len(digits))
        self._put(f"{name} weight", ">i2", weight)
        self._put(f"{name} sign", ">u2", np.where(values < 0, _NEGATIVE, 0))
        self._put(f"{name} scale", ">i2", column.scale)
        for place, digit in enumerate(digits):
            self._put(f"{name} {place}", ">i2", digit)

    def filled(self, count: int) -> npt.NDArray[np.uint8]:
        """The bytes of `count` rows."""
        rows = np.empty(count, dtype=np.dtype(self.fields))
        for name, value in self.values.items():
            rows[name] = value
        return rows.view(np.uint8)

    def _put(self, name: str, kind: str, value: Any) -> None:
        self.fields.append((name, kind))
        self.values[name] = value


def copy_rows(rows: Rows) -> npt.NDArray[np.uint8]:
    """The rows of one pattern of nulls in COPY's binary form, without header and trailer."""
    layout = _Layout(len(sql.column_names(rows.table)))
    layout.add("instrument", ">i8", rows.instrument, size=8)
    for name, text in rows.table.fixed:
        layout.add(name, f"S{len(text)}", text.encode(), size=len(text))
    if rows.table.is_daily:
        layout.add("at", ">i4", rows.slot - _DAYS_TO_2000, size=4)
    else:
        layout.add("at", ">i8", (rows.slot - _DAYS_TO_2000 * 1440) * _MICROSECONDS_A_MINUTE, size=8)
    for column in rows.table.numbers:
        numbers = rows.numbers[column.name]
        if numbers.missing[0]:
            layout.add_null(column.name)
        elif column.scale == 0:
            layout.add(column.name, ">i8", numbers.values, size=8)
        else:
            layout.add_numeric(column.name, numbers.values, column)
    layout.add("batch", ">i8", rows.batch, size=8)
    return layout.filled(len(rows))


def _digits(values: Integers, column: NumberColumn) -> tuple[list[npt.NDArray[np.int64]], int]:
    """Base-10000 digits, one array a place, and the weight of the first; outer places that are 0 left out."""
    whole, rest = np.divmod(np.abs(values), 10**column.scale)
    fraction = rest * 10 ** (_PLACES - column.scale)
    digits = [
        whole // _BASE**2,
        whole // _BASE % _BASE,
        whole % _BASE,
        fraction // _BASE,
        fraction % _BASE,
    ]
    weight = 2
    while weight > 0 and not digits[0].any():
        digits.pop(0)
        weight -= 1
    while len(digits) > 1 and not digits[-1].any():
        digits.pop()
    return digits, weight


def _moment(slot: int, table: BarTable) -> date | datetime:
    if table.is_daily:
        return date(1970, 1, 1) + timedelta(days=slot)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=slot)


def _nullable(numbers: Numbers) -> list[int | None]:
    listed: list[int | None] = numbers.values.tolist()
    for row in np.flatnonzero(numbers.missing).tolist():
        listed[row] = None
    return listed
