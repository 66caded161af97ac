"""signals: what models and people say about symbols."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.models import User
from tests.answers import assert_problem, assert_same_answer, last_audit, results
from tests.factories import InstrumentFactory, PortfolioFactory, PortfolioMemberFactory, SignalFactory
from trading.models import Signal

SIGNALS = "/api/v1/signals"
GOOD: dict[str, Any] = {"symbol": "SPY", "date": "2020-01-02", "signal_type": "BUY"}


@pytest.fixture(autouse=True)
def spy(db: None) -> None:
    InstrumentFactory.create(symbol="SPY")


def test_an_analyst_writes_one_down(analyst: User, analyst_api: APIClient) -> None:
    body = GOOD | {
        "symbol": "spy",
        "timeframe": "1h",
        "generated_at": "2020-01-02T09:30:00-05:00",
        "signal_value": -0.25,
        "confidence": "62.5",
        "entry_price": "145.11",
        "target_price": 150,
        "stop_loss": 140.5,
        "regime": "trending",
        "reasons": ["RSI below 30", "Volume is up"],
    }
    answer = analyst_api.post(SIGNALS, body)
    assert answer.status_code == 201, answer.content
    row = answer.json()
    assert {name: row[name] for name in row if name not in ("id", "created_at")} == {
        "owner": "analyst",
        "portfolio": None,
        "symbol": "SPY",
        "date": "2020-01-02",
        "timeframe": "1h",
        "generated_at": "2020-01-02T14:30:00Z",
        "signal_type": "BUY",
        "signal_value": "-0.25",
        "confidence": "62.5",
        "entry_price": "145.11",
        "target_price": "150",
        "stop_loss": "140.5",
        "regime": "trending",
        "reasons": ["RSI below 30", "Volume is up"],
    }
    assert analyst_api.get(f"{SIGNALS}/{row['id']}").json() == row
    assert (last_audit().action, last_audit().actor_id) == ("signal.recorded", analyst.pk)


@time_machine.travel("2020-01-02T15:00:00Z", tick=False)
def test_what_is_left_out_has_its_default(analyst_api: APIClient) -> None:
    row = analyst_api.post(SIGNALS, GOOD).json()
    assert (row["timeframe"], row["generated_at"], row["confidence"]) == ("1d", "2020-01-02T15:00:00Z", None)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"symbol": "NOPE"}, "unknown_symbol", "symbol"),
        ({"signal_type": "LONG"}, None, "signal_type"),
        ({"timeframe": "7m"}, None, "timeframe"),
        ({"confidence": "100.01"}, None, "confidence"),
        ({"confidence": -1}, None, "confidence"),
        ({"confidence": "50.123"}, None, "confidence"),
        ({"entry_price": "0"}, "not_positive", "entry_price"),
        ({"target_price": -1}, "not_positive", "target_price"),
        ({"stop_loss": "-0.00000001"}, "not_positive", "stop_loss"),
        ({"reasons": [{"text": "x"}]}, None, "reasons.0"),
        ({"generated_at": "2199-01-01T00:00:00Z"}, "in_the_future", "generated_at"),
        ({"owner": 1}, None, "owner"),
    ],
)
def test_it_refuses(analyst_api: APIClient, change: dict[str, Any], code: str | None, field: str) -> None:
    assert_problem(analyst_api.post(SIGNALS, GOOD | change), 400, code, field)
    assert not Signal.objects.exists()


def test_the_price_of_a_future_may_be_below_zero(analyst_api: APIClient) -> None:
    InstrumentFactory.create(symbol="CLK20", asset_class="future")
    answer = analyst_api.post(SIGNALS, GOOD | {"symbol": "CLK20", "entry_price": "-37.63"})
    assert answer.status_code == 201


@pytest.mark.parametrize(("grant", "status"), [("view", 403), ("propose", 201), ("approve", 201), ("trade", 201)])
def test_a_portfolio_takes_signals_of_those_who_may_propose(
    analyst: User, analyst_api: APIClient, owner: User, owner_api: APIClient, grant: str, status: int
) -> None:
    portfolio = PortfolioFactory.create(owner=owner)
    PortfolioMemberFactory.create(portfolio=portfolio, user=analyst, grant=grant)
    assert analyst_api.post(SIGNALS, GOOD | {"portfolio": portfolio.pk}).status_code == status
    assert len(results(owner_api.get(SIGNALS, {"portfolio": portfolio.pk}))) == (status == 201)


def test_a_strangers_portfolio_answers_as_a_missing_one(analyst_api: APIClient) -> None:
    portfolio = PortfolioFactory.create()
    answers = [analyst_api.post(SIGNALS, GOOD | {"portfolio": pk}) for pk in (portfolio.pk, 10**9, 2**63 - 1)]
    assert_same_answer(answers[0], answers[1])
    assert_same_answer(answers[0], answers[2])
    assert_problem(answers[0], 404, field="portfolio")
    assert not Signal.objects.exists()


def test_the_filter_by_a_strangers_portfolio_answers_as_by_a_missing_one(owner_api: APIClient) -> None:
    signal = SignalFactory.create(portfolio=PortfolioFactory.create())
    answers = [owner_api.get(SIGNALS, {"portfolio": pk}) for pk in (signal.portfolio_id, 10**9)]
    assert_same_answer(*answers)
    assert results(answers[0]) == []


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, 2),
        ({"symbol": "spy"}, 1),
        ({"symbols": "SPY,IBM"}, 2),
        ({"signal_type": "SELL"}, 1),
        ({"timeframe": "1d"}, 2),
        ({"owner": "owner"}, 2),
        ({"start": "2020-01-02", "end": "2020-01-03"}, 1),
    ],
)
def test_they_list_by(owner: User, owner_api: APIClient, parameters: dict[str, str], found: int) -> None:
    SignalFactory.create(owner=owner, symbol="SPY", date="2020-01-02")
    SignalFactory.create(owner=owner, symbol="IBM", date="2020-01-03", signal_type="SELL")
    SignalFactory.create(symbol="SPY")
    assert len(results(owner_api.get(SIGNALS, parameters))) == found
