"""Ticks in the form in which they are checked, compared and loaded; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from marketdata.archive.rows import Words
from marketdata.ingest import times
from marketdata.ingest.checked import CheckedChunk
from marketdata.ingest.faults import Faults, Integers, Mask, shown
from marketdata.ingest.headers import recognise_ticks
from marketdata.ingest.numbers import Numbers, parse_numbers
from marketdata.ingest.options import LoadOptions
from marketdata.ingest.rules import AHEAD, FIRST_YEAR, LAST_YEAR
from marketdata.ingest.source import BarSource, RawChunk
from marketdata.ingest.symbols import Lookup, SymbolReader, distinct_texts, plain
from marketdata.ingest.tables import NumberColumn
from tradingsite.core.decimals import PRICE_PLACES, VOLUME_PLACES
from tradingsite.core.errors import InvalidInput
from tradingsite.core.text import is_storable

PRICE = NumberColumn("price", PRICE_PLACES, 10, is_required=True)
SIZE = NumberColumn("size", VOLUME_PLACES, 12, is_required=True)
#: Texts of a tick and how long they may be.
TEXTS = {"exchange": 16, "condition": 32}


@dataclass(frozen=True, slots=True)
class Ticks:
    """n ticks as columns.

    names: the distinct symbols; symbol: int64[n], each tick's index into `names`. time: int64[n],
    microseconds since 1970 UTC. sequence: int64[n], its place among the symbol's ticks of that time.
    price and size: unscaled integers. texts: `exchange` and `condition`, empty where there is none.
    """

    names: list[str]
    symbol: Integers
    time: Integers
    sequence: Integers
    price: Integers
    size: Integers
    texts: dict[str, Words]

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: npt.NDArray[np.intp] | Mask) -> Ticks:
        """These ticks only."""
        return Ticks(
            self.names,
            self.symbol[rows],
            self.time[rows],
            self.sequence[rows],
            self.price[rows],
            self.size[rows],
            {name: words.take(rows) for name, words in self.texts.items()},
        )

    def canonical_bytes(self) -> bytes:
        """Symbol, exchange and condition padded with zeros, the numbers as 64-bit little-endian integers."""
        row = np.empty(
            len(self),
            dtype=[("symbol", "S32"), *((name, "<i8") for name in ("t", "n", "p", "s")), ("e", "S64"), ("c", "S128")],
        )
        names = np.array([name.encode() for name in self.names] or [b""], dtype="S32")
        row["symbol"] = names[self.symbol]
        for name, column in zip("tnps", (self.time, self.sequence, self.price, self.size), strict=True):
            row[name] = column
        row["e"] = self.texts["exchange"].padded(64)
        row["c"] = self.texts["condition"].padded(128)
        return row.tobytes()


class TickReader:
    """Reads one source from start to end; each symbol's ticks must come in the order of time.

    Ticks of the same symbol and time are told apart by the order in which they stand: a source must not be
    cut between them. Raises InvalidInput for a header that is none of ticks, without a symbol, or without a
    needed time zone.
    """

    def __init__(
        self, *, options: LoadOptions, source: BarSource, first: RawChunk, lookup: Lookup, now: datetime
    ) -> None:
        self.layout = recognise_ticks(first.rows.schema.names)
        self._symbols = SymbolReader(options=options, source=source, layout=self.layout, lookup=lookup)
        self.notes = [*self.layout.notes, *self._symbols.notes]
        self._rounding = options.round_floats
        self._zone = options.zone()
        self._now = now
        self._is_first = True
        #: The last time of each symbol, and how many ticks have stood there.
        self._last: dict[int, tuple[int, int]] = {}

    def read(self, chunk: RawChunk) -> CheckedChunk[Ticks]:
        """Parse and check one chunk."""
        faults = Faults(chunk.rows.num_rows)
        symbols = self._symbols.read(chunk, faults)
        moments = self._moments(chunk, faults)
        _check_range(moments, faults, now=self._now)
        # Rows whose place is known count, also when a number of theirs is bad: once mended, it has its number.
        placed = ~faults.bad
        sequence = self._sequences(symbols, moments, placed, faults)
        price, size = (self._numbers(chunk, column, faults) for column in (PRICE, SIZE))
        _check_numbers(price, size, faults, can_go_negative=self._symbols.can_go_negative(symbols))
        texts = {name: self._texts(chunk, name, limit, faults) for name, limit in TEXTS.items()}
        rejects = faults.rejects(chunk.lines)
        if chunk.broken:
            rejects = sorted([*chunk.broken, *rejects], key=lambda reject: reject.line)
        self._is_first = False
        ticks = Ticks(self._symbols.names, symbols, moments, sequence, price.values, size.values, texts)
        return CheckedChunk(rows=ticks.take(~faults.bad), rejects=rejects)

    def _moments(self, chunk: RawChunk, faults: Faults) -> Integers:
        raw = plain(chunk.rows.column(self.layout.columns["moment"]))
        if "time" in self.layout.columns:
            raw = times.join_date_and_time(raw, plain(chunk.rows.column(self.layout.columns["time"])))
        moments = times.parse_timestamps(raw, faults, zone=self._zone)
        if self._is_first and len(raw) and faults.count("time_zone_missing") == len(raw):
            raise InvalidInput.field(
                "time_zone",
                f"The times, such as {shown(raw, 0)}, carry no time zone; name the one they are meant in (--timezone).",
                code="time_zone_missing",
            )
        return moments

    def _sequences(self, symbols: Integers, moments: Integers, placed: Mask, faults: Faults) -> Integers:
        """Each placed row's number among its symbol's rows of that time; what goes back in time is a fault."""
        sequence = np.zeros(len(symbols), dtype=np.int64)
        for symbol in np.unique(symbols[placed]).tolist():
            rows = np.flatnonzero(placed & (symbols == symbol))
            time, count = self._last.get(symbol, (np.iinfo(np.int64).min, 0))
            highest = np.maximum.accumulate(np.concatenate([[time], moments[rows]]))
            late = moments[rows] < highest[:-1]
            mask = np.zeros(len(symbols), dtype=np.bool_)
            mask[rows[late]] = True
            faults.add(mask, "out_of_order", "The tick is earlier than one of its symbol further up; sort by time.")
            rows = rows[~late]
            if not len(rows):
                continue
            at = moments[rows]
            starts = np.flatnonzero(np.concatenate([[True], at[1:] != at[:-1]]))
            lengths = np.diff(np.append(starts, len(at)))
            numbers = np.arange(len(at)) - np.repeat(starts, lengths)
            if at[0] == time:
                numbers[: lengths[0]] += count
            sequence[rows] = numbers
            self._last[symbol] = (int(at[-1]), int(numbers[-1]) + 1)
        return sequence

    def _numbers(self, chunk: RawChunk, column: NumberColumn, faults: Faults) -> Numbers:
        raw = plain(chunk.rows.column(self.layout.columns[column.name]))
        numbers = parse_numbers(raw, column, faults, rounding=self._rounding)
        faults.add(numbers.missing, f"missing_{column.name}", f"The {column.name} is missing.")
        return numbers

    def _texts(self, chunk: RawChunk, name: str, limit: int, faults: Faults) -> Words:
        position = self.layout.columns.get(name)
        if position is None:
            return Words(np.zeros(chunk.rows.num_rows, dtype=np.int64), [""])
        spellings, where = distinct_texts(plain(chunk.rows.column(position)))
        texts = [(spelling or "").strip() for spelling in spellings] or [""]
        for index, text in enumerate(texts):
            if len(text) > limit or not is_storable(text) or not text.isprintable() or "\ufffd" in text:
                faults.add(where == index, f"bad_{name}", f"The {name} is no text of at most {limit} characters.")
                texts[index] = ""
        return Words(where, texts)


def _check_range(moments: Integers, faults: Faults, *, now: datetime) -> None:
    first, last = (int(_microseconds(datetime(year, 1, 1, tzinfo=UTC))) for year in (FIRST_YEAR, LAST_YEAR))
    faults.add(
        (moments < first) | (moments >= last),
        "time_out_of_range",
        f"The time is not between the years {FIRST_YEAR} and {LAST_YEAR}.",
    )
    faults.add(moments > _microseconds(now + AHEAD), "in_future", "The tick's time is in the future.")


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def _check_numbers(price: Numbers, size: Numbers, faults: Faults, *, can_go_negative: Mask) -> None:
    faults.add(
        (price.values <= 0) & ~can_go_negative,
        "not_positive",
        "The price is not above zero, as prices of this instrument are.",
    )
    faults.add(size.values < 0, "negative_size", "The size is below zero.")
