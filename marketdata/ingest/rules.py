"""The rules that every bar keeps, over whole columns; pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa

from marketdata.ingest.bars import Bars
from marketdata.ingest.faults import Faults, Integers, Mask, shown
from marketdata.ingest.tables import PRICES
from marketdata.ingest.times import MICROSECONDS_A_MINUTE

FIRST_YEAR = 1900
LAST_YEAR = 2200
# Clocks differ, and a session dated tomorrow may have begun on the other side of the world.
AHEAD = timedelta(days=1)

_EPOCH = date(1970, 1, 1)


def check_alignment(moments: Integers, raw: pa.Array, faults: Faults) -> None:
    """Intraday bars start on a minute. moments: microseconds since 1970, int64[n]."""
    faults.add(
        moments % MICROSECONDS_A_MINUTE != 0,
        "not_aligned",
        lambda row: f"The time {shown(raw, row)} of an intraday bar is not a full minute.",
    )


def check_times(bars: Bars, faults: Faults, *, now: datetime) -> None:
    """No bar before 1900 or after 2200, and none that starts later than a day from now."""
    a_day = bars.table.slots_a_day
    first = (date(FIRST_YEAR, 1, 1) - _EPOCH).days * a_day
    last = (date(LAST_YEAR, 1, 1) - _EPOCH).days * a_day
    faults.add(
        (bars.slot < first) | (bars.slot >= last),
        "time_out_of_range",
        f"The time is not between the years {FIRST_YEAR} and {LAST_YEAR}.",
    )
    latest = now + AHEAD
    limit = (latest.date() - _EPOCH).days * a_day
    if not bars.table.is_daily:
        limit += latest.hour * 60 + latest.minute
    faults.add(bars.slot > limit, "in_future", lambda row: f"The bar's time {slot_text(bars, row)} is in the future.")


def check_numbers(bars: Bars, faults: Faults, *, can_go_negative: Mask) -> None:
    """Prices are there, above zero where they must be, and in order; nothing else is negative.

    can_go_negative: bool[n], whether each bar's instrument may have prices of zero and below.
    """
    for column in PRICES:
        _check_price(bars, column.name, faults, can_go_negative=can_go_negative)
    high, low = bars.numbers["high"].values, bars.numbers["low"].values
    faults.add(
        high < low,
        "high_below_low",
        lambda row: f"The high {_text(bars, 'high', row)} is below the low {_text(bars, 'low', row)}.",
    )
    for name in ("open", "close"):
        _check_between(bars, name, faults)
    for column in bars.table.numbers[len(PRICES) :]:
        # A volume-weighted price is as free as the prices.
        if column.name != "vwap":
            _check_not_negative(bars, column.name, faults)


def _check_price(bars: Bars, name: str, faults: Faults, *, can_go_negative: Mask) -> None:
    faults.add(bars.numbers[name].missing, "missing_price", f"The {name} is missing.")
    faults.add(
        (bars.numbers[name].values <= 0) & ~can_go_negative,
        "not_positive",
        lambda row: f"The {name} is {_text(bars, name, row)}; prices of this instrument are above zero.",
    )


def _check_between(bars: Bars, name: str, faults: Faults) -> None:
    values = bars.numbers[name].values
    faults.add(
        (values < bars.numbers["low"].values) | (values > bars.numbers["high"].values),
        f"{name}_outside",
        lambda row: (
            f"The {name} {_text(bars, name, row)} is not between the low {_text(bars, 'low', row)} "
            f"and the high {_text(bars, 'high', row)}."
        ),
    )


def _check_not_negative(bars: Bars, name: str, faults: Faults) -> None:
    faults.add(
        bars.numbers[name].values < 0,
        f"negative_{name}",
        lambda row: f"The {name} is {_text(bars, name, row)}, below zero.",
    )


def slot_text(bars: Bars, row: int) -> str:
    """A bar's time for a person."""
    slot = int(bars.slot[row])
    if bars.table.is_daily:
        return str(np.datetime64(slot, "D"))
    return str(np.datetime64(slot, "m")).replace("T", " ") + " UTC"


def _text(bars: Bars, name: str, row: int) -> str:
    scale = next(column.scale for column in bars.table.numbers if column.name == name)
    sign = "-" if bars.numbers[name].values[row] < 0 else ""
    whole, rest = divmod(abs(int(bars.numbers[name].values[row])), 10**scale)
    fraction = f"{rest:0{scale}d}".rstrip("0") if scale else ""
    return f"{sign}{whole}" + (f".{fraction}" if fraction else "")
