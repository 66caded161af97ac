"""Bars of ticks; pure."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from marketdata.ingest.faults import Integers
from marketdata.ingest.ticks import PRICE, SIZE
from tradingsite.core.errors import InvalidInput
from tradingsite.core.timeframes import Timeframe

#: What ticks are made into; longer bars begin with a session and are made of these when they are read.
TIMEFRAMES = (Timeframe.MINUTE_1, Timeframe.MINUTE_5, Timeframe.MINUTE_15, Timeframe.MINUTE_30)
_MICROSECONDS = 1_000_000


def check_timeframe(timeframe: Timeframe) -> None:
    """Raise InvalidInput unless ticks are made into such bars."""
    if timeframe not in TIMEFRAMES:
        known = ", ".join(one.value for one in TIMEFRAMES)
        raise InvalidInput.field(
            "timeframe",
            f"Ticks are made into bars of {known}; longer ones are made of these when they are read.",
            code="invalid_timeframe",
        )


def length_of(timeframe: Timeframe) -> int:
    """In microseconds."""
    return int(timeframe.duration.total_seconds()) * _MICROSECONDS


def aggregate(
    symbol: str, time: Integers, sequence: Integers, price: Integers, size: Integers, *, timeframe: Timeframe
) -> pa.Table:
    """The bars of one symbol's ticks, as a source has them; an interval without a tick has none.

    time: microseconds since 1970 UTC; price and size: unscaled integers; int64[n], in any order. The first and
    the last tick are those of time and sequence. Volume and the volume-weighted price are exact sums (vwap to
    8 decimals, half-even; none where nothing but ticks of size 0 was traded).
    """
    order = np.lexsort((sequence, time))
    time, price, size = time[order], price[order], size[order]
    interval = time // length_of(timeframe)
    first = np.flatnonzero(np.concatenate([[True], interval[1:] != interval[:-1]])) if len(time) else np.array([], int)
    last = np.append(first[1:], len(time))[: len(first)] - 1
    starts = interval[first] * length_of(timeframe)
    volume = _sums(size.astype(object), first)
    # Python's integers: price times size has up to 33 digits.
    notional = _sums(price.astype(object) * size.astype(object), first)
    return pa.table(
        {
            "symbol": pa.repeat(pa.scalar(symbol), len(first)),
            "timestamp": pa.array(starts, pa.int64()).cast(pa.timestamp("us", "UTC")),
            "open": _decimals(price[first].tolist(), PRICE.scale),
            "high": _decimals(_of(np.maximum, price, first), PRICE.scale),
            "low": _decimals(_of(np.minimum, price, first), PRICE.scale),
            "close": _decimals(price[last].tolist(), PRICE.scale),
            "volume": _decimals(volume, SIZE.scale),
            "vwap": _decimals([_divided(n, v) for n, v in zip(notional, volume, strict=True)], PRICE.scale),
            "trade_count": pa.array((last - first + 1).tolist(), pa.int64()),
        }
    )


def _of(function: np.ufunc, values: Integers, first: npt.NDArray[np.intp]) -> list[int]:
    return [] if not len(first) else [int(value) for value in function.reduceat(values, first)]


def _sums(values: npt.NDArray[np.object_], first: npt.NDArray[np.intp]) -> list[int]:
    return [] if not len(first) else [int(value) for value in np.add.reduceat(values, first)]


def _divided(numerator: int, denominator: int) -> int | None:
    """Rounded half-even."""
    if not denominator:
        return None
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return quotient + (twice > denominator or (twice == denominator and quotient % 2 == 1))


def _decimals(unscaled: list[int] | list[int | None], scale: int) -> pa.Array:
    return pa.array(
        [None if value is None else Decimal(value).scaleb(-scale) for value in unscaled], pa.decimal128(38, scale)
    )
