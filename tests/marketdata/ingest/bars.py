"""Small inputs of bars for the tests of this folder."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from marketdata.models import DailyBar, IntradayBar
from marketdata.services.ingest import LoadOptions, LoadSummary, TableSource, load_bars
from tradingsite.core.actor import Actor
from tradingsite.core.timeframes import Timeframe

DAILY_HEADER = "Date,Open,High,Low,Close,Volume"
MINUTE_HEADER = "symbol,timestamp,open,high,low,close,volume"
SYSTEM = Actor.system("tests")


def write(path: Path, *lines: str) -> Path:
    """A text file of these lines."""
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def table(text: str) -> TableSource:
    """A source of the lines of a CSV text, every value as text."""
    header, *rows = [line.split(",") for line in text.split()]
    columns = list(zip(*rows, strict=True)) or [()] * len(header)
    return TableSource(
        "test", pa.table({name: pa.array(c, pa.string()) for name, c in zip(header, columns, strict=True)})
    )


def load(source: TableSource | str, timeframe: Timeframe = Timeframe.DAY_1, **options: Any) -> LoadSummary:
    """Load as the system; of daily bars without a column of symbols it is SPY's."""
    source = table(source) if isinstance(source, str) else source
    if "symbol" not in source.table.column_names:
        options.setdefault("symbol", "SPY")
    options.setdefault("create_symbols", True)
    return load_bars(actor=SYSTEM, source=source, timeframe=timeframe, options=LoadOptions(**options))


def counts(summary: LoadSummary) -> tuple[int, int, int, int]:
    """Inserted, updated, unchanged, rejected; after checking that they add up."""
    assert summary.read == summary.inserted + summary.updated + summary.unchanged + summary.rejected
    return (summary.inserted, summary.updated, summary.unchanged, summary.rejected)


def codes(summary: LoadSummary) -> list[tuple[int, str]]:
    """Line and code of each reject."""
    return [(reject.line, reject.code) for reject in summary.rejects]


def daily_rows(*columns: str) -> list[tuple[Any, ...]]:
    """Date and columns of every daily bar, by symbol and date."""
    rows = DailyBar.objects.order_by("instrument__symbol", "date").values_list("date", *columns)
    return [(str(day), *map(plain, values)) for day, *values in rows]


def intraday_rows(*columns: str) -> list[tuple[Any, ...]]:
    """Symbol, time and columns of every intraday bar, by both."""
    rows = IntradayBar.objects.order_by("instrument__symbol", "timestamp")
    listed = rows.values_list("instrument__symbol", "timestamp", *columns)
    return [(symbol, f"{at:%Y-%m-%d %H:%M}", *map(plain, values)) for symbol, at, *values in listed]


def plain(value: Any) -> Any:
    """A decimal as short text, anything else as it is."""
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value
