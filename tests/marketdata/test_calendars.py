"""Sessions of what has no exchange: currencies end their day at 17:00 in New York, coins never close."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from rest_framework.test import APIClient

from marketdata.calendars import is_calendar, sessions_of
from marketdata.models import AssetClass, Instrument
from tests.factories import IntradayBarFactory
from tests.marketdata.api.bars import ask, daily, gaps

TODAY = dt.date(2026, 11, 20)


def fx(start: dt.date, end: dt.date) -> list[tuple[str, str, str]]:
    sessions = sessions_of("FX", today=TODAY)
    assert sessions is not None
    part = sessions.dated(start, end)
    return [
        (str(day), str(opened)[:16], str(closed)[:16])
        for day, opened, closed in zip(part.dates, part.opens, part.closes, strict=True)
    ]


def test_a_day_of_currencies_is_from_five_to_five_in_new_york() -> None:
    assert is_calendar("FX")
    # Clocks went forward on Sunday, 10 March.
    assert fx(dt.date(2013, 3, 8), dt.date(2013, 3, 12)) == [
        ("2013-03-08", "2013-03-07T22:00", "2013-03-08T22:00"),
        ("2013-03-11", "2013-03-10T21:00", "2013-03-11T21:00"),
    ]


def test_currencies_rest_at_weekends_at_christmas_and_new_year() -> None:
    days = [day for day, _, _ in fx(dt.date(2013, 12, 20), dt.date(2014, 1, 4))]
    assert [day[5:] for day in days] == [
        *("12-20", "12-23", "12-24", "12-26", "12-27", "12-30", "12-31", "01-02", "01-03")
    ]


@pytest.mark.parametrize(
    ("asset_class", "calendar", "expected"),
    [("fx", "", "FX"), ("crypto", "", "24/7"), ("equity", "", ""), ("fx", "24/5", "24/5"), ("future", "CMES", "CMES")],
)
def test_an_instrument_has_its_own_calendar_or_that_of_its_class(
    asset_class: str, calendar: str, expected: str
) -> None:
    assert Instrument(asset_class=AssetClass(asset_class), calendar=calendar).session_calendar == expected


def instrument(symbol: str, **values: Any) -> Instrument:
    return Instrument.objects.create(symbol=symbol, **values)


def test_days_of_currencies_are_made_of_their_sessions(viewer_api: APIClient, db: None) -> None:
    euro = instrument("EUR/USD", asset_class="fx")
    for moment in ("2013-03-07T21:59", "2013-03-07T22:00", "2013-03-08T21:59", "2013-03-10T21:00"):
        IntradayBarFactory.create(instrument=euro, timestamp=dt.datetime.fromisoformat(f"{moment}+00:00"))
    rows = ask(viewer_api, {"symbols": "EUR/USD", "timeframe": "1d"}).json()["bars"]["EUR/USD"]
    assert [(row["t"][:10], row["v"]) for row in rows] == [
        ("2013-03-07", 1000),
        ("2013-03-08", 2000),
        ("2013-03-11", 1000),
    ]
    hours = ask(viewer_api, {"symbols": "EUR/USD", "timeframe": "4h"}).json()["bars"]["EUR/USD"]
    assert [row["t"] for row in hours] == [
        *("2013-03-07T18:00:00Z", "2013-03-07T22:00:00Z", "2013-03-08T18:00:00Z", "2013-03-10T21:00:00Z")
    ]


def test_a_weekend_is_missing_of_coins_and_not_of_currencies(viewer_api: APIClient, db: None) -> None:
    days = [dt.date(2013, 3, day) for day in (7, 8, 11)]
    daily(instrument("BTC/USD", asset_class="crypto"), *days)
    daily(instrument("EUR/USD", asset_class="fx"), *days)
    asked = {"timeframe": "1d", "start": "2013-03-07", "end": "2013-03-12"}
    assert gaps(viewer_api, symbols="EUR/USD", **asked) == []
    assert gaps(viewer_api, symbols="BTC/USD", **asked) == [("BTC/USD", "2013-03-09T00:00:00Z", "2013-03-11T00:00:00Z")]
