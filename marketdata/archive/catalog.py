"""What the manifest says: which file holds a day, where in it a symbol lies, what is covered.

Ask inside `read_snapshot()` together with the live rows, so that a rollover in between can't
show a bar twice or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet

from marketdata.archive.layout import Dataset, Span
from marketdata.archive.reading import SealedFile, SealedPlace
from marketdata.models import ArchivePartition, ArchiveRowGroup, PartitionStatus

_PLACE_COLUMNS = (
    *("instrument__symbol", "group", "offset", "rows"),
    *(f"partition__{name}" for name in ("path", "sha256", "size", "footer_size", "footer_sha256")),
)
# SQLite takes 999 parameters, and some go to other columns.
_INSTRUMENTS_A_QUERY = 500


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """Where rows of an instrument lie, and the times of the first and the last of them."""

    instrument: int
    first: datetime
    last: datetime
    place: SealedPlace


def current_partitions(
    dataset: Dataset, *, first: date | None = None, last: date | None = None
) -> QuerySet[ArchivePartition]:
    """The partitions that hold days from `first` to `last` now, in the order of time."""
    found = ArchivePartition.objects.filter(
        status=PartitionStatus.CURRENT, kind=dataset.kind, timeframe=dataset.timeframe
    )
    if first is not None:
        found = found.filter(last_day__gte=first)
    if last is not None:
        found = found.filter(first_day__lte=last)
    return found.order_by("first_day")


def holder_of(dataset: Dataset, day: date) -> ArchivePartition | None:
    """The partition that holds the day now."""
    return current_partitions(dataset, first=day, last=day).first()


def find_groups(
    dataset: Dataset, instruments: Sequence[int], *, start: datetime | None = None, end: datetime | None = None
) -> list[FoundPlace]:
    """Where rows of the instruments from `start` to before `end` lie, in the order of symbol and time.

    A place at either end may have rows outside of the range: `reading.between` cuts them.
    """
    groups = ArchiveRowGroup.objects.filter(
        partition__status=PartitionStatus.CURRENT,
        partition__kind=dataset.kind,
        partition__timeframe=dataset.timeframe,
    )
    if start is not None:
        groups = groups.filter(last__gte=start)
    if end is not None:
        groups = groups.filter(first__lt=end)
    return _found(groups, instruments)


def places_in(partition: ArchivePartition, instruments: Sequence[int]) -> list[SealedPlace]:
    """Where the instruments' rows lie in one partition, whether it is current or not."""
    return [found.place for found in _found(ArchiveRowGroup.objects.filter(partition=partition), instruments)]


def _found(groups: QuerySet[ArchiveRowGroup], instruments: Sequence[int]) -> list[FoundPlace]:
    rows = [
        row
        for start in range(0, len(instruments), _INSTRUMENTS_A_QUERY)
        for row in groups.filter(instrument__in=instruments[start : start + _INSTRUMENTS_A_QUERY]).values_list(
            "instrument_id", "first", "last", *_PLACE_COLUMNS
        )
    ]
    rows.sort(key=lambda row: (row[3], row[1], row[4], row[5]))
    return [
        FoundPlace(instrument, first, last, SealedPlace(SealedFile(*file), symbol, group, offset, count))
        for instrument, first, last, symbol, group, offset, count, *file in rows
    ]


def file_of(partition: ArchivePartition) -> SealedFile:
    return SealedFile(partition.path, partition.sha256, partition.size, partition.footer_size, partition.footer_sha256)


def span_of(partition: ArchivePartition) -> Span:
    return Span(partition.first_day, partition.last_day)


def dataset_of(partition: ArchivePartition) -> Dataset:
    return Dataset(partition.kind, partition.timeframe)
