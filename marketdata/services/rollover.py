"""End of day: which days are to be sealed, and sealing them one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from marketdata.archive.catalog import current_partitions, span_of
from marketdata.archive.layout import DATASETS, Dataset, Span, is_over
from marketdata.archive.live import live_days
from marketdata.archive.storage import storage
from marketdata.models import ArchivePartition
from marketdata.services.archive import seal_span, tidy_archive
from marketdata.services.derived_bars import derive_daily_bars
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict


@dataclass(frozen=True, slots=True)
class Target:
    """A span of a dataset that has live rows: a day, or the compacted month that holds the day."""

    dataset: Dataset
    span: Span
    rows: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.dataset.kind,
            "timeframe": self.dataset.timeframe,
            "span": str(self.span),
            "live_rows": self.rows,
        }


@dataclass(slots=True)
class RolloverReport:
    """What a rollover did: the partitions in the order in which they were sealed, and sentences for people."""

    sealed: list[ArchivePartition] = field(default_factory=list)
    derived: int = 0
    notes: list[str] = field(default_factory=list)


def plan_rollover(
    *, day: date | None = None, through: date | None = None, at: datetime
) -> tuple[list[Target], list[str]]:
    """What would be sealed: that day, or every day up to and with `through`; and what can't be yet, in sentences.

    Late rows of a sealed day are sealed with what is sealed already; of a compacted month, with the month.
    Raises Conflict when the day itself is not over.
    """
    last = day or through
    if last is None:
        raise ValueError("A rollover is of a day, or through one.")
    if not Span.of_day(last).has_ended(at=at):
        raise Conflict(f"{last} is not over yet: it ends at midnight UTC, and its bars can still change.")
    targets: dict[tuple[Dataset, Span], int] = {}
    notes: list[str] = []
    for dataset, days in live_days(through=last).items():
        listed = [one for one in days if day is None or one == day]
        for one, target in _targets(dataset, listed):
            if not is_over(dataset, Span.of_day(one), at=at):
                notes.append(f"The last {dataset} of {one} are not final yet; they are left to the next rollover.")
            else:
                targets[dataset, target] = targets.get((dataset, target), 0) + days[one]
    return [
        Target(dataset, target, rows)
        for (dataset, target), rows in sorted(
            targets.items(), key=lambda item: (item[0][1].first, DATASETS.index(item[0][0]))
        )
    ], notes


def roll_over(
    *,
    actor: Actor,
    day: date | None = None,
    through: date | None = None,
    progress: Callable[[Target, int], object] | None = None,
) -> RolloverReport:
    """Seal that day, or every day up to and with `through` that has live rows; see `seal_span`.

    Daily bars are made of the days' bars where no source gave any. Each span is a transaction of
    its own: what was sealed before an error stays sealed, and running again goes on. Raises
    ArchiveBusy while another rollover or compaction runs, and what `plan_rollover` and `seal_span` raise.
    """
    actor.require("marketdata.add_archivepartition")
    report = RolloverReport()
    store = storage()
    with store.exclusive():
        targets, notes = plan_rollover(day=day, through=through, at=clock.now())
        report.notes += notes
        for target in targets:
            # Before the day is sealed: a run that is killed in between does it again.
            report.derived += derive_daily_bars(actor=actor, dataset=target.dataset, span=target.span)
            partition = seal_span(
                actor=actor, dataset=target.dataset, span=target.span, progress=_telling(progress, target)
            )
            if partition is not None:
                report.sealed.append(partition)
                _retire(partition)
        report.notes += tidy_archive(actor=actor, store=store)
    return report


def _retire(partition: ArchivePartition) -> None:
    """Take the files that the partition supersedes out of what others read."""
    store = storage()
    for path in ArchivePartition.objects.filter(superseded_by=partition).values_list("path", flat=True):
        store.keep_superseded(path)


def _targets(dataset: Dataset, days: Sequence[date]) -> Iterator[tuple[date, Span]]:
    """Each day and the span that is to be sealed for it."""
    if not days:
        return
    held = [span_of(partition) for partition in current_partitions(dataset, first=min(days), last=max(days))]
    for day in days:
        yield day, next((span for span in held if span.first <= day <= span.last), Span.of_day(day))


def _telling(progress: Callable[[Target, int], object] | None, target: Target) -> Callable[[int], object] | None:
    return None if progress is None else lambda rows: progress(target, rows)
