"""QuantConnect LEAN's data files: a zip with one CSV without a header, whose place in the folders says what it is.

equity/usa/minute/spy/20131007_trade.zip   milliseconds since midnight, prices times 10,000
equity/usa/daily/spy.zip                   yyyyMMdd HH:mm, prices times 10,000
crypto/coinbase/minute/btcusd/...          prices as they are
https://github.com/QuantConnect/Lean/tree/master/Data
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from marketdata.ingest.source import CHUNK_ROWS, RawChunk
from marketdata.ingest.streams import FileId
from marketdata.ingest.times import MICROSECONDS_A_DAY, utc_offsets

# Prices of these are written as integers, four decimals shifted.
_SHIFTED = frozenset({"equity"})
# The zone that a market's files are written in.
_ZONES = {
    ("equity", "usa"): "America/New_York",
    ("forex", "oanda"): "UTC",
    ("forex", "fxcm"): "America/New_York",
    **{("crypto", market): "UTC" for market in ("coinbase", "gdax", "binance", "bitfinex", "kraken")},
}
_DATED = {"minute", "second"}
_WHOLE = {"hour", "daily"}
_DAY_FILE = re.compile(r"(\d{8})_trade$")
_LIMIT = 256 * 1024 * 1024
# Arrow crashes over exponents that are long enough, and wraps more digits around.
_NEVER_LEAN = re.compile(rb"[eE]|[0-9.]{39}")
_NAMES = ["at", "open", "high", "low", "close", "volume"]


@dataclass(frozen=True, slots=True)
class LeanSource:
    """The trade bars of one of LEAN's zip files, in its folders; rows are numbered from 1.

    Times become UTC where the market's zone is known, else the caller names it.
    """

    file: FileId
    symbol_hint: str
    security: str
    market: str
    resolution: str
    day: str

    @classmethod
    def of(cls, file: FileId, path: Path) -> LeanSource:
        """Understand where the file lies; raises InvalidInput when that is no place of LEAN's trade bars."""
        parts = [part.lower() for part in path.resolve().with_suffix("").parts]
        if len(parts) >= 5 and parts[-3] in _DATED and (dated := _DAY_FILE.match(parts[-1])):
            security, market, resolution, symbol = parts[-5:-1]
            return cls(file, symbol.upper(), security, market, resolution, dated[1])
        if len(parts) >= 4 and parts[-2] in _WHOLE:
            security, market, resolution, symbol = parts[-4:]
            return cls(file, symbol.removesuffix("_trade").upper(), security, market, resolution, "")
        raise file.refuse(
            "is a zip archive that does not lie where LEAN keeps trade bars, "
            "as in equity/usa/minute/spy/20131007_trade.zip or equity/usa/daily/spy.zip.",
            "not_bars",
        )

    @property
    def name(self) -> str:
        return f"{self.symbol_hint} {self.file.name}" if self.day else self.file.name

    @property
    def size(self) -> int:
        """In bytes on disk."""
        return self.file.size

    def chunks(self) -> Iterator[RawChunk]:
        table = self._table()
        columns = {"symbol": pa.repeat(pa.scalar(self.symbol_hint), table.num_rows), "timestamp": self._moments(table)}
        for name in _NAMES[1:]:
            values = table.column(name).combine_chunks()
            if name != "volume" and self.security in _SHIFTED:
                values = pc.multiply(values, pa.scalar("0.0001").cast(pa.decimal128(5, 4)))
            columns[name] = values
        whole = pa.table(columns).combine_chunks()
        done = 0
        for batch in whole.to_batches(max_chunksize=CHUNK_ROWS):
            lines = np.arange(done + 1, done + batch.num_rows + 1, dtype=np.int64)
            yield RawChunk(rows=batch, lines=lines, advanced=self.size if done == 0 else 0)
            done += batch.num_rows
        if not done:
            raise self.file.refuse("has no rows.", "no_rows")

    def _table(self) -> pa.Table:
        try:
            with zipfile.ZipFile(self.file.path) as archive:
                entries = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".csv")]
                if len(entries) != 1:
                    raise self.file.refuse(f"has {len(entries)} CSV files in it; LEAN's have one.", "not_bars")
                with archive.open(entries[0]) as stream:
                    text = stream.read(_LIMIT + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise self.file.refuse(f"is damaged: {str(error).rstrip('.')}.", "damaged") from None
        if len(text) > _LIMIT:
            raise self.file.refuse("is larger than 256 MB when unpacked: no file of LEAN's.", "too_large")
        if _NEVER_LEAN.search(text):
            raise self.file.refuse("is not what LEAN writes: a number with an exponent or over 38 digits.", "not_bars")
        kinds = {"at": pa.string(), **dict.fromkeys(_NAMES[1:], pa.decimal128(28, 8))}
        try:
            return csv.read_csv(
                pa.py_buffer(text),
                read_options=csv.ReadOptions(column_names=_NAMES, use_threads=False),
                convert_options=csv.ConvertOptions(column_types=kinds, include_columns=_NAMES),
            )
        except pa.ArrowException as error:
            reason = str(error).splitlines()[0][:200].rstrip(".")
            raise self.file.refuse(f"is not what LEAN writes: {reason}.", "not_bars") from None

    def _moments(self, table: pa.Table) -> pa.Array:
        text = table.column("at").combine_chunks()
        try:
            if self.day:
                milliseconds = text.cast(pa.int64()).to_numpy()
                midnight = (
                    pa.scalar(f"{self.day[:4]}-{self.day[4:6]}-{self.day[6:]}").cast(pa.date32()).cast(pa.int32())
                )
                local = midnight.as_py() * MICROSECONDS_A_DAY + milliseconds * 1000
            else:
                iso = pc.replace_substring_regex(text, r"^(\d{4})(\d\d)(\d\d) (\d\d):(\d\d)$", r"\1-\2-\3T\4:\5")
                local = iso.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
        except (pa.ArrowException, OverflowError):
            raise self.file.refuse("has times that LEAN does not write.", "not_bars") from None
        zone = _ZONES.get((self.security, self.market))
        if self.resolution == "daily" or zone is None:
            return pa.array(local).cast(pa.timestamp("us"))
        # LEAN dates what the clocks have twice by the first of the two.
        return pa.array(local - utc_offsets(local, ZoneInfo(zone), fold=0)).cast(pa.timestamp("us", "UTC"))
