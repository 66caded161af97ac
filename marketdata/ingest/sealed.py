"""Bars that a load finds in the archive: equal ones stay there, others are laid over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from marketdata.archive.catalog import FoundPlace, find_groups
from marketdata.archive.layout import BARS, Dataset
from marketdata.archive.reading import read_places
from marketdata.archive.rows import unscaled
from marketdata.archive.schema import TIME
from marketdata.ingest.faults import Integers
from marketdata.ingest.numbers import Numbers
from marketdata.ingest.tables import BarTable

if TYPE_CHECKING:
    from marketdata.ingest.loading import Rows, StoredRows

#: Stands for the key of a row that is in the archive, where rows have none.
SEALED = 0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_A_MINUTE = timedelta(minutes=1)
_MICROSECONDS_A_MINUTE = 60_000_000
_KEY = 1 << 32


def sealed_rows(rows: Rows) -> StoredRows:
    """What the archive holds of these rows, and of some between them; keys are SEALED.

    The rows are sorted by instrument and slot. Raises ArchiveDamaged.
    """
    from marketdata.ingest.loading import StoredRows

    table = rows.table
    found: list[FoundPlace] = []
    if len(rows) and not table.is_daily:
        found = list(_of_use(_groups(table, rows), rows))
    if not found:
        nothing = np.empty(0, dtype=np.int64)
        return StoredRows(nothing, nothing, nothing, {column.name: Numbers.absent(0) for column in table.numbers})
    names = [column.name for column in table.numbers]
    read = read_places(_dataset(table), [group.place for group in found], columns=[TIME, *names])
    instruments = np.repeat([group.instrument for group in found], [group.place.rows for group in found])
    return StoredRows(
        key=np.full(len(instruments), SEALED, dtype=np.int64),
        instrument=instruments.astype(np.int64),
        slot=unscaled(read[TIME]).values // _MICROSECONDS_A_MINUTE,
        numbers={name: unscaled(read[name]) for name in names},
    )


def _dataset(table: BarTable) -> Dataset:
    return Dataset(BARS, dict(table.fixed)["timeframe"])


def _groups(table: BarTable, rows: Rows) -> Sequence[FoundPlace]:
    instruments = np.unique(rows.instrument).tolist()
    first, last = int(rows.slot.min()), int(rows.slot.max())
    return find_groups(
        _dataset(table), instruments, start=_EPOCH + first * _A_MINUTE, end=_EPOCH + (last + 1) * _A_MINUTE
    )


def _of_use(found: Sequence[FoundPlace], rows: Rows) -> Iterator[FoundPlace]:
    """The places in whose range one of the rows lies."""
    keys = rows.instrument * _KEY + rows.slot
    for group in found:
        ends = (_slot(group.first), _slot(group.last))
        first, last = np.searchsorted(keys, [group.instrument * _KEY + ends[0], group.instrument * _KEY + ends[1] + 1])
        if last > first:
            yield group


def _slot(moment: datetime) -> int:
    return (moment - _EPOCH) // _A_MINUTE


def joined(live: StoredRows, sealed: StoredRows) -> StoredRows:
    """Both, one after the other."""
    from marketdata.ingest.loading import StoredRows

    if not len(sealed.key):
        return live

    def both(one: Integers, other: Integers) -> Integers:
        return np.concatenate([one, other])

    return StoredRows(
        both(live.key, sealed.key),
        both(live.instrument, sealed.instrument),
        both(live.slot, sealed.slot),
        {
            name: Numbers(
                both(numbers.values, sealed.numbers[name].values),
                np.concatenate([numbers.missing, sealed.numbers[name].missing]),
            )
            for name, numbers in live.numbers.items()
        },
    )
