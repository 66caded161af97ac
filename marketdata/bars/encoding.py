"""A page of bars as bytes ready to send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from marketdata.bars.query import BarColumns, BarPage

CSV_HEADER = "symbol,timestamp,open,high,low,close,volume\n"


def to_json_rows(page: BarPage, *, symbols: Sequence[str]) -> bytes:
    """`{"bars": {"SPY": [{"t", "o", "h", "l", "c", "v"}]}, "complete", "gaps", "next_page_token"}`.

    Every asked symbol has its list, empty where this page has no row of it.
    """
    bars: dict[str, list[dict[str, Any]]] = {symbol: [] for symbol in sorted(symbols)}
    columns = page.bars
    for symbol, t, o, h, low, c, v in zip(
        columns.symbol,
        time_texts(columns),
        columns.open,
        columns.high,
        columns.low,
        columns.close,
        columns.volume,
        strict=True,
    ):
        bars[symbol].append({"t": t, "o": o, "h": h, "l": low, "c": c, "v": v})
    return orjson.dumps(
        {
            "bars": bars,
            "complete": page.complete,
            "gaps": [gap.as_dict() for gap in page.gaps],
            "next_page_token": page.next_page_token,
        }
    )


def to_json_columns(page: BarPage) -> bytes:
    """`{"symbol": [...], "timestamp": [...], "open": [...], ...}`, as a data frame takes it."""
    columns = page.bars
    return orjson.dumps(
        {
            "symbol": columns.symbol,
            "timestamp": time_texts(columns),
            "open": columns.open,
            "high": columns.high,
            "low": columns.low,
            "close": columns.close,
            "volume": columns.volume,
        }
    )


def to_csv(page: BarPage) -> bytes:
    """`symbol,timestamp,open,high,low,close,volume`; an unknown volume is empty. Symbols need no quoting."""
    columns = page.bars
    lines = [
        f"{symbol},{t},{o},{h},{low},{c},{'' if v is None else v}\n"
        for symbol, t, o, h, low, c, v in zip(
            columns.symbol,
            time_texts(columns),
            columns.open,
            columns.high,
            columns.low,
            columns.close,
            columns.volume,
            strict=True,
        )
    ]
    return (CSV_HEADER + "".join(lines)).encode()


def time_texts(columns: BarColumns) -> list[str]:
    """The rows' times as text: 2013-01-02T00:00:00Z, with microseconds where any has them."""
    import numpy as np

    times = columns.timestamp
    whole = bool((times == times.astype("datetime64[s]")).all())
    texts: list[str] = np.datetime_as_string(times, unit="s" if whole else "us", timezone="UTC").tolist()
    return texts
