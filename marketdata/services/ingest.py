"""Loading bars: the one door for every front.

summary = load_bars(
    actor=actor,
    source=TableSource("upload.csv", table),     # or open_source(path), or any BarSource
    timeframe=Timeframe.MINUTE_1,
    options=LoadOptions(symbol="SPY", create_symbols=True),
)
summary.read == summary.inserted + summary.updated + summary.unchanged + summary.rejected
"""

from __future__ import annotations

from collections.abc import Callable

from marketdata.ingest.options import BarLabel, LoadOptions, OnError
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
    "load_bars",
]


def load_bars(
    *,
    actor: Actor,
    source: BarSource,
    timeframe: Timeframe,
    options: LoadOptions,
    progress: Callable[[int], None] | None = None,
    rejects: RejectSink | None = None,
) -> LoadSummary:
    """Load a source's bars; loading the same again changes nothing.

    Each chunk of about 100,000 rows is one transaction with its counts and its audit entry, so
    that a load that breaks off leaves exactly what its batch says. Inside an outer transaction
    the chunks are savepoints. A bad row is left out and named; with `OnError.ABORT` the whole
    source is validated before the first write.

    `progress` is called with how much further the source is (its `RawChunk.advanced`); `rejects`
    with every group of rejected rows.

    Raises Forbidden without marketdata.add_dailybar (1d) or marketdata.add_intradaybar; InvalidInput
    when the source can't be read as bars at all (nothing written); PricesNotNamed; RowsRefused
    (abort, nothing written); IngestFailed when it breaks off midway.
    """
    raise NotImplementedError
