"""Splits and dividends on exact columns."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.bars.adjustment import Dividend, Split, adjust_dividends, adjust_splits, scaled, usable
from marketdata.bars.series import Series
from tradingsite.core.errors import InvalidInput


def series(closes: list[int], *, days: list[str], volume: int = 7_000_000) -> Series:
    values = np.array(closes, dtype=np.int64)
    return Series(
        start=np.array(days, dtype="datetime64[us]"),
        open=values,
        high=values,
        low=values,
        close=values,
        volume=np.full(len(closes), volume, dtype=np.int64),
        no_volume=np.zeros(len(closes), dtype=np.bool_),
    )


def at(day: str) -> Any:
    return np.datetime64(day, "us")


def test_apples_four_splits_leave_one_scale() -> None:
    """The ratios of 2000, 2005, 2014 and 2020: 112 shares of today for one of 1999."""
    splits = [
        Split(at("2000-06-21"), 2, 1),
        Split(at("2005-02-28"), 2, 1),
        Split(at("2014-06-09"), 7, 1),
        Split(at("2020-08-31"), 4, 1),
    ]
    days = ["1999-01-04", "2000-06-21", "2005-02-28", "2014-06-09", "2020-08-31"]
    raw = series([112 * 10**8, 56 * 10**8, 28 * 10**8, 4 * 10**8, 10**8], days=days, volume=1)
    adjusted = adjust_splits(raw, splits)
    assert adjusted.close.tolist() == [10**8] * 5
    assert adjusted.volume.tolist() == [112, 56, 28, 4, 1]
    assert raw.close[0] == 112 * 10**8


def test_the_bar_of_the_ex_date_is_in_new_shares_already() -> None:
    adjusted = adjust_splits(series([200, 100], days=["2020-01-02", "2020-01-03"]), [Split(at("2020-01-03"), 2, 1)])
    assert adjusted.close.tolist() == [100, 100]


def test_a_reverse_split_multiplies_prices() -> None:
    adjusted = adjust_splits(series([150], days=["2020-01-02"], volume=30), [Split(at("2020-01-03"), 1, 10)])
    assert (adjusted.close.tolist(), adjusted.volume.tolist()) == ([1500], [3])


def test_two_splits_round_once() -> None:
    """5 / 3 / 2 is 0.83, which is 1; rounding twice would have made 2 of 5 / 3, and that again 1: so 7 / 2 / 3."""
    adjusted = adjust_splits(
        series([7], days=["2020-01-01"]), [Split(at("2020-01-02"), 2, 1), Split(at("2020-01-03"), 3, 1)]
    )
    assert adjusted.close.tolist() == [1]  # 7/6; 7/2 rounded to 4, 4/3 rounded to 1
    odd = adjust_splits(
        series([27], days=["2020-01-01"]), [Split(at("2020-01-02"), 2, 1), Split(at("2020-01-03"), 9, 1)]
    )
    assert odd.close.tolist() == [2]  # 27/18 is 1.5, even; 27/2 rounded to 14, 14/9 is 1.56


@given(
    value=st.integers(-(10**18), 10**18),
    up=st.integers(1, 1000),
    down=st.integers(1, 1000),
)
def test_scaling_is_exact_and_half_even(value: int, up: int, down: int) -> None:
    exact = Fraction(value * up, down)
    try:
        result = scaled(np.array([value], dtype=np.int64), up, down).tolist()
    except InvalidInput:
        # Refused only where the result has no place, or nearly so.
        assert abs(exact) + up > np.iinfo(np.int64).max
    else:
        assert result == [round(exact)]


def test_a_dividend_takes_its_share_of_earlier_prices_only() -> None:
    raw = series([100 * 10**8, 98 * 10**8], days=["2020-01-02", "2020-01-03"])
    adjusted = adjust_dividends(raw, [Dividend(at("2020-01-03"), 2 * 10**8, 100 * 10**8)])
    assert adjusted.close.tolist() == [98 * 10**8, 98 * 10**8]
    assert adjusted.volume.tolist() == raw.volume.tolist()


def test_a_dividend_is_rounded_as_a_decimal_would_be() -> None:
    raw = series([123_456_789_012], days=["2020-01-02"])
    adjusted = adjust_dividends(raw, [Dividend(at("2020-01-03"), 33, 1000)])
    expected = (Decimal(123_456_789_012) * Decimal("0.967")).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    assert adjusted.close.tolist() == [int(expected)]


@pytest.mark.parametrize("close_before", [0, 5, 10])
def test_a_dividend_that_is_more_than_the_share_adjusts_nothing(close_before: int) -> None:
    dividend = Dividend(at("2020-01-03"), 10, close_before)
    raw = series([50], days=["2020-01-02"])
    assert not usable(dividend)
    assert adjust_dividends(raw, [dividend]) is raw


def test_nothing_to_adjust_is_nothing_changed() -> None:
    empty = series([], days=[])
    assert len(adjust_splits(empty, [Split(at("2020-01-03"), 2, 1)])) == 0
    assert len(adjust_dividends(empty, [Dividend(at("2020-01-03"), 1, 10)])) == 0
