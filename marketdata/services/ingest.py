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

from collections.abc import Callable, Mapping, Sequence

from marketdata.ingest.files import open_file
from marketdata.ingest.options import BarLabel, LoadOptions, OnError, find_zone
from marketdata.ingest.reading import BarReader
from marketdata.ingest.source import BarSource, RawChunk, TableSource
from marketdata.ingest.summary import (
    Counts,
    IngestFailed,
    LoadSummary,
    PricesNotNamed,
    Reject,
    RejectSink,
    RowsRefused,
)
from marketdata.ingest.symbols import Known
from marketdata.ingest.tables import BarTable, bar_table
from marketdata.models.instrument import CAN_GO_NEGATIVE
from marketdata.services.daily_rows import BarMerge
from marketdata.services.instruments import find_instruments
from marketdata.services.loads import Load, check_rows
from tradingsite.core import clock
from tradingsite.core.actor import Actor
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
    return Load(
        actor=actor,
        source=source,
        options=options,
        reader=_reader_of(source, table, options),
        merge=BarMerge(actor),
        timeframe=timeframe,
        progress=progress,
        rejects=rejects,
    ).run()


def check_bars(
    *, source: BarSource, timeframe: Timeframe, options: LoadOptions, rejects: RejectSink | None = None
) -> int:
    """Read a whole source as `load_bars` would, without writing; answers how many rows it has.

    Raises RowsRefused when a row is bad, and InvalidInput as `load_bars` does.
    """
    table = bar_table(timeframe)
    return check_rows(source, _reader_of(source, table, options), rejects)


def _reader_of(source: BarSource, table: BarTable, options: LoadOptions) -> Callable[[RawChunk], BarReader]:
    return lambda first: BarReader(
        table=table, options=options, source=source, first=first, lookup=look_up, now=clock.now()
    )


def look_up(symbols: Sequence[str]) -> Mapping[str, Known]:
    """What the rules ask about the instruments that exist."""
    return {
        symbol: Known(
            can_go_negative=instrument.asset_class in CAN_GO_NEGATIVE,
            zone=find_zone(instrument.time_zone) if instrument.time_zone else None,
        )
        for symbol, instrument in find_instruments(symbols).items()
    }
