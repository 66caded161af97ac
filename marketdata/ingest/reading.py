"""From raw chunks to bars: what each column is, parsing, and the rules that every bar keeps; pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from marketdata.ingest import rules, times
from marketdata.ingest.bars import Bars
from marketdata.ingest.checked import CheckedChunk
from marketdata.ingest.duplicates import DAYS_A_PAGE, MINUTES_A_PAGE, SeenBars
from marketdata.ingest.faults import Faults, Integers, shown
from marketdata.ingest.headers import Layout, recognise
from marketdata.ingest.numbers import Numbers, parse_numbers
from marketdata.ingest.options import BarLabel, LoadOptions
from marketdata.ingest.source import BarSource, RawChunk
from marketdata.ingest.summary import PricesNotNamed
from marketdata.ingest.symbols import Lookup, SymbolReader, plain
from marketdata.ingest.tables import BarTable
from tradingsite.core.errors import InvalidInput


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
        self._now = now
        self._zone = options.zone()
        self._symbols = SymbolReader(options=options, source=source, layout=self.layout, lookup=lookup)
        self.notes += self._symbols.notes
        self._seen = SeenBars(DAYS_A_PAGE if table.is_daily else MINUTES_A_PAGE)
        self._is_first = True

    def read(self, chunk: RawChunk) -> CheckedChunk[Bars]:
        """Parse and check one chunk."""
        faults = Faults(chunk.rows.num_rows)
        symbols = self._symbols.read(chunk, faults)
        slots = self._slots(chunk, symbols, faults)
        bars = Bars(self.table, self._symbols.names, symbols, slots, self._parse_numbers(chunk, faults))
        rules.check_times(bars, faults, now=self._now)
        rules.check_numbers(bars, faults, can_go_negative=self._symbols.can_go_negative(symbols))
        good = np.flatnonzero(~faults.bad)
        again = np.zeros(len(bars), dtype=np.bool_)
        again[good] = self._seen.again(symbols[good], slots[good])
        faults.add(again, "duplicate", lambda row: f"{_bar(bars, row)} is in this input already, further up.")
        rejects = faults.rejects(chunk.lines)
        if chunk.broken:
            rejects = sorted([*chunk.broken, *rejects], key=lambda reject: reject.line)
        self._is_first = False
        return CheckedChunk(rows=bars.take(~faults.bad), rejects=rejects)

    def _slots(self, chunk: RawChunk, symbols: Integers, faults: Faults) -> Integers:
        raw = plain(chunk.rows.column(self.layout.columns["moment"]))
        if "time" in self.layout.columns:
            raw = times.join_date_and_time(raw, plain(chunk.rows.column(self.layout.columns["time"])))
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
        known = [self._symbols.known(number) for number in present.tolist()]
        return where.reshape(-1), [None if one is None else one.zone for one in known]

    def _parse_numbers(self, chunk: RawChunk, faults: Faults) -> dict[str, Numbers]:
        rounding = self.options.round_floats or self.layout.rounds
        parsed = {}
        for column in self.table.numbers:
            position = self.layout.columns.get(column.name)
            if position is None:
                parsed[column.name] = Numbers.absent(chunk.rows.num_rows)
            else:
                raw = plain(chunk.rows.column(position))
                parsed[column.name] = parse_numbers(raw, column, faults, rounding=rounding)
        return parsed


_PRICES = (
    "This is a file as {kind} writes it, whose prices may be adjusted, and the file does not say how. Say it: "
    "--prices raw (as traded), --prices split (adjusted for splits), --prices all (for splits and dividends)."
)


def _bar(bars: Bars, row: int) -> str:
    return f"The bar of {bars.names[bars.symbol[row]]} at {rules.slot_text(bars, row)}"
