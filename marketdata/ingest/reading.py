"""From raw chunks to bars: what each column is, parsing, and the rules that every bar keeps; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from marketdata.ingest import rules, times
from marketdata.ingest.bars import Bars
from marketdata.ingest.duplicates import DAYS_A_PAGE, MINUTES_A_PAGE, SeenBars
from marketdata.ingest.faults import Faults, Integers, shown
from marketdata.ingest.headers import Layout, recognise
from marketdata.ingest.numbers import Numbers, missing_of, parse_numbers
from marketdata.ingest.options import BarLabel, LoadOptions
from marketdata.ingest.source import BarSource, RawChunk
from marketdata.ingest.summary import PricesNotNamed, Reject
from marketdata.ingest.tables import BarTable
from tradingsite.core.errors import InvalidInput
from tradingsite.core.symbols import normalise_symbol

BAD_SYMBOL = -1


@dataclass(frozen=True, slots=True)
class Known:
    """What the rules ask about an instrument."""

    can_go_negative: bool = False
    zone: ZoneInfo | None = None


#: The instruments among these symbols; what is not in the answer does not exist.
Lookup = Callable[[Sequence[str]], Mapping[str, Known]]


@dataclass(frozen=True, slots=True)
class CheckedChunk:
    """A chunk after the rules: the good bars, and every other row with its reason."""

    bars: Bars
    rejects: list[Reject]


class BarReader:
    """Reads one source from start to end; remembers the bars it saw, to refuse the second of two.

    Made from the first chunk, whose header it understands. Raises InvalidInput when that is no
    header of bars, when no symbol can be told, or when nobody named a needed time zone.
    """

    def __init__(
        self,
        *,
        table: BarTable,
        options: LoadOptions,
        source: BarSource,
        first: RawChunk,
        lookup: Lookup,
        now: datetime,
    ) -> None:
        self.table = table
        self.options = options
        self.layout: Layout = recognise(first.rows.schema.names, table)
        if self.layout.is_often_adjusted and options.price_basis is None:
            raise PricesNotNamed.field("price_basis", _PRICES.format(kind=self.layout.kind.label), code="prices")
        self.notes = list(self.layout.notes)
        self._lookup = lookup
        self._now = now
        self._zone = options.zone()
        self._symbol = self._only_symbol(source)
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._known: dict[str, Known | None] = {}
        self._seen = SeenBars(DAYS_A_PAGE if table.is_daily else MINUTES_A_PAGE)
        self._is_first = True

    def read(self, chunk: RawChunk) -> CheckedChunk:
        """Parse and check one chunk."""
        faults = Faults(chunk.rows.num_rows)
        symbols = self._symbols(chunk, faults)
        slots = self._slots(chunk, symbols, faults)
        bars = Bars(self.table, self._names, symbols, slots, self._parse_numbers(chunk, faults))
        rules.check_times(bars, faults, now=self._now)
        negative = np.array([bool(known and known.can_go_negative) for known in self._known_by_number()] or [False])
        rules.check_numbers(bars, faults, can_go_negative=negative[symbols])
        good = np.flatnonzero(~faults.bad)
        again = np.zeros(len(bars), dtype=np.bool_)
        again[good] = self._seen.again(symbols[good], slots[good])
        faults.add(again, "duplicate", lambda row: f"{_bar(bars, row)} is in this input already, further up.")
        rejects = faults.rejects(chunk.lines)
        if chunk.broken:
            rejects = sorted([*chunk.broken, *rejects], key=lambda reject: reject.line)
        self._is_first = False
        return CheckedChunk(bars=bars.take(~faults.bad), rejects=rejects)

    def _only_symbol(self, source: BarSource) -> str | None:
        """The symbol of all rows, where there is no column for it."""
        named = self.options.symbol
        if "symbol" in self.layout.columns:
            if named is not None:
                self.notes.append(f"The symbols are taken from their column; {named} was not used.")
            return None
        if named is None and source.symbol_hint is None:
            raise InvalidInput.field(
                "symbol",
                "There is no column of symbols, and the name of the source is not a symbol: name it (--symbol).",
                code="symbol_missing",
            )
        return normalise_symbol(named or source.symbol_hint or "")

    def _symbols(self, chunk: RawChunk, faults: Faults) -> Integers:
        """Each row's number in the list of names."""
        count = chunk.rows.num_rows
        position = self.layout.columns.get("symbol")
        if position is None:
            spellings: list[str | None] = [self._symbol]
            where: npt.NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        else:
            spellings, where = _distinct(_plain(chunk.rows.column(position)))
        numbers = np.empty(len(spellings), dtype=np.int64)
        problems: dict[int, tuple[str, str]] = {}
        for index, spelling in enumerate(spellings):
            numbers[index], problem = self._number(spelling)
            if problem is not None:
                problems[index] = problem
        self._look_up()
        for index in range(len(spellings)):
            if index not in problems and self._known[self._names[numbers[index]]] is None:
                problems[index] = ("unknown_symbol", f"No instrument has the symbol {self._names[numbers[index]]}.")
        for index, (code, message) in problems.items():
            faults.add(where == index, code, message)
        symbols: Integers = numbers[where] if count else np.zeros(0, dtype=np.int64)
        return np.where(symbols == BAD_SYMBOL, 0, symbols)

    def _number(self, spelling: str | None) -> tuple[int, tuple[str, str] | None]:
        if spelling is None or not spelling.strip():
            return BAD_SYMBOL, ("missing_symbol", "The symbol is missing.")
        try:
            name = normalise_symbol(spelling)
        except InvalidInput as error:
            return BAD_SYMBOL, ("invalid_symbol", error.detail)
        if name not in self._numbers:
            self._numbers[name] = len(self._names)
            self._names.append(name)
        return self._numbers[name], None

    def _look_up(self) -> None:
        fresh = self._names[len(self._known) :]
        if not fresh:
            return
        found = self._lookup(fresh)
        otherwise = Known() if self.options.create_symbols else None
        self._known.update({name: found.get(name, otherwise) for name in fresh})

    def _known_by_number(self) -> list[Known | None]:
        return [self._known[name] for name in self._names]

    def _slots(self, chunk: RawChunk, symbols: Integers, faults: Faults) -> Integers:
        raw = _plain(chunk.rows.column(self.layout.columns["moment"]))
        if "time" in self.layout.columns:
            raw = times.join_date_and_time(raw, _plain(chunk.rows.column(self.layout.columns["time"])))
        if self.table.is_daily:
            return times.parse_dates(raw, faults, zone_of=lambda rows: self._zones(symbols[rows]))
        moments = times.parse_timestamps(raw, faults, zone=self._zone)
        if self._is_first and len(raw) and faults.count("time_zone_missing") == len(raw):
            raise InvalidInput.field(
                "time_zone",
                f"The times, such as {shown(raw, 0)}, carry no time zone; name the one they are meant in (--timezone).",
                code="time_zone_missing",
            )
        rules.check_alignment(moments, raw, faults)
        slots = moments // times.MICROSECONDS_A_MINUTE
        return slots - self.table.bar_slots if self.options.bar_label == BarLabel.END else slots

    def _zones(self, symbols: Integers) -> tuple[Integers, list[ZoneInfo | None]]:
        """The zone in which a moment's date is meant: the caller's, else the instrument's."""
        if self._zone is not None:
            return np.zeros(len(symbols), dtype=np.int64), [self._zone]
        present, where = np.unique(symbols, return_inverse=True)
        known = [self._known[self._names[number]] if self._names else None for number in present.tolist()]
        return where.reshape(-1), [None if one is None else one.zone for one in known]

    def _parse_numbers(self, chunk: RawChunk, faults: Faults) -> dict[str, Numbers]:
        rounding = self.options.round_floats or self.layout.rounds
        parsed = {}
        for column in self.table.numbers:
            position = self.layout.columns.get(column.name)
            if position is None:
                parsed[column.name] = Numbers.absent(chunk.rows.num_rows)
            else:
                raw = _plain(chunk.rows.column(position))
                parsed[column.name] = parse_numbers(raw, column, faults, rounding=rounding)
        return parsed


_PRICES = (
    "This is a file as {kind} writes it, whose prices may be adjusted, and the file does not say how. Say it: "
    "--prices raw (as traded), --prices split (adjusted for splits), --prices all (for splits and dividends)."
)


def _bar(bars: Bars, row: int) -> str:
    return f"The bar of {bars.names[bars.symbol[row]]} at {rules.slot_text(bars, row)}"


def _plain(column: pa.Array) -> pa.Array:
    """The column without a dictionary around it, and text in the usual layout."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string()) if pa.types.is_string_view(column.type) else column


def _distinct(column: pa.Array) -> tuple[list[str | None], Integers]:
    """The distinct texts of a column and each row's index among them."""
    encoded = pc.dictionary_encode(column)
    where = encoded.indices.cast(pa.int64()).fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    values = encoded.dictionary
    if times.is_text(values):
        # Read without a check for UTF-8, so it may be any bytes.
        binary = values.cast(pa.large_binary() if pa.types.is_large_string(values.type) else pa.binary())
        texts: list[str | None] = [None if v is None else v.decode("utf-8", "replace") for v in binary.to_pylist()]
    else:
        texts = [None if v is None else str(v) for v in values.to_pylist()]
    return [*texts, None] if missing_of(encoded.indices).any() else texts, where
