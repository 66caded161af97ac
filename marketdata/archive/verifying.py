"""Whether every sealed file is what the manifest says, byte by byte and row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from marketdata.archive.catalog import dataset_of, file_of
from marketdata.archive.errors import ArchiveDamaged
from marketdata.archive.layout import microseconds
from marketdata.archive.reading import read_all
from marketdata.archive.rows import ArchiveRows
from marketdata.archive.sealing import digest_of
from marketdata.archive.storage import Storage, storage
from marketdata.archive.writing import places_of
from marketdata.models import ArchivePartition, ArchiveRowGroup, PartitionStatus


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a file, in a sentence that names it."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Verified:
    """How much was looked at, and what is wrong."""

    files: int
    rows: int
    size: int
    problems: list[Problem]


def verify_archive(progress: Callable[[ArchivePartition], object] | None = None) -> Verified:
    """Read every file that the manifest keeps: its SHA-256, its rows' count and digest, and the catalogue's places."""
    store = storage()
    problems = list(_overlaps())
    partitions = list(ArchivePartition.objects.filter(status__in=[PartitionStatus.CURRENT, PartitionStatus.SUPERSEDED]))
    for partition in partitions:
        problems += _problems_of(store, partition)
        if progress is not None:
            progress(partition)
    known = set(ArchivePartition.objects.values_list("path", flat=True))
    problems += [
        Problem(path, f"{path} is on no manifest: the next rollover puts it under aside/.")
        for path in store.listed()
        if path not in known
    ]
    return Verified(
        len(partitions),
        sum(partition.rows for partition in partitions),
        sum(partition.size for partition in partitions),
        problems,
    )


def _problems_of(store: Storage, partition: ArchivePartition) -> Iterator[Problem]:
    path = partition.path
    try:
        if store.sha256(path) != partition.sha256:
            yield Problem(path, f"{path} is damaged: its SHA-256 is not the one on the manifest.")
            return
        counted, digest = digest_of(dataset_of(partition), file_of(partition))
        if (counted, digest) != (partition.rows, partition.digest):
            yield Problem(path, f"{path} has {counted:,} rows instead of {partition.rows:,}, or other ones.")
        elif _catalogued(partition) != _found(partition):
            yield Problem(path, f"{path}: the catalogue of its row groups does not say what is in it.")
    except ArchiveDamaged as error:
        yield Problem(path, error.detail)


def _catalogued(partition: ArchivePartition) -> set[tuple[object, ...]]:
    groups = ArchiveRowGroup.objects.filter(partition=partition).values_list(
        "instrument__symbol", "group", "offset", "rows", "first", "last"
    )
    return {(*place, microseconds(first), microseconds(last)) for *place, first, last in groups}


def _found(partition: ArchivePartition) -> set[tuple[object, ...]]:
    dataset = dataset_of(partition)
    return {
        (place.symbol, place.group, place.offset, place.rows, place.first, place.last)
        for number, table in enumerate(read_all(dataset, file_of(partition)))
        for place in places_of(ArchiveRows.from_table(dataset, table), number)
    }


def _overlaps() -> Iterator[Problem]:
    """Days that two current files hold."""
    current = ArchivePartition.objects.filter(status=PartitionStatus.CURRENT)
    for one, other in pairwise(current.order_by("kind", "timeframe", "first_day", "last_day")):
        if (one.kind, one.timeframe) == (other.kind, other.timeframe) and other.first_day <= one.last_day:
            yield Problem(other.path, f"{one.path} and {other.path} are both current and hold the same days.")
