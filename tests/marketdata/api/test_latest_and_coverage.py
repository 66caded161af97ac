"""`bars/latest` and `bars/coverage`: the last bar of each symbol, and what is stored of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Role, User
from marketdata.models import Instrument
from tests.answers import assert_problem
from tests.factories import ArchivePartitionFactory, ArchiveRowGroupFactory, InstrumentFactory, IntradayBarFactory
from tests.marketdata.api.bars import daily, minutes
from tradingsite.core import clock

LATEST, COVERAGE = "/api/v1/bars/latest", "/api/v1/bars/coverage"


def latest(api: APIClient, **parameters: Any) -> Any:
    answer = api.get(LATEST, parameters)
    assert answer.status_code == 200, answer.content
    return answer.json()["bars"]


def coverage(api: APIClient, **parameters: Any) -> Any:
    answer = api.get(COVERAGE, parameters)
    assert answer.status_code == 200, answer.content
    return answer.json()["coverage"]


def test_the_last_bar_of_each_symbol_says_when_it_could_be_used(
    viewer_api: APIClient, spy: Instrument, ibm: Instrument
) -> None:
    InstrumentFactory.create(symbol="NONE")
    bars = latest(viewer_api, symbols="SPY,NONE,IBM")
    assert list(bars) == ["IBM", "NONE", "SPY"]
    assert bars["SPY"] == {
        "t": "2013-01-08T00:00:00Z",
        "o": 145.11,
        "h": 146.15,
        "l": 144.73,
        "c": 146.06,
        "v": 192059000,
        "available_at": "2013-01-08T21:00:00Z",
        "final": True,
    }
    assert bars["NONE"] is None


def test_a_bar_that_is_not_over_is_not_final(viewer_api: APIClient, spy: Instrument) -> None:
    now = clock.now().replace(second=0, microsecond=0)
    IntradayBarFactory.create(instrument=spy, timeframe="1h", timestamp=now - dt.timedelta(minutes=5))
    IntradayBarFactory.create(instrument=spy, timeframe="1m", timestamp=now - dt.timedelta(minutes=5))
    hour = latest(viewer_api, symbols="SPY", timeframe="1h")["SPY"]
    assert hour["final"] is False
    assert hour["available_at"] == (now + dt.timedelta(minutes=55)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert latest(viewer_api, symbols="SPY", timeframe="1m")["SPY"]["final"] is True


def test_the_latest_week_month_and_hour_are_made_of_shorter_bars(viewer_api: APIClient, spy: Instrument) -> None:
    week = latest(viewer_api, symbols="SPY", timeframe="1w")["SPY"]
    assert (week["t"], week["v"]) == ("2013-01-07T00:00:00Z", 2 * 192059000)
    assert week["available_at"] == "2013-01-11T21:00:00Z"
    month = latest(viewer_api, symbols="SPY", timeframe="1mo")["SPY"]
    assert (month["t"], month["v"]) == ("2013-01-01T00:00:00Z", 5 * 192059000)
    minutes(spy, "2013-01-08T15:00", "2013-01-08T15:29", "2013-01-08T15:30")
    assert latest(viewer_api, symbols="SPY", timeframe="1h")["SPY"]["t"] == "2013-01-08T15:30:00Z"


def test_coverage_names_first_last_count_and_missing_sessions(
    viewer_api: APIClient, spy: Instrument, ibm: Instrument
) -> None:
    InstrumentFactory.create(symbol="NONE")
    minutes(ibm, "2013-01-02T15:00", "2013-01-02T15:01", "2013-01-07T15:00")
    answer = coverage(viewer_api, symbols="SPY,IBM,NONE")
    whole = {"first": "2013-01-02T00:00:00Z", "last": "2013-01-08T00:00:00Z"}
    assert answer == {
        "IBM": [
            {
                "timeframe": "1m",
                "first": "2013-01-02T15:00:00Z",
                "last": "2013-01-07T15:00:00Z",
                "count": 3,
                "missing_sessions": 2,
                "missing": ["2013-01-03", "2013-01-04"],
            },
            {"timeframe": "1d", **whole, "count": 4, "missing_sessions": 1, "missing": ["2013-01-04"]},
        ],
        "NONE": [],
        "SPY": [{"timeframe": "1d", **whole, "count": 5, "missing_sessions": 0, "missing": []}],
    }
    assert [found["timeframe"] for found in coverage(viewer_api, symbols="IBM", timeframe="1d")["IBM"]] == ["1d"]


def test_without_a_calendar_nobody_knows_what_is_missing(viewer_api: APIClient, ibm: Instrument) -> None:
    Instrument.objects.update(calendar="")
    (found,) = coverage(viewer_api, symbols="IBM")["IBM"]
    assert (found["missing_sessions"], found["missing"]) == (None, [])


def test_many_missing_sessions_are_counted_and_the_first_named(viewer_api: APIClient, spy: Instrument) -> None:
    daily(spy, dt.date(2014, 1, 2))
    (found,) = coverage(viewer_api, symbols="SPY")["SPY"]
    assert found["missing_sessions"] == 247
    assert len(found["missing"]) == 20
    assert found["missing"][0] == "2013-01-09"


def test_sealed_bars_are_counted_from_the_catalog(viewer_api: APIClient, ibm: Instrument) -> None:
    day = dt.date(2013, 1, 2)
    old = ArchivePartitionFactory.create(
        first_day=day, status="superseded", current_key=None, superseded_at=clock.now()
    )
    new = ArchivePartitionFactory.create(first_day=day, version=2, path="v2")
    for partition in (old, new):
        ArchiveRowGroupFactory.create(
            partition=partition,
            instrument=ibm,
            first=dt.datetime(2013, 1, 2, 14, 30, tzinfo=dt.UTC),
            last=dt.datetime(2013, 1, 2, 20, 59, tzinfo=dt.UTC),
        )
    minutes(ibm, "2013-01-04T15:00")
    (found,) = coverage(viewer_api, symbols="IBM", timeframe="1m")["IBM"]
    assert found == {
        "timeframe": "1m",
        "first": "2013-01-02T14:30:00Z",
        "last": "2013-01-04T15:00:00Z",
        "count": 391,
        "missing_sessions": 1,
        "missing": ["2013-01-03"],
    }


@pytest.mark.parametrize("path", [LATEST, COVERAGE])
@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        *[({}, "symbols"), ({"symbols": "NOBODY"}, "symbols"), ({"symbols": "SPY", "timeframe": "7m"}, "timeframe")],
        *[
            ({"symbols": "SPY", "colour": "red"}, "colour"),
            ({"symbols": ",".join(f"S{n}" for n in range(501))}, "symbols"),
        ],
    ],
    ids=["none", "unknown", "timeframe", "parameter", "too many"],
)
def test_what_is_wrong_is_named(
    viewer_api: APIClient, spy: Instrument, path: str, parameters: dict[str, str], field: str
) -> None:
    assert_problem(viewer_api.get(path, parameters), 400, field=field)


def test_weeks_are_not_stored(viewer_api: APIClient, spy: Instrument) -> None:
    assert_problem(viewer_api.get(COVERAGE, {"symbols": "SPY", "timeframe": "1w"}), 400, field="timeframe")


def test_who_may_see_daily_bars_only_is_told_of_them_only(
    owner: User, api_of: Callable[[User], APIClient], spy: Instrument
) -> None:
    from django.contrib.auth.models import Permission

    role = Role.objects.create(name="daily bars only")
    role.permissions.set(Permission.objects.filter(codename__in=["view_dailybar"]))
    owner.groups.set([role])
    api = api_of(owner)
    assert latest(api, symbols="SPY")["SPY"]["c"] == 146.06
    assert_problem(api.get(LATEST, {"symbols": "SPY", "timeframe": "1m"}), 403)
    assert_problem(api.get(COVERAGE, {"symbols": "SPY"}), 403)
    assert coverage(api, symbols="SPY", timeframe="1d")["SPY"][0]["count"] == 5


def test_the_latest_bar_is_found_without_reading_the_others(viewer_api: APIClient, spy: Instrument) -> None:
    for day in range(60):
        minutes(spy, f"{dt.date(2013, 2, 1) + dt.timedelta(day)}T15:00")
    viewer_api.get(LATEST, {"symbols": "SPY", "timeframe": "1h"})
    with CaptureQueriesContext(connection) as queries:
        assert latest(viewer_api, symbols="SPY", timeframe="1h")["SPY"]["t"] == "2013-04-01T14:30:00Z"
    bounded = [text for query in queries if "COALESCE" in (text := query["sql"] or "")]
    assert bounded
    assert all("2013-03-2" in sql for sql in bounded), bounded
