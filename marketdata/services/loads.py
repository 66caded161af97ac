"""Loading rows of any kind: chunk by chunk, each a transaction with its counts and its audit entry."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Generic, TypeVar

import numpy as np
from django.db import Error, connection

from marketdata.ingest.checked import CheckedChunk, ChunkReader, Loadable
from marketdata.ingest.faults import Integers
from marketdata.ingest.options import LoadOptions
from marketdata.ingest.source import BarSource, RawChunk
from marketdata.ingest.summary import REJECTS_KEPT, IngestFailed, LoadSummary, Reject, RejectSink, RowsRefused
from marketdata.models import BatchKind, IngestBatch
from marketdata.services.batches import Merge, fail_batch, finish_batch, load_chunk, start_batch
from marketdata.services.instruments import create_instruments, find_instruments
from tradingsite.core.actor import Actor
from tradingsite.core.database import describe
from tradingsite.core.errors import DeskError, InvalidInput
from tradingsite.core.timeframes import Timeframe

RowsT = TypeVar("RowsT", bound=Loadable)

_NAMED = 10


def check_rows(
    source: BarSource, reader: Callable[[RawChunk], ChunkReader[RowsT]], rejects: RejectSink | None = None
) -> int:
    """Read a whole source as a load would, without writing; answers how many rows it has.

    Raises RowsRefused when a row is bad, and InvalidInput when the source can't be read.
    """
    made: ChunkReader[RowsT] | None = None
    kept: list[Reject] = []
    read = rejected = 0
    with closing(chunks_of(source)) as chunks:
        for chunk in chunks:
            made = made or reader(chunk)
            checked = made.read(chunk)
            read += len(checked.rows) + len(checked.rejects)
            rejected += len(checked.rejects)
            kept += checked.rejects[: REJECTS_KEPT - len(kept)]
            if rejects is not None and checked.rejects:
                rejects(checked.rejects)
    if rejected:
        raise RowsRefused(
            f"{source.name}: {rejected:,} of {read:,} rows are bad, so nothing was loaded. "
            f"The first is line {kept[0].line}: {kept[0].message}",
            read=read,
            rejected=rejected,
            rejects=kept,
        )
    return read


def chunks_of(source: BarSource) -> Generator[RawChunk, None, None]:
    """The chunks, whose reading errors are sentences; closed when the load ends early."""
    try:
        yield from source.chunks()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidInput.field("source", f"{source.name} can't be read: {reason}.", code="unreadable") from error


class Load(Generic[RowsT]):
    """One load on its way: what was committed so far, and what follows from it."""

    def __init__(
        self,
        *,
        actor: Actor,
        source: BarSource,
        options: LoadOptions,
        reader: Callable[[RawChunk], ChunkReader[RowsT]],
        merge: Merge[RowsT],
        progress: Callable[[int], object] | None,
        rejects: RejectSink | None,
        kind: BatchKind = BatchKind.BARS,
        timeframe: Timeframe | None = None,
    ) -> None:
        self.actor = actor
        self.source = source
        self.options = options
        self.make_reader = reader
        self.merge = merge
        self.kind = kind
        self.timeframe = timeframe
        self.progress = progress
        self.sink = rejects
        self.summary = LoadSummary(source=source.name)
        self.digest = hashlib.sha256()
        self.keys: dict[str, int] = {}
        self.created: list[str] = []

    def run(self) -> LoadSummary:
        with closing(chunks_of(self.source)) as chunks:
            # Raises as it is: nothing has been written yet.
            first = next(chunks)
            reader = self.make_reader(first)
            checked = reader.read(first)
            batch = start_batch(
                actor=self.actor,
                source=self.source.name,
                timeframe=self.timeframe,
                options=self.options,
                kind=self.kind,
            )
            self.summary.batch = batch
            self.summary.notes += reader.notes
            try:
                self._take(batch, first, checked)
                for chunk in chunks:
                    self._take(batch, chunk, reader.read(chunk))
                finish_batch(actor=self.actor, batch=batch, digest=self.digest.hexdigest())
            except (DeskError, Error, KeyboardInterrupt) as error:
                reason = _reason(error)
                self._mark_failed(batch, reason)
                raise IngestFailed(reason, summary=self.summary) from error
            except BaseException as error:
                self._mark_failed(batch, f"{type(error).__name__}: {error}")
                raise
            finally:
                self._note_created()
        return self.summary

    def _take(self, batch: IngestBatch, chunk: RawChunk, checked: CheckedChunk[RowsT]) -> None:
        """Load one chunk, then remember what is committed now."""
        digest = self.digest.copy()
        digest.update(checked.rows.canonical_bytes())
        instruments = self._instruments(checked.rows)
        counts = load_chunk(
            actor=self.actor,
            batch=batch,
            checked=checked,
            merge=self.merge,
            instruments=instruments,
            before=self.summary.counts,
            digest=digest.hexdigest(),
        )
        self.digest = digest
        self.summary.counts.add(counts)
        self.summary.rejects += checked.rejects[: REJECTS_KEPT - len(self.summary.rejects)]
        if self.sink is not None and checked.rejects:
            self.sink(checked.rejects)
        if self.progress is not None:
            self.progress(chunk.advanced)

    def _instruments(self, rows: RowsT) -> Integers:
        """The key of each of the rows' names, 0 for those that no row has; makes the missing ones."""
        present = [rows.names[number] for number in np.unique(rows.symbol).tolist()]
        fresh = [name for name in present if name not in self.keys]
        found = {symbol: instrument.pk for symbol, instrument in find_instruments(fresh).items()}
        if missing := [name for name in fresh if name not in found]:
            made = create_instruments(actor=self.actor, symbols=missing, is_simulated=self.options.simulated)
            self.created += [instrument.symbol for instrument in made]
            found.update({symbol: instrument.pk for symbol, instrument in find_instruments(missing).items()})
        self.keys.update(found)
        return np.array([self.keys.get(name, 0) for name in rows.names] or [0], dtype=np.int64)

    def _note_created(self) -> None:
        if self.created:
            more = len(self.created) - _NAMED
            named = ", ".join(self.created[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
            noun = "instrument" if len(self.created) == 1 else "instruments"
            self.summary.notes.append(f"Created {len(self.created):,} {noun}: {named}.")

    def _mark_failed(self, batch: IngestBatch, reason: str) -> None:
        try:
            if not connection.in_atomic_block:
                # A lost connection is replaced, so that a server that is back learns of it.
                connection.close_if_unusable_or_obsolete()
            fail_batch(actor=self.actor, batch=batch, reason=reason, digest=self.digest.hexdigest())
        except Error:
            # The database is what failed; the batch stays "running", with true counts.
            self.summary.notes.append("The failure could not be written to the database.")


def _reason(error: BaseException) -> str:
    """Why a load broke off, as a sentence."""
    if isinstance(error, DeskError):
        return error.detail
    if isinstance(error, Error):
        return f"{describe(connection.settings_dict)} failed: {' '.join(str(error).split()).rstrip('.')}."
    return "Stopped by hand."
