"""Ticks by API: taken in bulk, listed, made into bars."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from marketdata.models import IntradayBar, Tick
from tests.answers import assert_problem, results
from tests.factories import InstrumentFactory, UserFactory

URL = "/api/v1/ticks/"
CSV = b"""symbol,timestamp,price,size,exchange
IBM,2013-10-07T13:30:00.250Z,181.52,283,P
IBM,2013-10-07T13:30:00.250Z,181.8,500,P
IBM,2013-10-07T13:31:00Z,182,100,Z
"""
ROWS = [
    dict(zip(("symbol", "timestamp", "price", "size", "exchange"), line.split(","), strict=True))
    for line in CSV.decode().splitlines()[1:]
]
RANGE = {"symbols": ["ibm"], "timeframe": "1m", "start": "2013-10-07", "end": "2013-10-08"}


@pytest.fixture
def api(api_of: Callable[[User], APIClient], db: None) -> APIClient:
    InstrumentFactory.create(symbol="IBM")
    return api_of(UserFactory.create(role="analyst"))


def post(api: APIClient, body: bytes, kind: str = "text/csv", query: str = "") -> Any:
    return api.generic("POST", f"{URL}{query}", body, content_type=kind)  # type: ignore[arg-type]  # Django takes bytes


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", CSV),
        ("application/json", json.dumps({"ticks": ROWS}).encode()),
        ("application/json", json.dumps({name: [row[name] for row in ROWS] for name in ROWS[0]}).encode()),
        ("application/x-ndjson", b"\n".join(json.dumps(row).encode() for row in ROWS)),
    ],
)
def test_ticks_are_taken_once(api: APIClient, kind: str, body: bytes) -> None:
    answer = post(api, body, kind)
    assert answer.status_code == 200, answer.content
    assert {name: answer.json()[name] for name in ("read", "inserted", "rejected")} == {
        "read": 3,
        "inserted": 3,
        "rejected": 0,
    }
    assert post(api, body, kind).json()["unchanged"] == 3
    assert Tick.objects.count() == 3


def test_ticks_are_listed_in_order_by_symbol_and_range(api: APIClient) -> None:
    InstrumentFactory.create(symbol="SPY")
    post(api, CSV)
    rows = results(api.get(f"{URL}?symbol=IBM&start=2013-10-07T13:30:00Z&end=2013-10-07T13:31:00Z"))
    assert [(row["symbol"], row["sequence"], row["price"], row["exchange"]) for row in rows] == [
        ("IBM", 0, "181.52", "P"),
        ("IBM", 1, "181.8", "P"),
    ]
    assert results(api.get(f"{URL}?symbol=SPY")) == []
    assert api.get(f"{URL}?format=csv").content.decode().count("\n") == 4


def test_bad_ticks_are_named(api: APIClient) -> None:
    answer = post(api, CSV + b"IBM,2013-10-07T13:30:59Z,1,1,\n").json()
    assert (answer["inserted"], answer["rejected"]) == (3, 1)
    assert (answer["rejects"][0]["row"], answer["rejects"][0]["code"]) == (5, "out_of_order")


def test_bars_are_made_of_them(api: APIClient) -> None:
    post(api, CSV)
    answer = api.post(f"{URL}bars/", RANGE)
    assert answer.status_code == 200, answer.content
    assert answer.json()["inserted"] == 2
    assert api.post(f"{URL}bars/", RANGE).json()["unchanged"] == 2
    assert IntradayBar.objects.count() == 2


def test_without_ticks_nothing_is_made(api: APIClient) -> None:
    answer = api.post(f"{URL}bars/", RANGE).json()
    assert (answer["batch"], answer["read"]) == (None, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"symbols": []},
        {"symbols": ["?"]},
        {"symbols": ["NOPE"]},
        {"symbols": "IBM"},
        {"timeframe": "1h"},
        {"start": "yesterday"},
        {"start": "2013-10-07T00:00:00"},
        {"end": "2013-10-07"},
        {"end": "2013-12-07"},
        {"start": "0001-01-01T00:00:00+14:00"},
        {"start": "9999-12-31", "end": "9999-12-31T23:59:59-14:00"},
        {"owner": 1},
    ],
)
def test_what_cannot_be_made_is_a_400(api: APIClient, change: dict[str, Any]) -> None:
    post(api, CSV)
    assert_problem(api.post(f"{URL}bars/", {**RANGE, **change}), 400)
    assert not IntradayBar.objects.exists()


def test_a_parameter_of_bars_is_none_of_ticks(api: APIClient) -> None:
    assert_problem(post(api, CSV, query="?timeframe=1m"), 400)
    assert not Tick.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "trader"])
def test_who_may_not_write_market_data_changes_nothing(
    api_of: Callable[[User], APIClient], db: None, role: str
) -> None:
    api = api_of(UserFactory.create(role=role))
    assert_problem(post(api, CSV), 403)
    assert_problem(api.post(f"{URL}bars/", RANGE), 403)
    assert not Tick.objects.exists()
