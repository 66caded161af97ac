"""GET bars: whether anything is missing."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from marketdata.models import DailyBar, Instrument
from tests.factories import InstrumentFactory, IntradayBarFactory
from tests.marketdata.api.bars import WEEK, ask, daily, gaps, minutes


def test_a_missing_session_is_a_gap_and_a_holiday_is_not(
    viewer_api: APIClient, spy: Instrument, ibm: Instrument
) -> None:
    found = gaps(viewer_api, symbols="SPY,IBM", start="2013-01-01", end="2013-01-09")
    assert found == [("IBM", "2013-01-04T00:00:00Z", "2013-01-05T00:00:00Z")]


def test_sessions_missing_one_after_the_other_are_one_gap(viewer_api: APIClient, spy: Instrument) -> None:
    DailyBar.objects.filter(date__in=WEEK[2:4]).delete()
    found = gaps(viewer_api, symbols="SPY", start="2012-12-31", end="2013-01-11")
    assert found == [
        ("SPY", "2012-12-31T00:00:00Z", "2013-01-01T00:00:00Z"),
        ("SPY", "2013-01-04T00:00:00Z", "2013-01-08T00:00:00Z"),  # across the weekend
        ("SPY", "2013-01-09T00:00:00Z", "2013-01-11T00:00:00Z"),
    ]


def test_the_gaps_are_the_same_on_every_page(viewer_api: APIClient, ibm: Instrument) -> None:
    first = ask(viewer_api, {"symbols": "IBM", "start": "2013-01-01", "end": "2013-01-09", "limit": 1}).json()
    second = ask(
        viewer_api,
        {"symbols": "IBM", "start": "2013-01-01", "end": "2013-01-09", "page_token": first["next_page_token"]},
    ).json()
    assert first["gaps"] == second["gaps"] != []


def test_a_session_that_is_not_over_is_no_gap(viewer_api: APIClient, spy: Instrument) -> None:
    for moment, missing in (("2013-01-09T20:59:00Z", 0), ("2013-01-09T21:00:01Z", 1)):
        with time_machine.travel(moment, tick=False):
            assert len(gaps(viewer_api, symbols="SPY", start="2013-01-02")) == missing
            assert len(gaps(viewer_api, symbols="SPY", start="2013-01-02", end="2030-01-01")) == missing


def test_bars_of_a_day_without_a_session_cover_no_other_day(viewer_api: APIClient, ibm: Instrument) -> None:
    daily(ibm, dt.date(2013, 1, 1), dt.date(2013, 1, 5))
    assert len(gaps(viewer_api, symbols="IBM", start="2013-01-01", end="2013-01-09")) == 1


def test_without_a_start_nothing_is_missing_before_the_first_bar(viewer_api: APIClient, spy: Instrument) -> None:
    assert gaps(viewer_api, symbols="SPY", end="2013-01-09") == []


@time_machine.travel("2013-01-09T12:00:00Z", tick=False)
@pytest.mark.parametrize("calendar", ["XNYS", ""])
def test_an_instrument_without_any_bar_is_not_complete(viewer_api: APIClient, calendar: str) -> None:
    InstrumentFactory.create(symbol="NEW", calendar=calendar)
    assert gaps(viewer_api, symbols="NEW") == [("NEW", "2013-01-08T00:00:00Z", "2013-01-09T00:00:00Z")]
    assert gaps(viewer_api, symbols="NEW", start="2013-01-03", end="2013-01-05") == [
        ("NEW", "2013-01-03T00:00:00Z", "2013-01-05T00:00:00Z")
    ]


@pytest.mark.parametrize("calendar", ["", "XTAE"])  # the library can't build Tel Aviv's
def test_without_a_calendar_only_the_ends_are_known_to_be_missing(viewer_api: APIClient, calendar: str) -> None:
    instrument = InstrumentFactory.create(symbol="ODD", calendar=calendar)
    daily(instrument, dt.date(2013, 1, 3), dt.date(2013, 1, 8))
    assert gaps(viewer_api, symbols="ODD", start="2013-01-01", end="2013-01-11") == [
        ("ODD", "2013-01-01T00:00:00Z", "2013-01-03T00:00:00Z"),
        ("ODD", "2013-01-09T00:00:00Z", "2013-01-11T00:00:00Z"),
    ]


@pytest.mark.parametrize(
    ("start", "end", "missing"),
    [
        # From Friday to the Wednesday after: the Monday and Tuesday between the bars can be holidays.
        ("2013-01-05", "2013-01-10", []),
        ("2013-01-07", "2013-01-09", []),
        ("2013-01-02", "2013-01-09", []),
        # From the 9th to the 17th five weekdays lie between the bars.
        ("2013-01-09", "2013-01-12", [("2013-01-10", "2013-01-12")]),
        ("2013-01-11", "2013-01-14", [("2013-01-11", "2013-01-12")]),
        ("2013-01-12", "2013-01-18", [("2013-01-14", "2013-01-17")]),
        # Nothing is stored before the one and after the other.
        ("2012-12-31", "2013-01-04", [("2012-12-31", "2013-01-02")]),
        ("2013-01-17", "2013-01-19", [("2013-01-18", "2013-01-19")]),
    ],
)
def test_without_a_calendar_a_few_weekdays_between_two_bars_can_be_holidays(
    viewer_api: APIClient, start: str, end: str, missing: list[tuple[str, str]]
) -> None:
    instrument = InstrumentFactory.create(symbol="ODD", calendar="")
    daily(instrument, *(dt.date(2013, 1, day) for day in (2, 3, 4, 9, 17)))
    found = [(first[:10], last[:10]) for _, first, last in gaps(viewer_api, symbols="ODD", start=start, end=end)]
    assert found == missing


def test_minutes_are_missing_by_day(viewer_api: APIClient, spy: Instrument) -> None:
    minutes(spy, "2013-10-07T14:00:00", "2013-10-09T14:00:00", "2013-10-10T14:00:00")
    found = gaps(viewer_api, symbols="SPY", timeframe="1m", start="2013-10-05", end="2013-10-12")
    assert found == [
        ("SPY", "2013-10-08T00:00:00Z", "2013-10-09T00:00:00Z"),
        ("SPY", "2013-10-11T00:00:00Z", "2013-10-12T00:00:00Z"),
    ]


def test_a_gap_of_minutes_stays_inside_the_asked_range(viewer_api: APIClient, spy: Instrument) -> None:
    minutes(spy, "2013-10-07T14:00:00")
    found = gaps(viewer_api, symbols="SPY", timeframe="1m", start="2013-10-07T15:00Z", end="2013-10-08T15:00Z")
    assert found == [("SPY", "2013-10-08T00:00:00Z", "2013-10-08T15:00:00Z")]
    # Outside trading hours nothing is expected.
    assert gaps(viewer_api, symbols="SPY", timeframe="1m", start="2013-10-07T22:00Z", end="2013-10-08T10:00Z") == []


def test_minutes_of_years_are_looked_through_by_day(viewer_api: APIClient) -> None:
    instrument = InstrumentFactory.create(symbol="COIN", calendar="24/7")
    first = dt.datetime(2018, 1, 1, 12, tzinfo=dt.UTC)
    for day in range(0, 1200, 1):
        if day != 1100:
            IntradayBarFactory.create(instrument=instrument, timestamp=first + dt.timedelta(days=day))
    end = (first + dt.timedelta(days=1200)).date()
    assert gaps(viewer_api, symbols="COIN", timeframe="1m", end=end) == [
        ("COIN", "2021-01-05T00:00:00Z", "2021-01-06T00:00:00Z")
    ]


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(have=st.sets(st.integers(0, 13)), first=st.integers(0, 13), length=st.integers(0, 13))
def test_gaps_and_bars_together_are_the_sessions(
    viewer_api: APIClient, have: set[int], first: int, length: int
) -> None:
    """Round the clock, every date is a session: what is asked is either a bar or in a gap."""
    DailyBar.objects.all().delete()
    instrument = InstrumentFactory.create(symbol="COIN", calendar="24/7")
    origin = dt.date(2013, 1, 1)
    daily(instrument, *(origin + dt.timedelta(days=day) for day in have))
    start, end = origin + dt.timedelta(days=first), origin + dt.timedelta(days=first + length)
    body = ask(viewer_api, {"symbols": "COIN", "start": start, "end": end}).json()
    bars = {dt.date.fromisoformat(row["t"][:10]) for row in body["bars"]["COIN"]}
    missing = set()
    for gap in body["gaps"]:
        day = dt.date.fromisoformat(gap["start"][:10])
        while day < dt.date.fromisoformat(gap["end"][:10]):
            missing.add(day)
            day += dt.timedelta(days=1)
    assert bars.isdisjoint(missing)
    assert bars | missing == {start + dt.timedelta(days=day) for day in range(length)}
