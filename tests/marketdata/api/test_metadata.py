"""metadata: the instruments."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from marketdata.models import Instrument
from tests.answers import assert_problem, last_audit, results
from tests.factories import InstrumentFactory

METADATA = "/api/v1/metadata/"


def symbols(api: APIClient, **parameters: Any) -> list[str]:
    return [row["symbol"] for row in results(api.get(METADATA, parameters))]


@pytest.fixture
def instruments(db: None) -> None:
    InstrumentFactory.create(symbol="AAPL", company_name="Apple Inc.", sector="Technology")
    InstrumentFactory.create(symbol="AA", company_name="Alcoa", is_active=False)
    InstrumentFactory.create(symbol="SPY", company_name="S&P 500 100% fund", asset_class="etf", exchange="ARCA")
    InstrumentFactory.create(symbol="BTC/USD", company_name="", asset_class="crypto", calendar="24/7", currency="EUR")


@pytest.mark.usefixtures("instruments")
@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, ["AA", "AAPL", "BTC/USD", "SPY"]),
        ({"symbol": " spy "}, ["SPY"]),
        ({"symbols": "SPY,aa,NOPE"}, ["AA", "SPY"]),
        ({"symbol__startswith": "aa"}, ["AA", "AAPL"]),
        ({"search": "apple"}, ["AAPL"]),
        ({"search": "pl"}, ["AAPL"]),
        ({"search": "100%"}, ["SPY"]),
        ({"search": "_"}, []),
        ({"asset_class": "etf"}, ["SPY"]),
        ({"exchange": "ARCA"}, ["SPY"]),
        ({"calendar": "24/7"}, ["BTC/USD"]),
        ({"currency": "EUR"}, ["BTC/USD"]),
        ({"sector": "Technology"}, ["AAPL"]),
        ({"is_active": "false"}, ["AA"]),
        ({"is_active": "true", "symbol__startswith": "A"}, ["AAPL"]),
        ({"is_simulated": "true"}, []),
    ],
)
def test_it_lists_by(viewer_api: APIClient, parameters: dict[str, str], found: list[str]) -> None:
    assert symbols(viewer_api, **parameters) == found


@pytest.mark.usefixtures("instruments")
@pytest.mark.parametrize(
    "parameters", [{"asset_class": "house"}, {"is_active": "yes"}, {"symbol": "a b"}, {"search": "x" * 101}]
)
def test_it_refuses_to_list_by(viewer_api: APIClient, parameters: dict[str, str]) -> None:
    assert_problem(viewer_api.get(METADATA, parameters), 400, field=next(iter(parameters)))


@pytest.mark.usefixtures("instruments")
@pytest.mark.parametrize("path", ["SPY", "spy", "SPY/", "BTC/USD", "BTC%2FUSD", "btc/usd/"])
def test_one_is_found_by_its_symbol_however_it_is_written(viewer_api: APIClient, path: str) -> None:
    answer = viewer_api.get(METADATA + path)
    assert answer.status_code == 200
    assert answer.json()["symbol"] == ("SPY" if path.upper().startswith("SPY") else "BTC/USD")


@pytest.mark.parametrize("path", ["NOPE", "a%20b", "X" * 300, "SPY/x", "%F0%9F%98%80", "="])
def test_a_symbol_that_nobody_has_is_missing(viewer_api: APIClient, path: str) -> None:
    assert_problem(viewer_api.get(METADATA + path), 404)


def test_numbers_are_text(viewer_api: APIClient) -> None:
    InstrumentFactory.create(symbol="SPY", tick_size="0.01", market_cap="1234567890.5")
    row = viewer_api.get(METADATA + "SPY").json()
    assert (row["tick_size"], row["market_cap"], row["lot_size"]) == ("0.01", "1234567890.5", "1")


def test_an_analyst_makes_one(analyst_api: APIClient) -> None:
    body = {"symbol": "brk.b", "company_name": "Berkshire", "currency": "USD", "calendar": "XNYS", "tick_size": "0.01"}
    answer = analyst_api.post(METADATA, body)
    assert answer.status_code == 201
    assert answer.json()["symbol"] == "BRK.B"
    assert answer.json()["is_tradable"] is True
    assert last_audit().action == "instrument.created"
    assert last_audit().actor_label == "analyst"
    assert last_audit().key_id != ""


def test_a_symbol_is_taken_once(analyst_api: APIClient) -> None:
    InstrumentFactory.create(symbol="SPY")
    assert_problem(analyst_api.post(METADATA, {"symbol": "spy"}), 409, "conflict")
    assert Instrument.objects.count() == 1


def test_an_analyst_changes_one(analyst_api: APIClient) -> None:
    InstrumentFactory.create(symbol="SPY", sector="")
    answer = analyst_api.patch(METADATA + "SPY", {"sector": "Funds", "market_cap": None})
    assert answer.json()["sector"] == "Funds"
    entry = last_audit()
    assert entry.action == "instrument.changed"
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["sector"], entry.after["sector"]) == ("", "Funds")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"symbol": "QQQ"}, "symbol"),
        ({"calendar": "MOON"}, "calendar"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"currency": "usd"}, "currency"),
        ({"tick_size": "0"}, "tick_size"),
        ({"lot_size": "-1"}, "lot_size"),
        ({"lot_size": None}, "lot_size"),
        ({"is_simulated": True}, "is_simulated"),
        ({"created_at": "2020-01-01"}, "created_at"),
    ],
)
def test_it_refuses_to_change(analyst_api: APIClient, body: dict[str, Any], field: str) -> None:
    before = InstrumentFactory.create(symbol="SPY")
    assert_problem(analyst_api.patch(METADATA + "SPY", body), 400, field=field)
    after = Instrument.objects.get()
    assert after.updated_at == before.updated_at


def test_a_change_of_nothing_is_refused(analyst_api: APIClient) -> None:
    InstrumentFactory.create(symbol="SPY")
    assert_problem(analyst_api.patch(METADATA + "SPY", {}), 400)
