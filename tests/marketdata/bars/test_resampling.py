"""Longer bars out of shorter ones."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.bars.resampling import (
    finest_divisors,
    interval_starts,
    is_regular,
    month_starts,
    resample,
    session_dates,
    week_starts,
)
from marketdata.bars.series import Series
from marketdata.calendars import Sessions, sessions_of
from tradingsite.core.errors import InvalidInput
from tradingsite.core.timeframes import Timeframe

NEW_YORK = sessions_of("XNYS", today=dt.date(2013, 1, 1))


def moments(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[us]")


def series(starts: np.ndarray, rows: list[tuple[int, int, int, int, int | None]]) -> Series:
    prices = np.array([row[:4] for row in rows], dtype=np.int64).reshape(-1, 4)
    return Series(
        start=starts,
        open=prices[:, 0],
        high=prices[:, 1],
        low=prices[:, 2],
        close=prices[:, 3],
        volume=np.array([row[4] or 0 for row in rows], dtype=np.int64),
        no_volume=np.array([row[4] is None for row in rows]),
    )


def texts(starts: np.ndarray) -> list[str]:
    return np.datetime_as_string(starts, unit="m").tolist()


def test_an_interval_has_the_first_open_the_last_close_the_extremes_and_the_sum() -> None:
    starts = moments("2013-10-07T14:00", "2013-10-07T14:00", "2013-10-07T14:05")
    made = resample(series(starts, [(10, 15, 9, 11, 100), (11, 12, 5, 8, 50), (8, 8, 8, 8, 1)]), starts)
    assert texts(made.start) == ["2013-10-07T14:00", "2013-10-07T14:05"]
    assert [made.open.tolist(), made.high.tolist(), made.low.tolist()] == [[10, 8], [15, 8], [5, 8]]
    assert [made.close.tolist(), made.volume.tolist()] == [[8, 8], [150, 1]]


def test_a_volume_that_one_bar_does_not_know_is_not_known_of_the_whole() -> None:
    starts = moments("2013-10-07", "2013-10-07")
    made = resample(series(starts, [(1, 1, 1, 1, 5), (1, 1, 1, 1, None)]), starts)
    assert (made.no_volume.tolist(), made.volume.tolist()) == ([True], [0])


def test_volumes_that_pass_64_bits_are_refused_not_wrapped_around() -> None:
    starts = moments(*["2013-10-07"] * 10)
    with pytest.raises(InvalidInput):
        resample(series(starts, [(1, 1, 1, 1, 10**18)] * 10), starts)


def test_hours_are_counted_from_the_open_of_the_session() -> None:
    """New York opened at 13:30 UTC in October."""
    times = moments("2013-10-07T12:45", "2013-10-07T13:29", "2013-10-07T13:30", "2013-10-07T14:29", "2013-10-07T14:30")
    assert texts(interval_starts(times, Timeframe.HOUR_1, NEW_YORK)) == [
        "2013-10-07T12:30",
        "2013-10-07T12:30",
        "2013-10-07T13:30",
        "2013-10-07T13:30",
        "2013-10-07T14:30",
    ]


def test_where_trading_never_stops_intervals_are_counted_from_midnight() -> None:
    times = moments("2013-10-07T03:59", "2013-10-07T04:00", "1969-12-31T23:59")
    assert texts(interval_starts(times, Timeframe.HOUR_4, None)) == [
        "2013-10-07T00:00",
        "2013-10-07T04:00",
        "1969-12-31T20:00",
    ]


def test_the_middle_of_the_night_cuts_no_interval_that_both_sessions_count_alike() -> None:
    """New York's is at a quarter to one: both count an interval from half past twelve."""
    times = moments("2013-10-08T04:40", "2013-10-08T04:50")
    assert texts(interval_starts(times, Timeframe.HOUR_1, NEW_YORK)) == ["2013-10-08T04:30"] * 2


@pytest.mark.parametrize("timeframe", [Timeframe.HOUR_4, Timeframe.HOUR_1, Timeframe.MINUTE_30, Timeframe.MINUTE_5])
def test_intervals_rise_with_time_also_where_the_clocks_change(timeframe: Timeframe) -> None:
    times = np.arange("2013-10-30", "2013-11-06", 60, dtype="datetime64[s]").astype("datetime64[us]")
    starts = interval_starts(times, timeframe, NEW_YORK)
    assert (np.diff(starts) >= np.timedelta64(0, "us")).all()
    assert (starts <= times).all()
    assert (times - starts < np.timedelta64(timeframe.duration)).all()


def test_only_what_is_traded_from_open_to_before_close_is_regular() -> None:
    assert NEW_YORK is not None
    # The Friday after Thanksgiving closes at one.
    times = moments("2013-11-29T14:29", "2013-11-29T14:30", "2013-11-29T17:59", "2013-11-29T18:00", "2013-11-30T15:00")
    assert is_regular(times, NEW_YORK).tolist() == [False, True, True, False, False]


def test_trading_before_the_open_and_after_the_close_belongs_to_its_session() -> None:
    """Also past midnight UTC: half past eight in the evening in New York is the next UTC day."""
    times = moments("2013-10-07T08:00", "2013-10-07T23:59", "2013-10-08T00:30")
    assert texts(session_dates(times, NEW_YORK)) == ["2013-10-07T00:00"] * 3
    assert texts(session_dates(times, None)) == ["2013-10-07T00:00", "2013-10-07T00:00", "2013-10-08T00:00"]


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    dates = moments("2013-10-06", "2013-10-07", "2013-10-13", "2013-10-14", "1969-12-28")
    assert [text[:10] for text in texts(week_starts(dates))] == [
        "2013-09-30",
        "2013-10-07",
        "2013-10-07",
        "2013-10-14",
        "1969-12-22",
    ]
    assert [text[:7] for text in texts(month_starts(dates))] == ["2013-10"] * 4 + ["1969-12"]


@given(rows=st.lists(st.tuples(*[st.integers(-1000, 1000)] * 4, st.integers(0, 10**6)), min_size=1, max_size=60))
def test_in_two_steps_it_is_the_same_as_in_one(rows: list[tuple[int, int, int, int, int]]) -> None:
    """Minutes to five and five to thirty are what minutes to thirty are."""
    minutes = np.datetime64("2013-10-07T14:00", "us") + np.arange(len(rows)) * np.timedelta64(1, "m")
    bars = series(minutes, list(rows))
    fives = resample(bars, interval_starts(bars.start, Timeframe.MINUTE_5, None))
    twice = resample(fives, interval_starts(fives.start, Timeframe.MINUTE_30, None))
    once = resample(bars, interval_starts(bars.start, Timeframe.MINUTE_30, None))
    for name in ("start", "open", "high", "low", "close", "volume"):
        assert getattr(once, name).tolist() == getattr(twice, name).tolist()
    assert once.volume.sum() == bars.volume.sum()


def test_a_timeframe_is_made_of_the_longest_that_divides_it() -> None:
    assert finest_divisors(Timeframe.MINUTE_1) == ()
    assert finest_divisors(Timeframe.MINUTE_15) == (Timeframe.MINUTE_5, Timeframe.MINUTE_1)
    assert finest_divisors(Timeframe.HOUR_4)[0] == Timeframe.HOUR_1
    assert finest_divisors(Timeframe.DAY_1)[0] == Timeframe.MINUTE_30
    assert finest_divisors(Timeframe.MONTH_1) == (Timeframe.DAY_1,)


def test_no_bars_are_no_bars() -> None:
    empty = series(moments(), [(1, 1, 1, 1, 1)]).take(slice(0, 0))
    assert len(resample(empty, empty.start)) == 0


def test_a_calendar_without_sessions_counts_from_midnight() -> None:
    none = Sessions(moments().astype("datetime64[D]"), moments(), moments())
    assert texts(interval_starts(moments("2013-10-07T14:31"), Timeframe.HOUR_1, none)) == ["2013-10-07T14:00"]
