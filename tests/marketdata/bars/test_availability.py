"""When bars are over: by interval, by session, by the last session of a week or month."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from marketdata.bars.availability import available_at, available_end
from marketdata.bars.resampling import month_starts, week_starts
from marketdata.calendars import Sessions
from tradingsite.core.timeframes import Timeframe

# Two weeks of New York in 2013 with a holiday, opened 14:30 and closed 21:00 UTC.
DATES = np.array([f"2013-01-{day:02}" for day in (14, 15, 16, 17, 18, 22, 23, 24, 25)], dtype="datetime64[D]")
OPENS = np.array([f"{day}T14:30" for day in DATES], dtype="datetime64[us]")
CLOSES = np.array([f"{day}T21:00" for day in DATES], dtype="datetime64[us]")
SESSIONS = Sessions(dates=DATES, opens=OPENS, closes=CLOSES)


def moments(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[us]")


@pytest.mark.parametrize(
    ("timeframe", "sessions", "start", "expected"),
    [
        (Timeframe.MINUTE_5, SESSIONS, "2013-01-14T15:00", "2013-01-14T15:05"),
        (Timeframe.DAY_1, SESSIONS, "2013-01-18", "2013-01-18T21:00"),
        (Timeframe.DAY_1, None, "2013-01-18", "2013-01-19T00:00"),
        (Timeframe.DAY_1, SESSIONS, "2013-01-19", "2013-01-20T00:00"),
        (Timeframe.WEEK_1, SESSIONS, "2013-01-14", "2013-01-18T21:00"),
        (Timeframe.WEEK_1, None, "2013-01-14", "2013-01-21T00:00"),
        (Timeframe.WEEK_1, SESSIONS, "2013-01-07", "2013-01-14T00:00"),
        (Timeframe.MONTH_1, SESSIONS, "2013-01-01", "2013-01-25T21:00"),
        (Timeframe.MONTH_1, None, "2013-01-01", "2013-02-01T00:00"),
    ],
)
def test_a_bar_can_be_used_from_its_end_on(
    timeframe: Timeframe, sessions: Sessions | None, start: str, expected: str
) -> None:
    assert available_at(moments(start), timeframe, sessions).tolist() == moments(expected).tolist()


@pytest.mark.parametrize("timeframe", [Timeframe.MINUTE_1, Timeframe.HOUR_1, Timeframe.DAY_1, Timeframe.WEEK_1])
@pytest.mark.parametrize("has_calendar", [True, False])
def test_the_end_parts_the_bars_that_are_over_from_the_others(timeframe: Timeframe, has_calendar: bool) -> None:
    sessions = SESSIONS if has_calendar else None
    starts = DATES.astype("datetime64[us]")
    if timeframe.is_intraday:
        starts = SESSIONS.opens
    elif timeframe == Timeframe.WEEK_1:
        starts = np.unique(week_starts(starts))
    over = available_at(starts, timeframe, sessions)
    for hour in range(14 * 24 - 3):
        at = datetime(2013, 1, 14, tzinfo=UTC).timestamp() + hour * 3600
        moment = datetime.fromtimestamp(at, tz=UTC)
        end = np.datetime64(available_end(moment, timeframe, sessions).replace(tzinfo=None), "us")
        if has_calendar and hour > 11 * 24 + 20:
            continue  # after the last session that the calendar knows
        assert ((starts < end) == (over <= np.datetime64(moment.replace(tzinfo=None), "us"))).all(), moment


def test_months_end_with_their_last_session() -> None:
    assert available_end(datetime(2013, 1, 24, 22, tzinfo=UTC), Timeframe.MONTH_1, SESSIONS) == datetime(
        2013, 1, 1, tzinfo=UTC
    )
    assert month_starts(moments("2013-01-24")).tolist() == moments("2013-01-01").tolist()
