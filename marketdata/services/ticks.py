"""Loading ticks, and bars made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from marketdata.archive.catalog import find_groups
from marketdata.archive.layout import Span
from marketdata.archive.live import LiveRows, read_live
from marketdata.archive.reading import read_places
from marketdata.archive.rows import ArchiveRows, overlaid
from marketdata.ingest.aggregation import aggregate, check_timeframe, length_of
from marketdata.ingest.faults import Integers
from marketdata.ingest.options import LoadOptions, OnError
from marketdata.ingest.source import BarSource, RawChunk, TableSource
from marketdata.ingest.summary import Counts, LoadSummary, RejectSink
from marketdata.ingest.tick_store import DATASET, merge_ticks
from marketdata.ingest.ticks import TickReader, Ticks
from marketdata.models import BatchKind, IngestBatch, Instrument
from marketdata.services.ingest import load_bars, look_up
from marketdata.services.instruments import find_instruments
from marketdata.services.loads import Load, check_rows
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import InvalidInput, UnknownSymbol
from tradingsite.core.timeframes import Timeframe

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The longest stretch that is made into bars at once.
MAX_DAYS = 31


def load_ticks(
    *,
    actor: Actor,
    source: BarSource,
    options: LoadOptions,
    progress: Callable[[int], object] | None = None,
    rejects: RejectSink | None = None,
) -> LoadSummary:
    """Load a source's ticks, as `load_bars` loads bars; loading the same again changes nothing.

    Ticks of one symbol must come in the order of time, and those of one moment must not be spread over two
    sources. Raises as `load_bars` does, Forbidden without marketdata.add_tick.
    """
    actor.require("marketdata.add_tick")
    if options.create_symbols:
        actor.require("marketdata.add_instrument")
    if options.on_error == OnError.ABORT:
        check_ticks(source=source, options=options, rejects=rejects)
    spans: dict[str, tuple[int, int]] = {}

    def merge(ticks: Ticks, /, *, instruments: Integers, batch: int) -> Counts:
        counts = merge_ticks(ticks, instruments=instruments, batch=batch)
        _note_spans(spans, ticks)
        return counts

    summary = Load(
        actor=actor,
        source=source,
        options=options,
        reader=_reader_of(source, options),
        merge=merge,
        kind=BatchKind.TICKS,
        progress=progress,
        rejects=rejects,
    ).run()
    summary.spans = spans
    return summary


def _note_spans(spans: dict[str, tuple[int, int]], ticks: Ticks) -> None:
    for number in np.unique(ticks.symbol).tolist():
        times = ticks.time[ticks.symbol == number]
        first, last = spans.get(ticks.names[number], (int(times[0]), int(times[-1])))
        spans[ticks.names[number]] = (min(first, int(times.min())), max(last, int(times.max())))


def check_ticks(*, source: BarSource, options: LoadOptions, rejects: RejectSink | None = None) -> int:
    """Read a whole source as `load_ticks` would, without writing; answers how many rows it has.

    Raises RowsRefused when a row is bad, and InvalidInput as `load_ticks` does.
    """
    return check_rows(source, _reader_of(source, options), rejects)


def bars_from_ticks(
    *, actor: Actor, symbols: Sequence[str], timeframe: Timeframe, start: datetime, end: datetime
) -> LoadSummary | None:
    """Make the bars of the stored ticks of that half-open range, live and sealed, and load them as one batch.

    The range is widened to whole days of UTC, at most 31, so that no bar is made of a part of its ticks. The batch
    is marked as derived; making the same again changes nothing. None when there is no tick. Raises
    UnknownSymbol, InvalidInput for a longer range or timeframe, Forbidden without marketdata.add_intradaybar.
    """
    actor.require("marketdata.add_intradaybar")
    actor.require("marketdata.view_tick")
    check_timeframe(timeframe)
    span = Span(start.date(), (end - timedelta(microseconds=1)).date())
    if end <= start or (span.last - span.first) >= timedelta(days=MAX_DAYS):
        raise InvalidInput.field("end", f"Name a range of at most {MAX_DAYS} days.", code="invalid_range")
    instruments = find_instruments(symbols)
    unknown = [symbol for symbol in symbols if symbol not in instruments]
    if unknown:
        raise UnknownSymbol.field("symbols", f"No instrument has the symbol {unknown[0]}.", code="unknown_symbol")
    made = [bars for instrument in instruments.values() for bars in _bars(instrument, span, timeframe)]
    if not made:
        return None
    summary = load_bars(
        actor=actor,
        source=TableSource(f"made of ticks, {span.first} to {span.last}", pa.concat_tables(made)),
        timeframe=timeframe,
        options=LoadOptions(round_floats=True),
    )
    if summary.batch is not None:
        IngestBatch.objects.filter(pk=summary.batch.pk).update(is_derived=True)
    return summary


def bars_of_spans(*, actor: Actor, spans: Mapping[str, tuple[int, int]], timeframe: Timeframe) -> Iterator[LoadSummary]:
    """`bars_from_ticks` of what a load of ticks touched (`LoadSummary.spans`), a batch a symbol and month or less."""
    for symbol, (first, last) in spans.items():
        start, end = (_EPOCH + timedelta(microseconds=at) for at in (first, last + 1))
        while start < end:
            until = min(end, Span.of_day(start.date()).start + timedelta(days=MAX_DAYS))
            summary = bars_from_ticks(actor=actor, symbols=[symbol], timeframe=timeframe, start=start, end=until)
            if summary is not None:
                yield summary
            start = until


def _bars(instrument: Instrument, span: Span, timeframe: Timeframe) -> Iterator[pa.Table]:
    """The instrument's bars, day by day: a day of ticks is what is in memory."""
    for day in span.days():
        one = Span.of_day(day)
        live = read_live(DATASET, one, [LiveRows(instrument=instrument.pk, symbol=instrument.symbol, count=0)])
        places = find_groups(DATASET, [instrument.pk], start=one.start, end=one.end)
        rows = live
        if places:
            sealed = ArchiveRows.from_table(DATASET, read_places(DATASET, [place.place for place in places]))
            start, end = (int(moment.timestamp()) * 1_000_000 for moment in (one.start, one.end))
            rows = overlaid(sealed.take((sealed.time >= start) & (sealed.time < end)), live)
        # An interval that has not ended has not all of its ticks.
        now = int(clock.now().timestamp()) * 1_000_000
        rows = rows.take(rows.time < now // length_of(timeframe) * length_of(timeframe))
        if len(rows):
            yield aggregate(
                instrument.symbol,
                rows.time,
                rows.sequence,
                rows.numbers["price"].values,
                rows.numbers["size"].values,
                timeframe=timeframe,
            )


def _reader_of(source: BarSource, options: LoadOptions) -> Callable[[RawChunk], TickReader]:
    return lambda first: TickReader(options=options, source=source, first=first, lookup=look_up, now=clock.now())
