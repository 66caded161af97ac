"""Made-up minute bars, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

SYMBOLS = 26
_A_SESSION = 390
_ROWS_A_PART = 1_000_000


def write_minute_bars(path: Path, rows: int, *, seed: int = 1) -> None:
    """A CSV of one-minute bars of 26 symbols, one symbol after the other, prices with two decimals."""
    random = np.random.default_rng(seed)
    each = -(-rows // SYMBOLS)
    options = csv.WriteOptions(include_header=False, quoting_style="none")
    with path.open("wb") as stream:
        stream.write(b"symbol,timestamp,open,high,low,close,volume\n")
        for start in range(0, rows, _ROWS_A_PART):
            number = np.arange(start, min(start + _ROWS_A_PART, rows))
            csv.write_csv(_part(number, each, random), stream, options)


def _part(number: np.ndarray[tuple[int], np.dtype[np.int64]], each: int, random: np.random.Generator) -> pa.Table:
    symbol, bar = np.divmod(number, each)
    minute = np.datetime64("1990-01-02T14:30", "m").astype(np.int64) + bar // _A_SESSION * 1440 + bar % _A_SESSION
    first = np.round(100 + symbol * 3 + np.clip(random.standard_normal(len(number)).cumsum() * 0.01, -50, 500), 2)
    last = np.round(first + random.normal(0, 0.05, len(number)), 2)
    high = np.round(np.maximum(first, last) + random.random(len(number)) * 0.1, 2)
    low = np.round(np.minimum(first, last) - random.random(len(number)) * 0.1, 2)
    moments = pa.array(minute * 60).cast(pa.timestamp("s")).cast(pa.string())
    return pa.table(
        {
            "symbol": pa.array(np.array([f"BENCH{chr(65 + one)}" for one in range(SYMBOLS)])[symbol]),
            "timestamp": pa.compute.binary_join_element_wise(moments, "Z", ""),
            "open": first,
            "high": high,
            "low": low,
            "close": last,
            "volume": random.integers(1, 100_000, len(number)),
        }
    )
