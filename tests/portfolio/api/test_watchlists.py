"""watchlists and what is on them."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from portfolio.models import Watchlist, WatchlistItem
from systemevents.models import AuditLog
from tests.answers import assert_problem, assert_same_answer, last_audit, results
from tests.factories import (
    InstrumentFactory,
    PortfolioFactory,
    PortfolioMemberFactory,
    WatchlistFactory,
    WatchlistItemFactory,
)

WATCHLISTS = "/api/v1/watchlists"
MISSING = 10**9


@pytest.fixture
def watchlist(owner: User) -> Watchlist:
    """The owner's list with SPY on it."""
    made: Watchlist = WatchlistFactory.create(owner=owner, name="Tech")
    InstrumentFactory.create(symbol="SPY")
    InstrumentFactory.create(symbol="EUR/USD")
    WatchlistItemFactory.create(watchlist=made, symbol="SPY")
    return made


def items(pk: int) -> str:
    return f"{WATCHLISTS}/{pk}/items"


def test_a_trader_makes_one_of_their_own(owner: User, owner_api: APIClient) -> None:
    answer = owner_api.post(WATCHLISTS, {"name": " Tech "})
    assert answer.status_code == 201
    assert answer.json()["name"] == "Tech"
    assert (answer.json()["owner"], answer.json()["portfolio"], answer.json()["symbols"]) == ("owner", None, [])
    assert (last_audit().action, last_audit().actor_id) == ("watchlist.created", owner.pk)


@pytest.mark.parametrize("name", ["Tech", "TECH", " tech"])
def test_a_name_is_taken_once_an_owner(owner_api: APIClient, watchlist: Watchlist, name: str) -> None:
    assert_problem(owner_api.post(WATCHLISTS, {"name": name}), 409, "conflict")
    other = owner_api.post(WATCHLISTS, {"name": "Other"}).json()["id"]
    assert_problem(owner_api.patch(f"{WATCHLISTS}/{other}", {"name": name}), 409, "conflict")
    assert owner_api.patch(f"{WATCHLISTS}/{watchlist.pk}", {"name": "TECH"}).status_code == 200


def test_it_is_shared_by_naming_a_portfolio(
    owner: User, owner_api: APIClient, other_user: User, stranger_api: APIClient
) -> None:
    portfolio = PortfolioFactory.create(owner=owner)
    member = PortfolioMemberFactory.create(portfolio=portfolio, user=other_user, grant="view")
    shared = owner_api.post(WATCHLISTS, {"name": "Shared", "portfolio": portfolio.pk}).json()
    InstrumentFactory.create(symbol="SPY")
    assert [row["id"] for row in results(stranger_api.get(WATCHLISTS, {"portfolio": portfolio.pk}))] == [shared["id"]]
    assert_problem(stranger_api.post(items(shared["id"]), {"symbol": "SPY"}), 403)
    assert_problem(stranger_api.post(WATCHLISTS, {"name": "Theirs", "portfolio": portfolio.pk}), 403)
    member.grant = "trade"
    member.save()
    assert stranger_api.post(items(shared["id"]), {"symbol": "SPY"}).status_code == 201


def test_a_strangers_portfolio_answers_as_a_missing_one(stranger_api: APIClient) -> None:
    portfolio = PortfolioFactory.create()
    answers = [stranger_api.post(WATCHLISTS, {"name": "A", "portfolio": pk}) for pk in (portfolio.pk, MISSING)]
    assert_same_answer(*answers)
    assert_problem(answers[0], 404, field="portfolio")
    assert not Watchlist.objects.exists()


def test_dropping_it_drops_its_items_and_leaves_both_in_the_trail(owner_api: APIClient, watchlist: Watchlist) -> None:
    pk = watchlist.pk
    answer = owner_api.delete(f"{WATCHLISTS}/{pk}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not Watchlist.objects.exists()
    assert not WatchlistItem.objects.exists()
    entry = last_audit()
    assert (entry.action, entry.object_id) == ("watchlist.deleted", str(pk))
    assert entry.before is not None
    assert (entry.before["name"], entry.before["symbols"]) == ("Tech", ["SPY"])
    assert_problem(owner_api.delete(f"{WATCHLISTS}/{pk}"), 404)


def test_a_symbol_is_put_on_it(owner_api: APIClient, watchlist: Watchlist) -> None:
    answer = owner_api.post(items(watchlist.pk), {"symbol": "eur/usd"})
    assert answer.status_code == 201
    assert answer.json()["symbol"] == "EUR/USD"
    assert owner_api.get(f"{WATCHLISTS}/{watchlist.pk}").json()["symbols"] == ["SPY", "EUR/USD"]
    assert last_audit().action == "watchlist.symbol_added"


def test_adding_a_symbol_twice_keeps_one_item(owner_api: APIClient, watchlist: Watchlist) -> None:
    before = AuditLog.objects.count()
    assert owner_api.post(items(watchlist.pk), {"symbol": "SPY"}).status_code == 201
    assert watchlist.items.count() == 1
    assert AuditLog.objects.count() == before


def test_it_refuses_a_symbol_that_nobody_knows(owner_api: APIClient, watchlist: Watchlist) -> None:
    assert_problem(owner_api.post(items(watchlist.pk), {"symbol": "NOPE"}), 400, "unknown_symbol", "symbol")
    assert watchlist.items.count() == 1


def test_a_stranger_cannot_tell_that_the_watchlist_exists(stranger_api: APIClient, watchlist: Watchlist) -> None:
    for body in ({"symbol": "EUR/USD"}, {"symbol": "NOPE"}, {}):
        assert_same_answer(stranger_api.post(items(watchlist.pk), body), stranger_api.post(items(MISSING), body))
    assert_same_answer(stranger_api.delete(f"{items(watchlist.pk)}/SPY"), stranger_api.delete(f"{items(MISSING)}/SPY"))
    assert watchlist.items.count() == 1


@pytest.mark.parametrize("path", ["SPY", "spy", "SPY/"])
def test_a_symbol_is_taken_off_it(owner_api: APIClient, watchlist: Watchlist, path: str) -> None:
    assert owner_api.delete(f"{items(watchlist.pk)}/{path}").status_code == 204
    assert watchlist.items.count() == 0
    assert (last_audit().action, last_audit().before) == ("watchlist.symbol_removed", {"symbol": "SPY"})


@pytest.mark.parametrize("path", ["EUR/USD", "EUR%2FUSD"])
def test_a_symbol_with_a_slash_is_taken_off_too(owner_api: APIClient, watchlist: Watchlist, path: str) -> None:
    WatchlistItemFactory.create(watchlist=watchlist, symbol="EUR/USD")
    assert owner_api.delete(f"{items(watchlist.pk)}/{path}").status_code == 204


@pytest.mark.parametrize("path", ["IBM", "a%20b", "X" * 200])
def test_a_symbol_that_is_not_on_it_is_missing(owner_api: APIClient, watchlist: Watchlist, path: str) -> None:
    assert_problem(owner_api.delete(f"{items(watchlist.pk)}/{path}"), 404)


@pytest.mark.parametrize(
    ("parameters", "found"),
    [({"name": "ec"}, 1), ({"name": "x"}, 0), ({"owner": "owner"}, 1), ({"portfolio": "1"}, 0)],
)
def test_they_list_by(owner_api: APIClient, watchlist: Watchlist, parameters: dict[str, Any], found: int) -> None:
    assert len(results(owner_api.get(WATCHLISTS, parameters))) == found


@pytest.mark.parametrize("portfolio", ["x", "-1", "9" * 20, "\u0661"])
def test_an_id_that_is_none_is_refused_as_a_filter(owner_api: APIClient, portfolio: str) -> None:
    assert_problem(owner_api.get(WATCHLISTS, {"portfolio": portfolio}), 400, field="portfolio")
