"""daily-data, intraday-data and ingest-batches: the tables as they are."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.answers import assert_problem, results
from tests.factories import DailyBarFactory, IngestBatchFactory, InstrumentFactory, IntradayBarFactory

DAILY, INTRADAY, BATCHES = "/api/v1/daily-data", "/api/v1/intraday-data", "/api/v1/ingest-batches"


@pytest.fixture
def bars(db: None) -> None:
    """Three days, and three hours, of SPY and IBM."""
    for symbol in ("SPY", "IBM"):
        instrument = InstrumentFactory.create(symbol=symbol)
        for n in range(3):
            DailyBarFactory.create(instrument=instrument, date=dt.date(2013, 1, 2 + n))
            at = dt.datetime(2013, 10, 7, 13 + n, 30, tzinfo=dt.UTC)
            IntradayBarFactory.create(instrument=instrument, timestamp=at, timeframe="1m" if n else "1h")


@pytest.mark.usefixtures("bars")
@pytest.mark.parametrize(
    ("path", "parameters", "count"),
    [
        (DAILY, {}, 6),
        (DAILY, {"symbol": "spy"}, 3),
        (DAILY, {"symbols": "SPY,IBM,NOPE"}, 6),
        (DAILY, {"symbol": "NOPE"}, 0),
        (DAILY, {"symbol": "SPY", "start": "2013-01-03"}, 2),
        (DAILY, {"symbol": "SPY", "start": "2013-01-02", "end": "2013-01-04"}, 2),
        (INTRADAY, {}, 6),
        (INTRADAY, {"symbol": "SPY", "timeframe": "1m"}, 2),
        (INTRADAY, {"start": "2013-10-07T14:30:00Z", "end": "2013-10-07T15:30:00Z"}, 2),
        (INTRADAY, {"start": "2013-10-07T10:30:00-04:00", "end": "2013-10-08"}, 4),
    ],
)
def test_they_list_by(viewer_api: APIClient, path: str, parameters: dict[str, str], count: int) -> None:
    rows = results(viewer_api.get(path, parameters))
    assert len(rows) == count
    assert rows == sorted(rows, key=lambda row: [row["symbol"] == "IBM", row.get("timeframe"), row.get("date")])


@pytest.mark.usefixtures("bars")
@pytest.mark.parametrize(
    ("path", "parameters", "field"),
    [
        (DAILY, {"start": "2013-01-03T00:00:00Z"}, "start"),
        (DAILY, {"end": "0000-01-01"}, "end"),
        (DAILY, {"symbols": "SPY,b d"}, "symbols"),
        (INTRADAY, {"start": "2013-10-07T14:30:00"}, "start"),
        (INTRADAY, {"end": "9999-12-31T23:59:59-14:00"}, "end"),
        (INTRADAY, {"timeframe": "1d"}, "timeframe"),
        (DAILY, {"timeframe": "1d"}, "timeframe"),
    ],
)
def test_they_refuse_to_list_by(viewer_api: APIClient, path: str, parameters: dict[str, str], field: str) -> None:
    assert_problem(viewer_api.get(path, parameters), 400, field=field)


@pytest.mark.usefixtures("bars")
def test_a_bar_says_all_that_is_stored_of_it(viewer_api: APIClient) -> None:
    row = results(viewer_api.get(DAILY, {"symbol": "SPY", "limit": "1"}))[0]
    assert viewer_api.get(f"{DAILY}/{row['id']}").json() == row
    assert {name: row[name] for name in row if name != "id"} == {
        "symbol": "SPY",
        "date": "2013-01-02",
        "open": "10",
        "high": "12",
        "low": "9.5",
        "close": "11.25",
        "volume": "1000",
        "dividends": None,
        "stock_splits": None,
        "batch": None,
    }
    minute = results(viewer_api.get(INTRADAY, {"symbol": "SPY", "timeframe": "1h"}))[0]
    assert (minute["timestamp"], minute["vwap"], minute["trade_count"]) == ("2013-10-07T13:30:00Z", None, None)


@pytest.mark.parametrize(
    ("parameters", "count"),
    [({}, 2), ({"timeframe": "1m"}, 1), ({"status": "failed"}, 1), ({"source": "SPY"}, 1), ({"end": "2020-01-01"}, 0)],
)
def test_batches_list_by(analyst_api: APIClient, parameters: dict[str, Any], count: int) -> None:
    IngestBatchFactory.create(source="spy.csv", read=3, inserted=2, rejected=1)
    IngestBatchFactory.create(source="ibm.csv", timeframe="1m", status="failed", error="The file vanished.")
    rows = results(analyst_api.get(BATCHES, parameters))
    assert len(rows) == count
    assert all(row["read"] == row["inserted"] + row["updated"] + row["unchanged"] + row["rejected"] for row in rows)
