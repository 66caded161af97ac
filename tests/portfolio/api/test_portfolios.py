"""portfolios and what they hold."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from portfolio.models import Portfolio
from systemevents.models import AuditLog
from tests.answers import assert_problem, assert_same_answer, last_audit, results
from tests.factories import (
    PortfolioCashFactory,
    PortfolioFactory,
    PortfolioMemberFactory,
    PortfolioPerformanceFactory,
    PortfolioPositionFactory,
)

PORTFOLIOS = "/api/v1/portfolios"


@pytest.fixture
def portfolio(owner: User) -> Portfolio:
    made: Portfolio = PortfolioFactory.create(owner=owner, name="Main")
    return made


def test_a_trader_makes_one_of_their_own(owner: User, owner_api: APIClient) -> None:
    answer = owner_api.post(PORTFOLIOS, {"name": "  Growth  ", "base_currency": "EUR", "calendar": "XFRA"})
    assert answer.status_code == 201
    row = answer.json()
    assert row["name"] == "Growth"
    assert (row["owner"], row["kind"], row["cost_method"]) == ("owner", "paper", "average")
    assert owner_api.get(f"{PORTFOLIOS}/{row['id']}").json() == row
    assert (last_audit().action, last_audit().actor_id) == ("portfolio.created", owner.pk)


@pytest.mark.parametrize("name", ["Main", "MAIN", " main ", "\N{FULLWIDTH LATIN CAPITAL LETTER M}ain"])
def test_a_name_is_taken_once_an_owner(
    owner_api: APIClient, stranger_api: APIClient, portfolio: Portfolio, name: str
) -> None:
    assert_problem(owner_api.post(PORTFOLIOS, {"name": name}), 409, "conflict")
    assert stranger_api.post(PORTFOLIOS, {"name": name}).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "\u200b"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "A", "base_currency": "usd"}, "base_currency"),
        ({"name": "A", "base_currency": "US"}, "base_currency"),
        ({"name": "A", "calendar": "MOON"}, "calendar"),
        ({"name": "A", "kind": "real"}, "kind"),
        ({"name": "A", "owner": 1}, "owner"),
    ],
)
def test_it_refuses_to_make(owner_api: APIClient, body: dict[str, Any], field: str) -> None:
    assert_problem(owner_api.post(PORTFOLIOS, body), 400, field=field)
    assert not Portfolio.objects.exists()


def test_its_owner_renames_it(owner_api: APIClient, portfolio: Portfolio) -> None:
    answer = owner_api.patch(f"{PORTFOLIOS}/{portfolio.pk}", {"name": "Other"})
    assert answer.json()["name"] == "Other"
    assert (last_audit().action, last_audit().after["name"]) == ("portfolio.changed", "Other")


def test_saving_the_same_again_changes_nothing(owner_api: APIClient, portfolio: Portfolio) -> None:
    before = AuditLog.objects.count()
    assert owner_api.patch(f"{PORTFOLIOS}/{portfolio.pk}", {"name": "Main"}).status_code == 200
    assert AuditLog.objects.count() == before


@pytest.mark.parametrize("field", ["kind", "base_currency", "calendar", "owner", "created_at", "name_key", "id"])
def test_what_is_fixed_stays(owner_api: APIClient, portfolio: Portfolio, field: str) -> None:
    assert_problem(owner_api.patch(f"{PORTFOLIOS}/{portfolio.pk}", {field: "recorded"}), 400, field=field)


def test_the_cost_method_is_fixed_once_something_was_held(owner_api: APIClient, portfolio: Portfolio) -> None:
    assert owner_api.patch(f"{PORTFOLIOS}/{portfolio.pk}", {"cost_method": "fifo"}).status_code == 200
    PortfolioPositionFactory.create(portfolio=portfolio)
    assert_problem(owner_api.patch(f"{PORTFOLIOS}/{portfolio.pk}", {"cost_method": "average"}), 409, "conflict")
    assert owner_api.get(f"{PORTFOLIOS}/{portfolio.pk}").json()["cost_method"] == "fifo"


@pytest.mark.parametrize("grant", ["view", "propose", "approve", "trade"])
def test_a_member_sees_it_and_does_not_change_it(
    other_user: User, stranger_api: APIClient, portfolio: Portfolio, grant: str
) -> None:
    PortfolioMemberFactory.create(portfolio=portfolio, user=other_user, grant=grant)
    assert [row["id"] for row in results(stranger_api.get(PORTFOLIOS))] == [portfolio.pk]
    assert_problem(stranger_api.patch(f"{PORTFOLIOS}/{portfolio.pk}", {"name": "Mine"}), 403)
    assert Portfolio.objects.get().name == "Main"


def test_nobody_else_sees_it(stranger_api: APIClient, portfolio: Portfolio) -> None:
    assert results(stranger_api.get(PORTFOLIOS)) == []
    missing = portfolio.pk + 1
    assert_same_answer(
        stranger_api.get(f"{PORTFOLIOS}/{portfolio.pk}/positions"),
        stranger_api.get(f"{PORTFOLIOS}/{missing}/positions"),
    )


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"name": "mai"}, 1),
        ({"name": "x"}, 0),
        ({"kind": "paper"}, 1),
        ({"owner": "owner"}, 1),
        ({"owner": "other"}, 0),
    ],
)
def test_they_list_by(owner_api: APIClient, portfolio: Portfolio, parameters: dict[str, str], found: int) -> None:
    assert len(results(owner_api.get(PORTFOLIOS, parameters))) == found


def test_positions_say_their_average(owner_api: APIClient, portfolio: Portfolio) -> None:
    PortfolioPositionFactory.create(portfolio=portfolio, symbol="SPY", quantity=Decimal(3), cost=Decimal("100"))
    PortfolioPositionFactory.create(portfolio=portfolio, symbol="IBM", quantity=Decimal(0), cost=Decimal(0))
    PortfolioPositionFactory.create(symbol="AAPL")
    rows = results(owner_api.get(f"{PORTFOLIOS}/{portfolio.pk}/positions"))
    assert [(row["symbol"], row["quantity"], row["cost"], row["average_cost"]) for row in rows] == [
        ("IBM", "0", "0", None),
        ("SPY", "3", "100", "33.33333333"),
    ]
    assert len(results(owner_api.get(f"{PORTFOLIOS}/{portfolio.pk}/positions", {"symbol": "spy"}))) == 1


def test_cash_is_text_by_currency(owner_api: APIClient, portfolio: Portfolio) -> None:
    PortfolioCashFactory.create(portfolio=portfolio, balance=Decimal("10000.5"))
    rows = results(owner_api.get(f"{PORTFOLIOS}/{portfolio.pk}/cash"))
    assert [(row["currency"], row["balance"]) for row in rows] == [("USD", "10000.5")]


def test_performance_is_cut_by_date(owner_api: APIClient, portfolio: Portfolio) -> None:
    for day in ("2020-01-02", "2020-01-03", "2020-01-06"):
        PortfolioPerformanceFactory.create(portfolio=portfolio, date=day)
    path = f"{PORTFOLIOS}/{portfolio.pk}/performance"
    rows = results(owner_api.get(path, {"start": "2020-01-03", "end": "2020-01-06"}))
    assert [(row["date"], row["portfolio_value"], row["sharpe_ratio"]) for row in rows] == [
        ("2020-01-03", "10000", None)
    ]


def test_a_portfolio_by_another_key_of_the_same_owner_is_the_same(
    owner: User, owner_api: APIClient, api_of: Callable[[User], APIClient], portfolio: Portfolio
) -> None:
    path = f"{PORTFOLIOS}/{portfolio.pk}"
    assert owner_api.get(path).json() == api_of(owner).get(path).json()
