from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingsite.core.errors import InvalidInput
from tradingsite.core.timeframes import INTRADAY, Timeframe, bar_end, parse_timeframe


@pytest.mark.parametrize("timeframe", Timeframe)
def test_its_own_name_is_understood_in_any_case(timeframe: Timeframe) -> None:
    assert parse_timeframe(timeframe.value) is timeframe
    assert parse_timeframe(f" {timeframe.value.title()} ") is (Timeframe.MONTH_1 if timeframe == "1m" else timeframe)


@pytest.mark.parametrize(
    ("text", "timeframe"),
    [
        ("1m", "1m"),
        ("1M", "1mo"),  # a month, as at Alpaca and Binance
        ("1MO", "1mo"),
        ("1Min", "1m"),
        ("1min", "1m"),
        ("5Min", "5m"),
        ("15Min", "15m"),
        ("30Min", "30m"),
        ("60m", "1h"),
        ("1Hour", "1h"),
        ("1H", "1h"),
        ("4Hour", "4h"),
        ("1Day", "1d"),
        ("daily", "1d"),
        ("1Week", "1w"),
        ("1wk", "1w"),
        ("1Month", "1mo"),
    ],
)
def test_what_other_platforms_say_is_understood(text: str, timeframe: str) -> None:
    assert parse_timeframe(text) == timeframe


@pytest.mark.parametrize("text", ["", "2m", "1", "m", "1 m", "1y", "１m", "1m\x00", "x" * 1000])
def test_anything_else_is_refused_naming_what_is_known(text: str) -> None:
    with pytest.raises(InvalidInput, match="known are 1m, 5m") as refused:
        parse_timeframe(text)
    assert len(refused.value.detail) < 200


@given(text=st.text(max_size=10))
def test_any_text_is_a_timeframe_or_refused(text: str) -> None:
    try:
        timeframe = parse_timeframe(text)
    except InvalidInput:
        return
    assert parse_timeframe(timeframe) is timeframe


def test_intraday_timeframes_are_those_with_a_fixed_length() -> None:
    assert {timeframe.value for timeframe in INTRADAY} == {"1m", "5m", "15m", "30m", "1h", "4h"}
    assert all(timeframe.is_intraday == (timeframe in INTRADAY) for timeframe in Timeframe)
    with pytest.raises(KeyError):
        assert Timeframe.DAY_1.duration


def test_a_bar_ends_where_the_next_one_starts() -> None:
    start = dt.datetime(2024, 1, 2, 14, 30, tzinfo=dt.UTC)
    assert bar_end(start, Timeframe.MINUTE_1) == start + dt.timedelta(minutes=1)
    assert bar_end(start, Timeframe.HOUR_4) == start + dt.timedelta(hours=4)
