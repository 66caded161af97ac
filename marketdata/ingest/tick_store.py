"""Ticks in their table and in the archive: what is there, and each engine's quickest way in."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from django.db import OperationalError, connection

from marketdata.archive.catalog import find_groups
from marketdata.archive.layout import TICKS, Dataset
from marketdata.archive.reading import read_places
from marketdata.archive.rows import ArchiveRows, Words
from marketdata.ingest.engines.mysql import REFUSALS, TRY_AGAIN
from marketdata.ingest.faults import Integers
from marketdata.ingest.numbers import floats_of_unscaled, unscaled_of_floats
from marketdata.ingest.summary import Counts
from marketdata.ingest.ticks import PRICE, SIZE, TEXTS, Ticks

DATASET = Dataset(TICKS)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = ("instrument_id", "timestamp", "sequence", "price", "size", "exchange", "condition", "batch_id")
_ROWS_AT_ONCE = 10_000
#: Stands for the key of a tick that is in the archive.
_SEALED = 0


@dataclass(frozen=True, slots=True)
class StoredTicks:
    """n ticks that are in the table, with their keys, or in the archive (_SEALED)."""

    key: Integers
    instrument: Integers
    time: Integers
    sequence: Integers
    price: Integers
    size: Integers
    texts: dict[str, Words]


def merge_ticks(ticks: Ticks, /, *, instruments: Integers, batch: int) -> Counts:
    """Bring what is stored to be these ticks.

    A tick is the same as a stored one of its instrument, time and sequence. Equal ones of a sealed day stay in
    the archive, others go into the table over them. Only inside a transaction that holds the ingest lock.
    """
    if not len(ticks):
        return Counts()
    instrument = instruments[ticks.symbol]
    order = np.lexsort((ticks.sequence, ticks.time, instrument))
    ticks, instrument = ticks.take(order), instrument[order]
    stored = _stored(ticks, instrument)
    old = _match(ticks, instrument, stored)
    fresh = np.flatnonzero(old < 0)
    again = np.flatnonzero(old >= 0)
    where = old[again]
    same = (ticks.price[again] == stored.price[where]) & (ticks.size[again] == stored.size[where])
    for name in TEXTS:
        same &= _texts(ticks.texts[name].take(again)) == _texts(stored.texts[name].take(where))
    changed = again[~same]
    keys = stored.key[old[changed]]
    over = np.concatenate([fresh, changed[keys == _SEALED]])
    _insert(ticks.take(over), instrument[over], batch)
    live = changed[keys != _SEALED]
    _update(ticks.take(live), keys[keys != _SEALED], batch)
    return Counts(inserted=len(fresh), updated=len(changed), unchanged=len(again) - len(changed))


def _match(ticks: Ticks, instrument: Integers, stored: StoredTicks) -> npt.NDArray[np.intp]:
    """For each tick where it stands among the stored ones, -1 where it does not; live ones before sealed ones."""
    both = np.zeros(len(ticks) + len(stored.key), dtype=[("i", "<i8"), ("t", "<i8"), ("n", "<i8")])
    for name, ours, theirs in (
        ("i", instrument, stored.instrument),
        ("t", ticks.time, stored.time),
        ("n", ticks.sequence, stored.sequence),
    ):
        both[name] = np.concatenate([ours, theirs])
    _, numbers = np.unique(both, return_inverse=True)
    places = np.full(len(both) + 1, -1, dtype=np.intp)
    # Assigned last, a live tick hides the sealed one under it.
    order = np.argsort(stored.key != _SEALED, kind="stable")
    places[numbers[len(ticks) :][order]] = order
    return places[numbers[: len(ticks)]]


def _stored(ticks: Ticks, instrument: Integers) -> StoredTicks:
    """What is stored between the first and the last tick of each instrument."""
    keys = np.unique(instrument).tolist()
    parts = []
    for key in keys:
        times = ticks.time[instrument == key]
        parts.append(_live(key, int(times.min()), int(times.max())))
    start, end = (_moment(int(at)) for at in (ticks.time.min(), ticks.time.max() + 1))
    found = find_groups(DATASET, keys, start=start, end=end)
    if found:
        rows = ArchiveRows.from_table(DATASET, read_places(DATASET, [group.place for group in found]))
        owners = np.repeat([group.instrument for group in found], [group.place.rows for group in found])
        parts.append(
            StoredTicks(
                np.full(len(rows), _SEALED, dtype=np.int64),
                owners.astype(np.int64),
                rows.time,
                rows.sequence,
                rows.numbers["price"].values,
                rows.numbers["size"].values,
                dict(rows.texts),
            )
        )
    return StoredTicks(
        key=np.concatenate([part.key for part in parts]),
        instrument=np.concatenate([part.instrument for part in parts]),
        time=np.concatenate([part.time for part in parts]),
        sequence=np.concatenate([part.sequence for part in parts]),
        price=np.concatenate([part.price for part in parts]),
        size=np.concatenate([part.size for part in parts]),
        texts={name: Words.joined([part.texts[name] for part in parts]) for name in TEXTS},
    )


def _live(instrument: int, first: int, last: int) -> StoredTicks:
    """The table's ticks of an instrument, both ends of the time included."""
    moment, price, size = _EXPRESSIONS[connection.vendor]
    statement = (
        f"SELECT id, {moment}, sequence, {price}, {size}, exchange, {_quoted('condition')} FROM ticks "  # noqa: S608  # our own names
        f"WHERE instrument_id = %s AND {_quoted('timestamp')} BETWEEN %s AND %s"
    )
    ends = [connection.ops.adapt_datetimefield_value(_moment(at)) for at in (first, last)]
    with connection.cursor() as cursor:
        cursor.execute(statement, [instrument, *ends])
        found = cursor.fetchall()
    columns: Sequence[Sequence[Any]] = list(zip(*found, strict=True)) or [()] * 7
    key, sequence = (np.array(columns[place], dtype=np.int64) for place in (0, 2))
    if connection.vendor == "sqlite":
        # Django writes no fraction where it is zero: the longest form says all.
        time = pa.array(columns[1], pa.string()).cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
        price_values, size_values = (
            unscaled_of_floats(np.array(columns[place], dtype=np.float64), column.scale)
            for place, column in ((3, PRICE), (4, SIZE))
        )
    else:
        time = np.array(columns[1], dtype=np.int64)
        price_values, size_values = (np.array(columns[place], dtype=np.int64) for place in (3, 4))
    return StoredTicks(
        key,
        np.full(len(key), instrument, dtype=np.int64),
        time,
        sequence,
        price_values,
        size_values,
        {name: _words(columns[place]) for place, name in enumerate(TEXTS, start=5)},
    )


_EXPRESSIONS = {
    # Expressions: the driver would make objects of the columns themselves.
    "sqlite": ('CAST("timestamp" AS TEXT)', "CAST(price AS REAL)", "CAST(size AS REAL)"),
    "postgresql": (
        "(extract(epoch FROM timestamp) * 1000000)::bigint",
        f"(price * {10**PRICE.scale})::bigint",
        f"(size * {10**SIZE.scale})::bigint",
    ),
    "mysql": (
        "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', `timestamp`)",
        f"CAST(price * {10**PRICE.scale} AS SIGNED)",
        f"CAST(size * {10**SIZE.scale} AS SIGNED)",
    ),
}


def _insert(ticks: Ticks, instrument: Integers, batch: int) -> None:
    if not len(ticks):
        return
    names = ", ".join(map(_quoted, _COLUMNS))
    if connection.vendor == "postgresql":
        text = _csv(ticks, instrument, batch)
        # Django wraps the errors of execute(), not those of copy().
        statement = f"COPY ticks ({names}) FROM STDIN (FORMAT CSV)"
        with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(text)
        return
    if connection.vendor == "mysql" and _load_local(ticks, instrument, batch, names):
        return
    places = ", ".join(["%s"] * len(_COLUMNS))
    columns = _values(ticks, instrument, batch)
    with connection.cursor() as cursor:
        for start in range(0, len(ticks), _ROWS_AT_ONCE):
            rows = list(zip(*(column[start : start + _ROWS_AT_ONCE] for column in columns), strict=True))
            cursor.executemany(f"INSERT INTO ticks ({names}) VALUES ({places})", rows)  # noqa: S608  # our own names


def _load_local(ticks: Ticks, instrument: Integers, batch: int, names: str) -> bool:
    """Send the ticks as a file; False where the server refuses files."""
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
        path = Path(folder) / "ticks.csv"
        path.write_bytes(_csv(ticks, instrument, batch))
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "LOAD DATA LOCAL INFILE %s INTO TABLE ticks CHARACTER SET utf8mb4 "
                    f"FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' ({names})",
                    [str(path)],
                )
                loaded = int(cursor.rowcount)
        except OperationalError as error:
            if not error.args or error.args[0] not in REFUSALS:
                raise
            return False
    if loaded != len(ticks):
        # LOCAL turns errors into skipped rows; the next try of the transaction sees what is there.
        raise OperationalError(TRY_AGAIN, f"{len(ticks) - loaded} of {len(ticks)} ticks were not taken.")
    return True


def _update(ticks: Ticks, keys: Integers, batch: int) -> None:
    """Corrections are few: row by row."""
    if not len(ticks):
        return
    _, _, _, price, size, exchange, condition, _ = _values(ticks, np.zeros(len(ticks), dtype=np.int64), batch)
    rows = list(zip(price, size, exchange, condition, [batch] * len(ticks), keys.tolist(), strict=True))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE ticks SET price = %s, size = %s, exchange = %s, {_quoted('condition')} = %s, batch_id = %s "  # noqa: S608  # our own names
            "WHERE id = %s",
            rows,
        )


def _csv(ticks: Ticks, instrument: Integers, batch: int) -> bytes:
    from pyarrow import csv

    zone = "+00" if connection.vendor == "postgresql" else ""
    moments = pc.binary_join_element_wise(_moments(ticks.time), zone, "")
    columns = [
        pa.array(instrument),
        moments,
        pa.array(ticks.sequence),
        decimals(ticks.price, PRICE.scale),
        decimals(ticks.size, SIZE.scale),
        *(pa.array(_texts(ticks.texts[name]).tolist(), pa.string()) for name in TEXTS),
        pa.repeat(pa.scalar(batch), len(ticks)),
    ]
    sink = pa.BufferOutputStream()
    options = csv.WriteOptions(include_header=False, quoting_style="needed")
    csv.write_csv(pa.table(columns, names=list(_COLUMNS)), sink, options)
    text: bytes = sink.getvalue().to_pybytes()
    return text


def _values(ticks: Ticks, instrument: Integers, batch: int) -> list[list[Any]]:
    """The columns of an insert as Python values."""
    if connection.vendor == "sqlite":
        numbers = [
            floats_of_unscaled(values, column.scale).tolist()
            for values, column in ((ticks.price, PRICE), (ticks.size, SIZE))
        ]
        # As Django writes it.
        moments = pc.replace_substring_regex(_moments(ticks.time), r"\.000000$", "").to_pylist()
    else:
        numbers = [
            decimals(values, column.scale).to_pylist() for values, column in ((ticks.price, PRICE), (ticks.size, SIZE))
        ]
        moments = _moments(ticks.time).to_pylist()
    return [
        instrument.tolist(),
        moments,
        ticks.sequence.tolist(),
        *numbers,
        *(_texts(ticks.texts[name]).tolist() for name in TEXTS),
        [batch] * len(ticks),
    ]


def decimals(values: Integers, scale: int) -> pa.Array:
    """Unscaled integers as Arrow decimals."""
    halves = np.stack([values, values >> 63], axis=1)
    return pa.Array.from_buffers(pa.decimal128(38, scale), len(values), [None, pa.py_buffer(halves)])


def _moments(microseconds: Integers) -> pa.Array:
    return pa.array(microseconds).cast(pa.timestamp("us")).cast(pa.string())


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _texts(words: Words) -> npt.NDArray[np.object_]:
    texts: npt.NDArray[np.object_] = np.array([*words.words, ""], dtype=object)[words.codes]
    return texts


def _words(texts: Sequence[str]) -> Words:
    words = sorted(set(texts))
    place = {word: number for number, word in enumerate(words)}
    return Words(np.array([place[text] for text in texts], dtype=np.int64), words)


def _quoted(name: str) -> str:
    return str(connection.ops.quote_name(name))
