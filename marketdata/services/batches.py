"""The record of a load: begun, grown chunk by chunk with its bars, finished or failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from django.db.models import Max

from marketdata.ingest.checked import CheckedChunk, Loadable
from marketdata.ingest.faults import Integers
from marketdata.ingest.options import LoadOptions
from marketdata.ingest.summary import Counts
from marketdata.locking import as_bar_writer
from marketdata.models import BatchKind, BatchStatus, IngestBatch, PriceBasis
from systemevents.models import AuditLog, Severity
from systemevents.services.audit import record_audit
from systemevents.services.events import record_event
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.text import storable
from tradingsite.core.timeframes import Timeframe
from tradingsite.core.transactions import in_transaction

_SILENCE = timedelta(minutes=10)

RowsT = TypeVar("RowsT", bound=Loadable)
RowsT_contra = TypeVar("RowsT_contra", bound=Loadable, contravariant=True)


class Merge(Protocol[RowsT_contra]):
    """Brings rows into their table; `instruments` are the keys of their names."""

    def __call__(self, rows: RowsT_contra, /, *, instruments: Integers, batch: int) -> Counts: ...


@in_transaction
def start_batch(
    *,
    actor: Actor,
    source: str,
    timeframe: Timeframe | None,
    options: LoadOptions,
    kind: BatchKind = BatchKind.BARS,
) -> IngestBatch:
    """A running batch, with its audit entry; bars have a timeframe."""
    batch = IngestBatch.objects.create(
        # A file's name need not be text.
        source=storable(source)[:255],
        kind=kind,
        timeframe=timeframe or "",
        price_basis=options.price_basis or PriceBasis.RAW,
        started_by_id=actor.user_id,
    )
    record_audit(
        actor,
        "ingest.started",
        batch,
        after={
            "source": batch.source,
            "kind": batch.kind,
            "timeframe": batch.timeframe,
            "price_basis": batch.price_basis,
        },
    )
    return batch


@as_bar_writer
def load_chunk(
    *,
    actor: Actor,
    batch: IngestBatch,
    checked: CheckedChunk[RowsT],
    merge: Merge[RowsT],
    instruments: Integers,
    before: Counts,
    digest: str,
) -> Counts:
    """The chunk's rows, the batch's counts and the audit entry, together or not at all.

    `merge` brings the rows into their table. `before` are the batch's counts so far, `digest` the
    one of its rows including these.
    """
    counts = merge(checked.rows, instruments=instruments, batch=batch.pk)
    counts.rejected = len(checked.rejects)
    total = Counts()
    total.add(before)
    total.add(counts)
    IngestBatch.objects.filter(pk=batch.pk).update(**total.as_dict())
    record_audit(actor, f"{batch.kind}.ingested", batch, after={**counts.as_dict(), "digest": digest})
    return counts


@in_transaction
def finish_batch(*, actor: Actor, batch: IngestBatch, digest: str) -> None:
    """Mark the batch finished; the object then has what the database has."""
    batch.refresh_from_db()
    batch.status, batch.finished_at, batch.digest = BatchStatus.FINISHED, clock.now(), digest
    batch.save(update_fields=["status", "finished_at", "digest"])
    record_audit(actor, "ingest.finished", batch, after=_outcome(batch))


@in_transaction
def fail_batch(*, actor: Actor, batch: IngestBatch, reason: str, digest: str) -> None:
    """Mark the batch failed, and say so in a system event."""
    batch.refresh_from_db()
    batch.status, batch.finished_at, batch.error, batch.digest = BatchStatus.FAILED, clock.now(), reason, digest
    batch.save(update_fields=["status", "finished_at", "error", "digest"])
    record_audit(actor, "ingest.failed", batch, after={**_outcome(batch), "error": reason})
    record_event(
        actor=actor,
        event_type="ingest.failed",
        source="marketdata.ingest",
        severity=Severity.ERROR,
        description=f"Loading {batch.source} broke off: {reason}",
        details={"batch": batch.pk, **_outcome(batch)},
    )


def _outcome(batch: IngestBatch) -> dict[str, Any]:
    names = ("status", "read", "inserted", "updated", "unchanged", "rejected", "digest")
    return {name: getattr(batch, name) for name in names}


def unfinished(batches: Sequence[IngestBatch]) -> set[int]:
    """The keys of those that still say running although nothing has been heard of them for ten minutes.

    Their process was killed, or lost its database: what it had loaded by then is what their counts say. Each
    chunk leaves an audit entry, and none takes so long, not even while it waits for another load.
    """
    running = {str(batch.pk): batch for batch in batches if batch.status == BatchStatus.RUNNING}
    entries = AuditLog.objects.filter(object_type=IngestBatch._meta.db_table, object_id__in=list(running))
    heard = dict(entries.values_list("object_id").annotate(Max("occurred_at")).order_by())
    limit = clock.now() - _SILENCE
    return {batch.pk for key, batch in running.items() if (heard.get(key) or batch.started_at) < limit}
