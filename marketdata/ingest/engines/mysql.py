"""MySQL and MariaDB: LOAD DATA LOCAL from a temporary file, or long INSERTs where the server refuses that."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import DatabaseError, OperationalError, connection

from marketdata.ingest.bars import NULL
from marketdata.ingest.engines import sql
from marketdata.ingest.faults import Integers
from marketdata.ingest.loading import Rows, StoredRows, Window
from marketdata.ingest.numbers import Numbers
from marketdata.ingest.tables import BarTable

# Loading local data is disabled, in the words of MySQL 5.7, MySQL 8, the client, MariaDB.
REFUSALS = frozenset({1148, 2068, 3948, 4166})
# What the engines say when a transaction has to be tried again; see core.transactions.
TRY_AGAIN = 1213
ROWS_A_STATEMENT = 1_000


class MysqlEngine:
    """See `loading.Engine`."""

    def select(self, table: BarTable, windows: list[Window]) -> StoredRows:
        column = sql.quoted(table.time_column)
        slot = (
            f"DATEDIFF({column}, '1970-01-01')"
            if table.is_daily
            else f"TIMESTAMPDIFF(MINUTE, '1970-01-01 00:00:00', {column})"
        )
        numbers = [
            f"COALESCE(CAST({sql.quoted(number.name)} * {10**number.scale} AS SIGNED), {NULL})"
            for number in table.numbers
        ]
        # One text a row: the driver, which is Python, takes every value apart by itself (three times slower).
        columns = ["id", "instrument_id", slot, *numbers]
        statements = sql.select_statements(
            table, windows, expressions=[f"CONCAT_WS(',', {', '.join(columns)})"], moment=lambda at: _moment(at, table)
        )
        texts: list[bytes] = []
        with connection.cursor() as cursor:
            for statement, parameters in statements:
                cursor.execute(statement, parameters)
                texts += [_as_bytes(text) for (text,) in cursor.fetchall()]
        return sql.stored_integers(table, _integers(texts, width=len(columns)))

    def insert(self, rows: Rows) -> None:
        names = ", ".join(map(sql.quoted, sql.column_names(rows.table)))
        try:
            loaded = _load_local(rows, names)
        except OperationalError as error:
            if not error.args or error.args[0] not in REFUSALS:
                raise
            loaded = _insert(rows, names)
        if loaded != len(rows):
            # LOCAL turns errors into skipped rows. Somebody outside the ingest lock wrote the same
            # bars just now: the next try of the transaction sees them.
            raise OperationalError(TRY_AGAIN, f"{len(rows) - loaded} of {len(rows)} rows were not taken.")

    def update(self, rows: Rows, keys: Integers) -> None:
        names = sql.column_names(rows.table)
        changed = [number.name for number in rows.table.numbers] + ["batch_id"]
        assignments = ", ".join(f"{sql.quoted(name)} = VALUES({sql.quoted(name)})" for name in changed)
        listed = ", ".join(map(sql.quoted, ["id", *names]))
        columns = [pa.array(keys).cast(pa.string()), *_columns(rows, null="NULL", quote="'")]
        with connection.cursor() as cursor:
            for values in _values(columns):
                cursor.execute(
                    f"INSERT INTO {sql.quoted(rows.table.name)} ({listed}) VALUES {values} "  # noqa: S608  # numbers and times
                    f"ON DUPLICATE KEY UPDATE {assignments}"
                )


def _as_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _integers(lines: list[bytes], *, width: int) -> Integers:
    """Lines of integers with commas between; int64[n, width]."""
    if not lines:
        return np.empty((0, width), dtype=np.int64)
    from pyarrow import csv

    names = [str(position) for position in range(width)]
    text = b"\n".join(lines)
    table = csv.read_csv(
        pa.py_buffer(text),
        read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.int64())),
    )
    return np.column_stack([column.to_numpy() for column in table.columns])


def _load_local(rows: Rows, names: str) -> int:
    """Send the rows as a file; answers how many the server took."""
    from pyarrow import csv

    columns = _columns(rows, null="\\N")
    table = pa.table({str(position): column for position, column in enumerate(columns)})
    options = csv.WriteOptions(include_header=False, quoting_style="none")
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
        path = Path(folder) / "rows.csv"
        csv.write_csv(table, path, options)
        with connection.cursor() as cursor:
            cursor.execute(
                f"LOAD DATA LOCAL INFILE %s INTO TABLE {sql.quoted(rows.table.name)} CHARACTER SET binary "
                f"FIELDS TERMINATED BY ',' ({names})",
                [str(path)],
            )
            loaded = int(cursor.rowcount)
            cursor.execute("SHOW WARNINGS LIMIT 1")
            warning = cursor.fetchone()
    if warning is not None and loaded == len(rows):
        raise DatabaseError(f"Loading changed what was sent: {warning[-1]}")
    return loaded


def _insert(rows: Rows, names: str) -> int:
    """The same by statements, several times slower."""
    with connection.cursor() as cursor:
        for values in _values(_columns(rows, null="NULL", quote="'")):
            cursor.execute(f"INSERT INTO {sql.quoted(rows.table.name)} ({names}) VALUES {values}")  # noqa: S608  # numbers and times
    return len(rows)


def _values(columns: list[pa.Array]) -> Iterator[str]:
    """Texts for VALUES, of so many rows each."""
    lines = pc.binary_join_element_wise(*columns, ",")
    for start in range(0, len(lines), ROWS_A_STATEMENT):
        yield "(" + "), (".join(lines[start : start + ROWS_A_STATEMENT].to_pylist()) + ")"


def _columns(rows: Rows, *, null: str, quote: str = "") -> list[pa.Array]:
    """The columns of an insert as texts, in the order of `sql.column_names`."""

    def same(text: str) -> pa.Array:
        return pa.repeat(pa.scalar(text), len(rows))

    moments = _text(rows.slot, rows.table)
    if quote:
        moments = pc.binary_join_element_wise(same(quote), moments, same(quote), "")
    return [
        pa.array(rows.instrument).cast(pa.string()),
        *(same(f"{quote}{value}{quote}") for _, value in rows.table.fixed),
        moments,
        *(_decimals(rows.numbers[number.name], number.scale, null=null) for number in rows.table.numbers),
        same(str(rows.batch)),
    ]


def _decimals(numbers: Numbers, scale: int, *, null: str) -> pa.Array:
    """Unscaled integers as the text of their decimals."""
    values = numbers.values
    # Short texts are made, sent and read sooner: most prices have two decimals.
    while scale and not (values % 10).any():
        values, scale = values // 10, scale - 1
    halves = np.stack([values, values >> 63], axis=1)
    decimals = pa.Array.from_buffers(pa.decimal128(38, scale), len(values), [None, pa.py_buffer(halves)])
    text = decimals.cast(pa.string())
    if numbers.missing.any():
        return pc.if_else(pa.array(numbers.missing), pa.scalar(null), text)
    return text


def _text(slots: Integers, table: BarTable) -> pa.Array:
    if table.is_daily:
        return pa.array(slots.astype(np.int32), type=pa.int32()).cast(pa.date32()).cast(pa.string())
    return pa.array(slots * 60).cast(pa.timestamp("s")).cast(pa.string())


def _moment(slot: int, table: BarTable) -> date | datetime:
    if table.is_daily:
        return date(1970, 1, 1) + timedelta(days=slot)
    return datetime(1970, 1, 1) + timedelta(minutes=slot)  # noqa: DTZ001  # MySQL's times have no zone; they are UTC
