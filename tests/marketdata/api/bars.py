"""Making bars and asking for them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from rest_framework.test import APIClient

from marketdata.models import DailyBar, Instrument
from tests.factories import DailyBarFactory, IntradayBarFactory

BARS = "/api/v1/bars"
WEEK = [dt.date(2013, 1, day) for day in (2, 3, 4, 7, 8)]


def daily(instrument: Instrument, *days: dt.date, **values: Any) -> list[DailyBar]:
    return [DailyBarFactory.create(instrument=instrument, date=day, **values) for day in days]


def minutes(instrument: Instrument, *starts: str, timeframe: str = "1m") -> None:
    for start in starts:
        IntradayBarFactory.create(
            instrument=instrument, timeframe=timeframe, timestamp=dt.datetime.fromisoformat(f"{start}+00:00")
        )


def ask(api: APIClient, parameters: dict[str, Any], **more: Any) -> Any:
    """The answer to a question for bars."""
    return api.get(BARS, parameters, **more)


def gaps(api: APIClient, **parameters: Any) -> list[tuple[str, str, str]]:
    answer = ask(api, parameters)
    body = answer.json()
    assert body["complete"] is (not body["gaps"])
    assert answer["Bars-Complete"] == str(body["complete"]).lower()
    return [(gap["symbol"], gap["start"], gap["end"]) for gap in body["gaps"]]
