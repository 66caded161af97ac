"""Compacting: a month of day files becomes one, laid out for reading a symbol's history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from marketdata.archive.catalog import dataset_of
from marketdata.archive.layout import Dataset, Span
from marketdata.archive.storage import storage
from marketdata.models import ArchivePartition, PartitionStatus
from marketdata.services.archive import compact_span, tidy_archive
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict


@dataclass(slots=True)
class CompactReport:
    """The partitions that were made, and sentences for people."""

    made: list[ArchivePartition] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compact_months(
    *,
    actor: Actor,
    month: date | None = None,
    progress: Callable[[Dataset, Span, int], object] | None = None,
) -> CompactReport:
    """Compact the month in which that day lies, or every month that is over and has day files.

    A month is a transaction of its own (`compact_span`): readers find every bar once at every
    moment. The day files are removed once ARCHIVE_GRACE_MINUTES have passed, by the next run.
    Raises Conflict for a month that is not over, and what `compact_span` raises.
    """
    actor.require("marketdata.add_archivepartition")
    now = clock.now()
    if month is not None and not Span.of_month(month).has_ended(at=now):
        raise Conflict(f"{month:%Y-%m} is not over yet; its days are still being sealed.")
    report = CompactReport()
    store = storage()
    with store.exclusive():
        for dataset, span in _months(month):
            if not span.has_ended(at=now):
                continue
            made = compact_span(
                actor=actor,
                dataset=dataset,
                span=span,
                progress=None if progress is None else lambda rows, d=dataset, s=span: progress(d, s, rows),  # type: ignore[misc]  # bound at once
            )
            if made is not None:
                report.made.append(made)
                for path in ArchivePartition.objects.filter(superseded_by=made).values_list("path", flat=True):
                    store.keep_superseded(path)
        report.notes += tidy_archive(actor=actor, store=store)
    return report


def _months(month: date | None) -> list[tuple[Dataset, Span]]:
    """The datasets and months that have a partition which is not the whole month."""
    current = ArchivePartition.objects.filter(status=PartitionStatus.CURRENT)
    if month is not None:
        span = Span.of_month(month)
        current = current.filter(first_day__gte=span.first, last_day__lte=span.last)
    found = {
        (dataset_of(partition), Span.of_month(partition.first_day))
        for partition in current
        if Span(partition.first_day, partition.last_day) != Span.of_month(partition.first_day)
    }
    return sorted(found)
