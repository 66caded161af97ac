"""The two bar tables as the ingest sees them; pure."""

from __future__ import annotations

from dataclasses import dataclass

from tradingsite.core.decimals import PRICE_PLACES, VOLUME_PLACES
from tradingsite.core.errors import InvalidInput
from tradingsite.core.timeframes import Timeframe


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A decimal column: `scale` decimals behind the point, at most `before` digits before it."""

    name: str
    scale: int
    before: int
    is_required: bool = False

    @property
    def limit(self) -> int:
        """The first unscaled value that is too large."""
        return int(10 ** (self.before + self.scale))


PRICES = tuple(NumberColumn(name, PRICE_PLACES, 10, is_required=True) for name in ("open", "high", "low", "close"))
VOLUME = NumberColumn("volume", VOLUME_PLACES, 12)


@dataclass(frozen=True, slots=True)
class BarTable:
    """Where bars of a timeframe are kept.

    A bar's time is a slot: days since 1970-01-01 in `daily_data`, minutes in `intraday_data`.
    `fixed` are columns with one value for the whole load.
    """

    name: str
    time_column: str
    slots_a_day: int
    numbers: tuple[NumberColumn, ...]
    fixed: tuple[tuple[str, str], ...]
    bar_slots: int

    @property
    def is_daily(self) -> bool:
        return self.slots_a_day == 1

    @property
    def permission(self) -> str:
        return "marketdata.add_dailybar" if self.is_daily else "marketdata.add_intradaybar"


def bar_table(timeframe: Timeframe) -> BarTable:
    """The table for a timeframe; raises InvalidInput for weeks and months, which are made from days."""
    if timeframe == Timeframe.DAY_1:
        more = (NumberColumn("dividends", PRICE_PLACES, 10), NumberColumn("stock_splits", PRICE_PLACES, 10))
        return BarTable("daily_data", "date", 1, (*PRICES, VOLUME, *more), fixed=(), bar_slots=1)
    if not timeframe.is_intraday:
        raise InvalidInput.field(
            "timeframe",
            f"Bars of {timeframe.label} are not stored: they are made from daily ones. Load those with 1d.",
            code="timeframe_not_stored",
        )
    return BarTable(
        "intraday_data",
        "timestamp",
        1440,
        (*PRICES, VOLUME, NumberColumn("vwap", PRICE_PLACES, 10), NumberColumn("trade_count", 0, 15)),
        fixed=(("timeframe", timeframe.value),),
        bar_slots=int(timeframe.duration.total_seconds()) // 60,
    )
