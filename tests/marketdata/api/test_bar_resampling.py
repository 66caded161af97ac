"""GET bars: longer bars are made of shorter ones, and nobody can tell."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from marketdata.bars import pages
from marketdata.models import Instrument
from tests.factories import DailyBarFactory, IntradayBarFactory
from tests.marketdata.api.bars import ask, daily, minutes

OPEN = dt.datetime(2013, 10, 7, 13, 30, tzinfo=dt.UTC)


@pytest.fixture
def two_days(spy: Instrument) -> Instrument:
    """Minutes of two sessions with what is traded before and after; each minute's price is its number."""
    for day in range(2):
        for number in range(-60, 420, 7):
            price = Decimal(1000 + number)
            IntradayBarFactory.create(
                instrument=spy,
                timeframe="1m",
                timestamp=OPEN + dt.timedelta(days=day, minutes=number),
                **dict.fromkeys(("open", "high", "low", "close"), price),
                volume=10,
            )
    return spy


def rows(api: APIClient, **parameters: Any) -> list[dict[str, Any]]:
    parameters = {"symbols": "SPY", "start": "2013-10-07", "end": "2013-10-09", **parameters}
    return ask(api, parameters).json()["bars"]["SPY"]


def paged(api: APIClient, limit: int, **parameters: Any) -> list[dict[str, Any]]:
    found, token = [], None
    while True:
        question = {"symbols": "SPY", "start": "2013-10-07", "end": "2013-10-09", "limit": limit, **parameters}
        answer = ask(api, question | ({"page_token": token} if token else {})).json()
        found += answer["bars"]["SPY"]
        token = answer["next_page_token"]
        if token is None:
            return found
        assert len(answer["bars"]["SPY"]) == limit


def test_hours_begin_at_the_open(viewer_api: APIClient, two_days: Instrument) -> None:
    hours = rows(viewer_api, timeframe="1h")
    assert [row["t"][11:16] for row in hours[:3]] == ["12:30", "13:30", "14:30"]
    # The minutes -60, -53, … -4.
    assert hours[0] == {"t": "2013-10-07T12:30:00Z", "o": 940, "h": 996, "l": 940, "c": 996, "v": 90}
    assert sum(row["v"] for row in hours) == sum(row["v"] for row in rows(viewer_api, timeframe="1m"))


def test_regular_sessions_leave_out_what_is_traded_before_and_after(
    viewer_api: APIClient, two_days: Instrument
) -> None:
    regular = rows(viewer_api, timeframe="1m", sessions="regular")
    assert {row["t"][11:16] for row in regular} <= {f"{h:02}:{m:02}" for h in range(13, 20) for m in range(60)}
    assert (regular[0]["o"], regular[-1]["o"]) == (1003, 1388)
    assert rows(viewer_api, timeframe="1h", sessions="regular")[0]["t"] == "2013-10-07T13:30:00Z"


def test_a_day_without_a_daily_bar_is_made_of_its_session(viewer_api: APIClient, two_days: Instrument) -> None:
    days = rows(viewer_api, timeframe="1d")
    assert days[0] == {"t": "2013-10-07T00:00:00Z", "o": 1003, "h": 1388, "l": 1003, "c": 1388, "v": 560}
    assert len(days) == 2


def test_stored_bars_go_before_those_that_could_be_made(viewer_api: APIClient, two_days: Instrument) -> None:
    daily(two_days, dt.date(2013, 10, 7), close=Decimal(10))
    assert [row["c"] for row in rows(viewer_api, timeframe="1d")] == [10]
    minutes(two_days, "2013-10-07T14:30:00", timeframe="1h")
    assert len(rows(viewer_api, timeframe="1h")) == 1


def test_weeks_and_months_are_made_of_days(viewer_api: APIClient, spy: Instrument) -> None:
    answer = ask(viewer_api, {"symbols": "SPY", "timeframe": "1w", "end": "2013-01-09"}).json()
    assert [row["t"][:10] for row in answer["bars"]["SPY"]] == ["2012-12-31", "2013-01-07"]
    month = ask(viewer_api, {"symbols": "SPY", "timeframe": "1mo", "end": "2013-01-09"}).json()["bars"]["SPY"]
    days = ask(viewer_api, {"symbols": "SPY", "end": "2013-01-09"}).json()["bars"]["SPY"]
    assert (month[0]["o"], month[0]["c"]) == (days[0]["o"], days[-1]["c"])
    assert month[0]["v"] == sum(day["v"] for day in days)


def test_only_bars_that_start_in_the_range_are_answered_and_each_is_whole(
    viewer_api: APIClient, two_days: Instrument
) -> None:
    whole = rows(viewer_api, timeframe="1h")
    part = rows(viewer_api, timeframe="1h", start="2013-10-07T13:31:00Z", end="2013-10-07T15:00:00Z")
    assert part == [row for row in whole if "2013-10-07T13:31" <= row["t"] < "2013-10-07T15:00"]
    assert len(part) == 1


@pytest.mark.parametrize("at_once", [97, 140, 100_000])
@pytest.mark.parametrize("sort", ["asc", "desc"])
@pytest.mark.parametrize(
    ("timeframe", "sessions"), [("15m", "extended"), ("1h", "regular"), ("1m", "regular"), ("1d", "extended")]
)
def test_pages_and_portions_make_the_same_bars(
    viewer_api: APIClient,
    two_days: Instrument,
    monkeypatch: pytest.MonkeyPatch,
    timeframe: str,
    sessions: str,
    sort: str,
    at_once: int,
) -> None:
    question = {"timeframe": timeframe, "sessions": sessions, "sort": sort}
    whole = rows(viewer_api, **question)
    monkeypatch.setattr(pages, "AT_ONCE", at_once)
    assert rows(viewer_api, **question) == whole
    assert paged(viewer_api, 1, **question) == whole
    assert paged(viewer_api, 3, **question) == whole
    assert sorted(whole, key=lambda row: row["t"], reverse=sort == "desc") == whole


def test_a_gap_is_said_of_what_longer_bars_are_made_of(viewer_api: APIClient, spy: Instrument) -> None:
    DailyBarFactory.create(instrument=spy, date=dt.date(2013, 1, 10))
    answer = ask(viewer_api, {"symbols": "SPY", "timeframe": "1w", "start": "2013-01-01", "end": "2013-01-11"}).json()
    assert answer["gaps"] == [{"symbol": "SPY", "start": "2013-01-09T00:00:00Z", "end": "2013-01-10T00:00:00Z"}]
