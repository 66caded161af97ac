"""When a bar is over and may be decided by; pure.

An intraday bar at the end of its interval; a daily one at the close of its session; a weekly or monthly
one at the close of its last session; without sessions at midnight UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from marketdata.bars.resampling import month_starts, week_starts
from marketdata.bars.series import Moments
from marketdata.calendars import Sessions
from tradingsite.core.timeframes import Timeframe

_DAY = np.timedelta64(1, "D")
_TICK = timedelta(microseconds=1)


def available_at(starts: Moments, timeframe: Timeframe, sessions: Sessions | None) -> Moments:
    """The moment from which on each bar that starts then can be used: datetime64[us], UTC."""
    if timeframe.is_intraday:
        ends: Moments = starts + np.timedelta64(timeframe.duration)
        return ends
    after = _day_after(starts, timeframe)
    if sessions is None or not len(sessions):
        return after.astype("datetime64[us]")
    # The last session before the next interval's first day, if it is one of this interval's.
    last = np.searchsorted(sessions.dates, after, side="left") - 1
    inside = (last >= 0) & (sessions.dates[last] >= starts.astype("datetime64[D]"))
    moments: Moments = np.where(inside, sessions.closes[last], after.astype("datetime64[us]"))
    return moments


def _day_after(starts: Moments, timeframe: Timeframe) -> Moments:
    """The first day that no longer belongs to each interval."""
    days: Moments = starts.astype("datetime64[D]")
    match timeframe:
        case Timeframe.WEEK_1:
            return days + 7 * _DAY
        case Timeframe.MONTH_1:
            following: Moments = (days.astype("datetime64[M]") + np.timedelta64(1, "M")).astype("datetime64[D]")
            return following
        case _:
            return days + _DAY


def available_end(at: datetime, timeframe: Timeframe, sessions: Sessions | None) -> datetime:
    """Bars that start before this moment are over `at` that one, and no others."""
    if timeframe.is_intraday:
        return at - timeframe.duration + _TICK
    moment = np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us")
    day = moment.astype("datetime64[D]")
    if sessions is not None and len(sessions):
        closed = int(np.searchsorted(sessions.closes, moment, side="right"))
        if closed == len(sessions):
            return at
        day = sessions.dates[closed]
    beginning = np.array([day], dtype="datetime64[us]")
    match timeframe:
        case Timeframe.WEEK_1:
            beginning = week_starts(beginning)
        case Timeframe.MONTH_1:
            beginning = month_starts(beginning)
    first: datetime = beginning[0].astype(datetime)
    return first.replace(tzinfo=UTC)
