"""What a chunk of bars changes: new, changed and equal ones of the table and the archive, told apart in numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from django.db import connection

from marketdata.ingest.bars import Bars
from marketdata.ingest.faults import Integers
from marketdata.ingest.numbers import Numbers
from marketdata.ingest.sealed import SEALED, joined, sealed_rows
from marketdata.ingest.summary import Counts
from marketdata.ingest.tables import BarTable

# Times between which at most so many bars are missing are asked for in one window.
_BARS_BETWEEN = 16
_DAYS_BETWEEN = 60
_KEY = 1 << 32


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one instrument's time, both ends in it, in slots."""

    instrument: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a bar table as they are to stand there; all columns have n values."""

    table: BarTable
    instrument: Integers
    slot: Integers
    numbers: dict[str, Numbers]
    batch: int

    def __len__(self) -> int:
        return len(self.slot)

    def take(self, rows: npt.NDArray[np.intp] | slice) -> Rows:
        numbers = {name: column.take(rows) for name, column in self.numbers.items()}
        return Rows(self.table, self.instrument[rows], self.slot[rows], numbers, self.batch)


@dataclass(frozen=True, slots=True)
class StoredRows:
    """Rows that are in the table, with their keys, or in the archive (`sealed.SEALED`)."""

    key: Integers
    instrument: Integers
    slot: Integers
    numbers: dict[str, Numbers]


class Engine(Protocol):
    """One database engine's quickest ways, on the connection's open transaction."""

    def select(self, table: BarTable, windows: list[Window]) -> StoredRows:
        """What is stored in the windows."""

    def insert(self, rows: Rows) -> None:
        """Insert rows that are not there; raises an error of the database when one is."""

    def update(self, rows: Rows, keys: Integers) -> None:
        """Rewrite the rows with these keys."""


def engine() -> Engine:
    """The engine of the default connection: the one place that chooses."""
    if connection.vendor == "sqlite":
        from marketdata.ingest.engines.sqlite import SqliteEngine

        return SqliteEngine()
    if connection.vendor == "postgresql":
        from marketdata.ingest.engines.postgresql import PostgresEngine

        return PostgresEngine()
    from marketdata.ingest.engines.mysql import MysqlEngine

    return MysqlEngine()


def merge(bars: Bars, *, instruments: Integers, batch: int) -> Counts:
    """Bring what is stored to be these bars; a number that a bar does not have leaves the stored one alone.

    A bar of a sealed day that is equal stays in the archive; one that differs goes into the table
    with all its numbers, where it lies over the sealed one.

    instruments: int64, the instrument's key of each of `bars.names`. Only inside a transaction
    that holds the ingest lock, so that nothing comes between looking and writing.
    """
    if not len(bars):
        return Counts()
    store = engine()
    rows = Rows(bars.table, instruments[bars.symbol], bars.slot, bars.numbers, batch)
    # Neighbours in the index are written one after the other.
    rows = rows.take(_order(rows.instrument, rows.slot))
    stored = store.select(rows.table, windows(rows))
    old = _match(rows, stored)
    elsewhere = sealed_rows(rows.take(np.flatnonzero(old < 0)))
    if len(elsewhere.key):
        # What is live has been matched; of the others the archive may know some.
        missing = old < 0
        old = np.where(missing, _match(rows, elsewhere), old)
        old[missing & (old >= 0)] += len(stored.key)
        stored = joined(stored, elsewhere)
    found = old >= 0
    fresh = np.flatnonzero(~found)
    if len(fresh):
        store.insert(rows.take(fresh))
    again = np.flatnonzero(found)
    if not len(again):
        return Counts(inserted=len(fresh))
    merged, changed = _changed(rows.take(again), stored, old[again])
    changed_rows = np.flatnonzero(changed)
    keys = stored.key[old[again]]
    if len(over := np.flatnonzero(changed & (keys == SEALED))):
        store.insert(merged.take(over))
    if len(live := np.flatnonzero(changed & (keys != SEALED))):
        store.update(merged.take(live), keys[live])
    return Counts(inserted=len(fresh), updated=len(changed_rows), unchanged=len(again) - len(changed_rows))


def windows(rows: Rows) -> list[Window]:
    """The windows that hold all rows, which are sorted by instrument and slot, and little else."""
    gap = _DAYS_BETWEEN if rows.table.is_daily else _BARS_BETWEEN * rows.table.bar_slots
    breaks = (np.diff(rows.instrument) != 0) | (np.diff(rows.slot) > gap)
    starts = np.concatenate([[0], np.flatnonzero(breaks) + 1])
    ends = np.concatenate([starts[1:] - 1, [len(rows) - 1]])
    return [
        Window(instrument, first, last)
        for instrument, first, last in zip(
            rows.instrument[starts].tolist(), rows.slot[starts].tolist(), rows.slot[ends].tolist(), strict=True
        )
    ]


def _order(instrument: Integers, slot: Integers) -> npt.NDArray[np.intp]:
    return np.lexsort((slot, instrument))


def _match(rows: Rows, stored: StoredRows) -> npt.NDArray[np.intp]:
    """For each row where it stands among the stored ones, -1 where it does not."""
    if not len(stored.key):
        return np.full(len(rows), -1, dtype=np.intp)
    order = _order(stored.instrument, stored.slot)
    theirs = (stored.instrument * _KEY + stored.slot)[order]
    ours = rows.instrument * _KEY + rows.slot
    place = np.minimum(np.searchsorted(theirs, ours), len(theirs) - 1)
    return np.where(theirs[place] == ours, order[place], -1)


def _changed(rows: Rows, stored: StoredRows, old: npt.NDArray[np.intp]) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """The rows filled up from the stored ones, and which of them differ from those."""
    changed = np.zeros(len(rows), dtype=np.bool_)
    numbers = {}
    for name, given in rows.numbers.items():
        kept = stored.numbers[name].take(old)
        changed |= ~given.missing & (kept.missing | (given.values != kept.values))
        numbers[name] = Numbers(
            np.where(given.missing, kept.values, given.values), np.where(given.missing, kept.missing, False)
        )
    return Rows(rows.table, rows.instrument, rows.slot, numbers, rows.batch), changed
