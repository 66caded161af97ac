"""Loading bars: the one door for every front.

summary = load_bars(
    actor=actor,
    source=TableSource("upload.csv", table),     # or open_file(path), or any BarSource
    timeframe=Timeframe.MINUTE_1,
    options=LoadOptions(symbol="SPY", create_symbols=True),
)
summary.read == summary.inserted + summary.updated + summary.unchanged + summary.rejected
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing

import numpy as np
from django.db import Error, connection

from marketdata.ingest.bars import Bars
from marketdata.ingest.faults import Integers
from marketdata.ingest.files import open_file
from marketdata.ingest.options import BarLabel, LoadOptions, OnError, find_zone
from marketdata.ingest.reading import BarReader, CheckedChunk, Known
from marketdata.ingest.source import BarSource, RawChunk, TableSource
from marketdata.ingest.summary import (
    REJECTS_KEPT,
    Counts,
    IngestFailed,
    LoadSummary,
    PricesNotNamed,
    Reject,
    RejectSink,
    RowsRefused,
)
from marketdata.ingest.tables import BarTable, bar_table
from marketdata.models import IngestBatch
from marketdata.models.instrument import CAN_GO_NEGATIVE
from marketdata.services.batches import fail_batch, finish_batch, load_chunk, start_batch
from marketdata.services.instruments import create_instruments, find_instruments
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.database import describe
from tradingsite.core.errors import DeskError, InvalidInput
from tradingsite.core.timeframes import Timeframe

__all__ = [
    "BarLabel",
    "BarSource",
    "Counts",
    "IngestFailed",
    "LoadOptions",
    "LoadSummary",
    "OnError",
    "PricesNotNamed",
    "RawChunk",
    "Reject",
    "RejectSink",
    "RowsRefused",
    "TableSource",
    "check_bars",
    "load_bars",
    "open_file",
]

_NAMED = 10


def load_bars(
    *,
    actor: Actor,
    source: BarSource,
    timeframe: Timeframe,
    options: LoadOptions,
    progress: Callable[[int], object] | None = None,
    rejects: RejectSink | None = None,
) -> LoadSummary:
    """Load a source's bars; loading the same again changes nothing.

    Each chunk of about 100,000 rows is one transaction with its counts and its audit entry, so
    that a load that breaks off leaves exactly what its batch says. Inside an outer transaction
    the chunks are savepoints. A bad row is left out and named; with `OnError.ABORT` the whole
    source is validated before the first write. A number that a row does not have leaves a stored
    one alone.

    `progress` is called with how much further the source is (its `RawChunk.advanced`); `rejects`
    with every group of rejected rows.

    Raises Forbidden without marketdata.add_dailybar (1d) or marketdata.add_intradaybar, and
    without marketdata.add_instrument when symbols are to be created; InvalidInput when the source
    can't be read as bars at all (nothing written); PricesNotNamed; RowsRefused (abort, nothing
    written); IngestFailed when it breaks off midway.
    """
    table = bar_table(timeframe)
    actor.require(table.permission)
    if options.create_symbols:
        actor.require("marketdata.add_instrument")
    if options.on_error == OnError.ABORT:
        check_bars(source=source, timeframe=timeframe, options=options, rejects=rejects)
    return _Load(actor, source, table, timeframe, options, progress, rejects).run()


def check_bars(
    *, source: BarSource, timeframe: Timeframe, options: LoadOptions, rejects: RejectSink | None = None
) -> int:
    """Read a whole source as `load_bars` would, without writing; answers how many rows it has.

    Raises RowsRefused when a row is bad, and InvalidInput as `load_bars` does.
    """
    table = bar_table(timeframe)
    reader: BarReader | None = None
    kept: list[Reject] = []
    read = rejected = 0
    with closing(_chunks(source)) as chunks:
        for chunk in chunks:
            reader = reader or _reader(source, table, options, chunk)
            checked = reader.read(chunk)
            read += len(checked.bars) + len(checked.rejects)
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


def _reader(source: BarSource, table: BarTable, options: LoadOptions, first: RawChunk) -> BarReader:
    return BarReader(table=table, options=options, source=source, first=first, lookup=_look_up, now=clock.now())


def _look_up(symbols: Sequence[str]) -> Mapping[str, Known]:
    """What the rules ask about the instruments that exist."""
    return {
        symbol: Known(
            can_go_negative=instrument.asset_class in CAN_GO_NEGATIVE,
            zone=find_zone(instrument.time_zone) if instrument.time_zone else None,
        )
        for symbol, instrument in find_instruments(symbols).items()
    }


def _chunks(source: BarSource) -> Generator[RawChunk, None, None]:
    """The chunks, whose reading errors are sentences; closed when the load ends early."""
    try:
        yield from source.chunks()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidInput.field("source", f"{source.name} can't be read: {reason}.", code="unreadable") from error


class _Load:
    """One load on its way: what was committed so far, and what follows from it."""

    def __init__(
        self,
        actor: Actor,
        source: BarSource,
        table: BarTable,
        timeframe: Timeframe,
        options: LoadOptions,
        progress: Callable[[int], object] | None,
        rejects: RejectSink | None,
    ) -> None:
        self.actor = actor
        self.source = source
        self.table = table
        self.timeframe = timeframe
        self.options = options
        self.progress = progress
        self.sink = rejects
        self.summary = LoadSummary(source=source.name)
        self.digest = hashlib.sha256()
        self.keys: dict[str, int] = {}
        self.created: list[str] = []

    def run(self) -> LoadSummary:
        with closing(_chunks(self.source)) as chunks:
            # Raises as it is: nothing has been written yet.
            first = next(chunks)
            reader = _reader(self.source, self.table, self.options, first)
            checked = reader.read(first)
            batch = start_batch(
                actor=self.actor, source=self.source.name, timeframe=self.timeframe, options=self.options
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

    def _take(self, batch: IngestBatch, chunk: RawChunk, checked: CheckedChunk) -> None:
        """Load one chunk, then remember what is committed now."""
        digest = self.digest.copy()
        digest.update(checked.bars.canonical_bytes())
        instruments = self._instruments(checked.bars)
        counts = load_chunk(
            actor=self.actor,
            batch=batch,
            checked=checked,
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

    def _instruments(self, bars: Bars) -> Integers:
        """The key of each of the bars' names, 0 for those that no bar has; makes the missing ones."""
        present = [bars.names[number] for number in np.unique(bars.symbol).tolist()]
        fresh = [name for name in present if name not in self.keys]
        found = {symbol: instrument.pk for symbol, instrument in find_instruments(fresh).items()}
        if missing := [name for name in fresh if name not in found]:
            made = create_instruments(actor=self.actor, symbols=missing, is_simulated=self.options.simulated)
            self.created += [instrument.symbol for instrument in made]
            found.update({symbol: instrument.pk for symbol, instrument in find_instruments(missing).items()})
        self.keys.update(found)
        return np.array([self.keys.get(name, 0) for name in bars.names] or [0], dtype=np.int64)

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
