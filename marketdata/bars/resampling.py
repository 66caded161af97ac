"""Longer bars out of shorter ones; pure.

An interval's open is its first bar's, its close its last bar's, its high and low the extremes,
its volume the sum. An interval in which nobody traded has no bar.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from marketdata.bars.series import Flags, Integers, Moments, Series
from marketdata.calendars import Sessions
from tradingsite.core.errors import InvalidInput
from tradingsite.core.timeframes import Timeframe

#: The most that a sum can be: int64.
_LARGEST = float(np.iinfo(np.int64).max)
_TICK = np.timedelta64(1, "us")
_MIDNIGHT = np.datetime64("1970-01-01T00:00:00", "us")
# The epoch was a Thursday; weeks begin on Monday.
_MONDAY = np.datetime64("1969-12-29", "D")


def resample(series: Series, starts: Moments) -> Series:
    """One bar for each distinct value of `starts`, which says for each bar when its interval began.

    `starts` rises with the bars. The volume of an interval is unknown when a bar's of it is.
    Raises InvalidInput (volume_too_large) when a sum of volumes passes 9.2e12.
    """
    if not len(series):
        return series
    first = np.flatnonzero(np.concatenate([[True], starts[1:] != starts[:-1]]))
    last = np.concatenate([first[1:], [len(series)]]) - 1
    unknown: Flags = np.logical_or.reduceat(series.no_volume, first)
    volume = _sums(series.volume, first)
    volume[unknown] = 0
    return Series(
        start=starts[first],
        open=series.open[first],
        high=np.maximum.reduceat(series.high, first),
        low=np.minimum.reduceat(series.low, first),
        close=series.close[last],
        volume=volume,
        no_volume=unknown,
    )


def _sums(volume: Integers, first: Integers) -> Integers:
    if len(first) and np.add.reduceat(volume.astype(np.float64), first).max() >= _LARGEST:
        # Said, not wrapped around: numpy adds on past the largest integer without a word.
        raise InvalidInput.field(
            "timeframe", "The volumes of an interval add up to more than can be written.", code="volume_too_large"
        )
    total: Integers = np.add.reduceat(volume, first)
    return total


def interval_starts(times: Moments, timeframe: Timeframe, sessions: Sessions | None) -> Moments:
    """When the interval of an intraday timeframe began that each of these moments lies in.

    Intervals are counted from the open of the session that the moment belongs to, forwards and
    backwards; from midnight UTC without `sessions`. The night between two sessions belongs half
    to each, so that what is traded before the open and after the close has its session.
    """
    length = np.timedelta64(timeframe.duration)
    if sessions is None or not len(sessions):
        return times - (times - _MIDNIGHT) % length
    number = session_numbers(times, sessions)
    opens = sessions.opens[number]
    starts = opens + (times - opens) // length * length
    if len(sessions) == 1:
        return starts
    before = np.maximum(number - 1, 0)
    border, open_before = _borders(sessions)[before], sessions.opens[before]
    last_before = open_before + (border - _TICK - open_before) // length * length
    # Where the clocks change in the night, an interval would begin before the last one of the day before.
    overlaps = (number > 0) & (starts < border) & (starts != last_before)
    beginnings: Moments = np.where(overlaps, border, starts)
    return beginnings


def session_numbers(times: Moments, sessions: Sessions) -> Integers:
    """The position of the session that each moment belongs to: the night is cut in the middle."""
    numbers: Integers = np.searchsorted(_borders(sessions), times, side="right")
    return numbers


def is_regular(times: Moments, sessions: Sessions) -> Flags:
    """Which moments lie in a session, from its open to before its close."""
    number = session_numbers(times, sessions)
    regular: Flags = (times >= sessions.opens[number]) & (times < sessions.closes[number])
    return regular


def _borders(sessions: Sessions) -> Moments:
    """The middle of each night: one fewer than sessions."""
    closes, opens = sessions.closes[:-1], sessions.opens[1:]
    middles: Moments = closes + (opens - closes) // 2
    return middles


def session_dates(times: Moments, sessions: Sessions | None) -> Moments:
    """The session that each moment belongs to, as its date's midnight; the UTC date without `sessions`."""
    if sessions is None or not len(sessions):
        return times.astype("datetime64[D]").astype("datetime64[us]")
    dates: Moments = sessions.dates[session_numbers(times, sessions)].astype("datetime64[us]")
    return dates


def week_starts(dates: Moments) -> Moments:
    """The Monday of each date's week, as its midnight."""
    days = dates.astype("datetime64[D]")
    mondays: Moments = (days - (days - _MONDAY) % np.timedelta64(7, "D")).astype("datetime64[us]")
    return mondays


def month_starts(dates: Moments) -> Moments:
    """The first of each date's month, as its midnight."""
    months: Moments = dates.astype("datetime64[M]").astype("datetime64[us]")
    return months


def finest_divisors(timeframe: Timeframe) -> tuple[Timeframe, ...]:
    """The shorter timeframes that this one can be made of, the longest first: fewest bars to read."""
    if timeframe in (Timeframe.WEEK_1, Timeframe.MONTH_1):
        return (Timeframe.DAY_1,)
    longest = timedelta(days=1) if timeframe == Timeframe.DAY_1 else timeframe.duration
    # A daily bar is not made of 4h ones: the last of a session runs past its close.
    made_of = [
        shorter
        for shorter in (
            Timeframe.HOUR_1,
            Timeframe.MINUTE_30,
            Timeframe.MINUTE_15,
            Timeframe.MINUTE_5,
            Timeframe.MINUTE_1,
        )
        if shorter.duration < longest and longest % shorter.duration == timedelta()
    ]
    if timeframe == Timeframe.DAY_1:
        # Half an hour at most: sessions open and close at half past.
        made_of = [shorter for shorter in made_of if shorter.duration <= timedelta(minutes=30)]
    return tuple(made_of)
