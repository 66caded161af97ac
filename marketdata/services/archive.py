"""The manifest's writes: a sealed day, a compacted month, files that are no longer needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import OperationalError

from marketdata.archive import schema
from marketdata.archive.catalog import current_partitions, file_of, places_in, span_of
from marketdata.archive.layout import Dataset, Span, key_of, moment_of
from marketdata.archive.live import LiveRows, count_live, delete_live, read_live
from marketdata.archive.reading import SealedPlace, read_places
from marketdata.archive.rows import ArchiveRows, overlaid
from marketdata.archive.sealing import NewFile, make_file
from marketdata.archive.storage import Storage, storage
from marketdata.locking import as_bar_writer
from marketdata.models import ArchivePartition, ArchiveRowGroup, PartitionStatus
from marketdata.services.instruments import find_instruments
from systemevents.services.audit import record_audit
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict
from tradingsite.core.transactions import in_transaction

#: About so many rows are in memory at a time.
ROWS_AT_ONCE = 200_000
_GROUPS_AT_ONCE = 2_000
# The engines' own number for a transaction that is worth another try.
_TRY_AGAIN = 1213

Progress = Callable[[int], object]


@as_bar_writer
def seal_span(
    *, actor: Actor, dataset: Dataset, span: Span, progress: Progress | None = None
) -> ArchivePartition | None:
    """Seal the span's live rows, over those that are sealed already, as its next version.

    In one transaction with the writer lock: the file is made, read back and compared, goes on the
    manifest, and the live rows that it holds are deleted. None when there is no live row. Raises
    Forbidden without marketdata.add_archivepartition, ArchiveUnwritable, ArchiveDamaged.
    """
    actor.require("marketdata.add_archivepartition")
    live = count_live(dataset, span)
    if not live:
        return None
    sources = list(current_partitions(dataset, first=span.first, last=span.last))
    if any(span_of(source) != span for source in sources):
        raise Conflict(f"{span} of {dataset} is part of another partition: seal that one.")
    new = make_file(
        storage(),
        _rows(dataset, span, live, sources),
        dataset=dataset,
        span=span,
        version=_next_version(dataset, span),
        progress=progress,
    )
    partition = record_partition(dataset, span, new, sources, status=PartitionStatus.SUPERSEDED)
    if (deleted := delete_live(dataset, span, live)) != sum(rows.count for rows in live):
        # Rows that came past the writer lock: the next try of the transaction seals them too.
        raise OperationalError(_TRY_AGAIN, f"{deleted} live rows of {dataset} of {span} were not those sealed.")
    _audit(actor, "archive.sealed", partition, sources)
    return partition


def compact_span(
    *, actor: Actor, dataset: Dataset, span: Span, progress: Progress | None = None
) -> ArchivePartition | None:
    """Make one file of the span's partitions, laid out for reading a symbol's history.

    The file is made without any lock; then the manifest is switched in one transaction, if the
    partitions are still the ones that were read (Conflict otherwise). None when there is at most
    one file and it is of the whole span. Live rows stay live. Errors as of `seal_span`.
    """
    actor.require("marketdata.add_archivepartition")
    sources = list(current_partitions(dataset, first=span.first, last=span.last))
    if not sources or [span_of(source) for source in sources] == [span]:
        return None
    new = make_file(
        storage(),
        _rows(dataset, span, [], sources),
        dataset=dataset,
        span=span,
        version=_next_version(dataset, span),
        progress=progress,
    )
    if new.written.rows != sum(source.rows for source in sources):
        raise Conflict(f"{span} of {dataset} has other rows than its partitions; nothing was changed.")
    return _switch(actor=actor, dataset=dataset, span=span, new=new, sources=sources)


@as_bar_writer
def _switch(
    *, actor: Actor, dataset: Dataset, span: Span, new: NewFile, sources: Sequence[ArchivePartition]
) -> ArchivePartition:
    now = list(current_partitions(dataset, first=span.first, last=span.last).values_list("pk", flat=True))
    if now != [source.pk for source in sources]:
        raise Conflict(f"{span} of {dataset} was sealed anew meanwhile; compact it again.")
    partition = record_partition(dataset, span, new, sources, status=PartitionStatus.REDUNDANT)
    _audit(actor, "archive.compacted", partition, sources)
    return partition


def record_partition(
    dataset: Dataset, span: Span, new: NewFile, sources: Sequence[ArchivePartition], *, status: PartitionStatus
) -> ArchivePartition:
    """Put the file on the manifest in the place of the sources, which get that status."""
    at = clock.now()
    written = new.written
    ArchivePartition.objects.filter(pk__in=[source.pk for source in sources]).update(
        status=status, current_key=None, superseded_at=at
    )
    partition = ArchivePartition.objects.create(
        kind=dataset.kind,
        timeframe=dataset.timeframe,
        first_day=span.first,
        last_day=span.last,
        version=_next_version(dataset, span),
        current_key=key_of(dataset, span),
        path=new.path,
        rows=written.rows,
        size=written.size,
        sha256=written.sha256,
        footer_size=written.footer_size,
        footer_sha256=written.footer_sha256,
        digest=written.digest,
        schema_version=schema.VERSION,
        sealed_at=at,
    )
    ArchivePartition.objects.filter(pk__in=[source.pk for source in sources]).update(superseded_by=partition)
    instruments = find_instruments(sorted({place.symbol for place in written.places}))
    ArchiveRowGroup.objects.bulk_create(
        (
            ArchiveRowGroup(
                partition=partition,
                instrument=instruments[place.symbol],
                group=place.group,
                offset=place.offset,
                rows=place.rows,
                first=moment_of(place.first),
                last=moment_of(place.last),
            )
            for place in written.places
        ),
        batch_size=_GROUPS_AT_ONCE,
    )
    return partition


def tidy_archive(*, actor: Actor, store: Storage) -> list[str]:
    """Put the folder in order by the manifest; only by who has the archive to themselves.

    What was superseded leaves the folders that others read; redundant files go once the grace
    period is over; what a broken-off run left is removed, or set aside where it may be of use.
    Answers a sentence for each thing of note.
    """
    notes = []
    if left := store.clear_temporary():
        notes.append(f"Removed {left:,} unfinished {'file' if left == 1 else 'files'} of a run that broke off.")
    listed = set(store.listed())
    status = dict(ArchivePartition.objects.values_list("path", "status"))
    for path in sorted(listed):
        if path not in status:
            # Never deleted: the manifest may be an older one, restored from a backup.
            store.set_aside(path)
            notes.append(f"{path} is on no manifest; it was put under aside/.")
        elif status[path] != PartitionStatus.CURRENT:
            store.keep_superseded(path)
    for partition in _removable():
        store.remove_superseded(partition.path)
        mark_removed(actor=actor, partition=partition)
    return notes


@in_transaction
def mark_removed(*, actor: Actor, partition: ArchivePartition) -> None:
    """Note that the file of a redundant partition has gone."""
    ArchivePartition.objects.filter(pk=partition.pk).update(status=PartitionStatus.REMOVED)
    record_audit(actor, "archive.removed", partition, after={"path": partition.path, "rows": partition.rows})


def _removable() -> list[ArchivePartition]:
    """Redundant partitions that no reader can still be reading."""
    before = clock.now() - timedelta(minutes=settings.ARCHIVE_GRACE_MINUTES)
    return list(ArchivePartition.objects.filter(status=PartitionStatus.REDUNDANT, superseded_at__lte=before))


def _rows(
    dataset: Dataset, span: Span, live: Sequence[LiveRows], sources: Sequence[ArchivePartition]
) -> Iterator[ArchiveRows]:
    """The span's rows, live ones over sealed ones, in parts of whole symbols in order."""
    sealed = _sealed_counts(sources)
    living = {rows.symbol: rows for rows in live}
    for symbols in _in_parts(
        (symbol, sealed.get(symbol, (0, 0))[1] + (living[symbol].count if symbol in living else 0))
        for symbol in sorted({*sealed, *living})
    ):
        keys = [sealed[symbol][0] for symbol in symbols if symbol in sealed]
        old = [_read(dataset, source, keys) for source in sources] if keys else []
        fresh = [living[symbol] for symbol in symbols if symbol in living]
        yield overlaid(
            ArchiveRows.joined(old) if old else ArchiveRows.none(dataset),
            read_live(dataset, span, fresh) if fresh else ArchiveRows.none(dataset),
        )


def _read(dataset: Dataset, source: ArchivePartition, keys: Sequence[int]) -> ArchiveRows:
    places: list[SealedPlace] = places_in(source, keys)
    return ArchiveRows.from_table(dataset, read_places(dataset, places))


def _sealed_counts(sources: Sequence[ArchivePartition]) -> dict[str, tuple[int, int]]:
    """The key and the number of rows of each symbol in the partitions."""
    groups = ArchiveRowGroup.objects.filter(partition__in=[source.pk for source in sources])
    counts: dict[str, tuple[int, int]] = {}
    for symbol, key, rows in groups.values_list("instrument__symbol", "instrument_id", "rows"):
        counts[symbol] = (key, counts.get(symbol, (key, 0))[1] + rows)
    return counts


def _in_parts(counts: Iterable[tuple[str, int]]) -> Iterator[list[str]]:
    """The symbols in groups of about ROWS_AT_ONCE rows."""
    part: list[str] = []
    total = 0
    for symbol, count in counts:
        if part and total + count > ROWS_AT_ONCE:
            yield part
            part, total = [], 0
        part.append(symbol)
        total += count
    if part:
        yield part


def _next_version(dataset: Dataset, span: Span) -> int:
    versions = ArchivePartition.objects.filter(
        kind=dataset.kind, timeframe=dataset.timeframe, first_day=span.first, last_day=span.last
    )
    return max(versions.values_list("version", flat=True), default=0) + 1


def _audit(actor: Actor, action: str, partition: ArchivePartition, sources: Sequence[ArchivePartition]) -> None:
    record_audit(
        actor,
        action,
        partition,
        after={
            "path": partition.path,
            "rows": partition.rows,
            "size": partition.size,
            "digest": partition.digest,
            "sha256": partition.sha256,
            "of": [file_of(source).path for source in sources],
        },
    )
