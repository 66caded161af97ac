"""Portfolios, members and watchlists are written through their services."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.models import User
from portfolio.models import Portfolio, PortfolioMember, Watchlist
from tests.admin.conftest import path_of
from tests.admin.forms import actions, errors_of, inline
from tests.factories import (
    InstrumentFactory,
    PortfolioFactory,
    UserFactory,
    WatchlistFactory,
    WatchlistItemFactory,
)

# Portfolios and their members

PORTFOLIO = {"name": "Growth", "kind": "paper", "base_currency": "USD", "cost_method": "average", "calendar": "XNYS"}


def test_a_portfolio_belongs_to_who_makes_it(owner: User, owner_browser: Client, other_user: User) -> None:
    response = owner_browser.post(path_of(Portfolio, "add"), {**PORTFOLIO, "owner": other_user.pk})
    assert response.status_code == 302, errors_of(response)
    assert Portfolio.objects.get().owner == owner
    assert actions() == ["portfolio.created"]


def test_two_portfolios_of_one_name_are_refused_in_the_form(owner: User, owner_browser: Client) -> None:
    PortfolioFactory.create(owner=owner, name="growth ")
    response = owner_browser.post(path_of(Portfolio, "add"), PORTFOLIO)
    assert "already a portfolio" in errors_of(response)
    assert Portfolio.objects.count() == 1


def test_sharing_changing_and_ending_a_membership(owner: User, owner_browser: Client, other_user: User) -> None:
    portfolio = PortfolioFactory.create(owner=owner, name="Growth")
    page = path_of(Portfolio, portfolio.pk, "change")
    start = inline("members", row={"username": "Other ", "grant": "view"})
    response = owner_browser.post(page, {"name": "Growth", "cost_method": "average", **start})
    assert response.status_code == 302, errors_of(response)
    member = PortfolioMember.objects.get()
    assert (member.user, member.grant) == (other_user, "view")
    row = {"id": member.pk, "portfolio": portfolio.pk, "username": "other", "grant": "trade"}
    owner_browser.post(page, {"name": "Growth", "cost_method": "average", **inline("members", initial=1, row=row)})
    member.refresh_from_db()
    assert member.grant == "trade"
    row["DELETE"] = "on"
    owner_browser.post(page, {"name": "Growth", "cost_method": "average", **inline("members", initial=1, row=row)})
    assert not PortfolioMember.objects.exists()
    assert actions() == ["portfolio.shared", "portfolio.shared", "portfolio.unshared"]


@pytest.mark.parametrize("username", ["nobody-here", "owner-himself"])
def test_a_member_must_be_somebody_else_who_exists(db: None, browser_of: Any, username: str) -> None:
    owner = UserFactory.create(username="owner-himself", role="trader")
    portfolio = PortfolioFactory.create(owner=owner, name="Growth")
    values = {"name": "Growth", "cost_method": "average"}
    values |= inline("members", row={"username": username, "grant": "view"})
    response = browser_of(owner).post(path_of(Portfolio, portfolio.pk, "change"), values)
    assert "user named" in errors_of(response) or "everything" in errors_of(response)
    assert not PortfolioMember.objects.exists()
    assert actions() == []


# Watchlists


def test_a_watchlist_is_made_filled_renamed_and_deleted(owner: User, owner_browser: Client) -> None:
    InstrumentFactory.create(symbol="AAPL")
    InstrumentFactory.create(symbol="MSFT")
    rows = inline("items", a={"symbol": "aapl"}, b={"symbol": "MSFT"})
    response = owner_browser.post(path_of(Watchlist, "add"), {"name": "Tech", **rows})
    assert response.status_code == 302, errors_of(response)
    watchlist = Watchlist.objects.get()
    assert watchlist.owner == owner
    items = list(watchlist.items.order_by("symbol"))
    assert [item.symbol for item in items] == ["AAPL", "MSFT"]
    rows = inline("items", initial=1, a={"id": items[0].pk, "watchlist": watchlist.pk, "DELETE": "on"})
    response = owner_browser.post(path_of(Watchlist, watchlist.pk, "change"), {"name": "Big tech", **rows})
    assert response.status_code == 302, errors_of(response)
    assert list(watchlist.items.values_list("symbol", flat=True)) == ["MSFT"]
    assert owner_browser.post(path_of(Watchlist, watchlist.pk, "delete"), {"post": "yes"}).status_code == 302
    assert not Watchlist.objects.exists()
    assert actions() == [
        "watchlist.created",
        "watchlist.symbol_added",
        "watchlist.symbol_added",
        "watchlist.renamed",
        "watchlist.symbol_removed",
        "watchlist.deleted",
    ]


def test_an_unknown_symbol_is_refused_and_nothing_is_kept(owner_browser: Client) -> None:
    rows = inline("items", a={"symbol": "NOSUCH"})
    response = owner_browser.post(path_of(Watchlist, "add"), {"name": "Tech", **rows})
    assert "No instrument has the symbol NOSUCH" in errors_of(response)
    assert not Watchlist.objects.exists()
    assert actions() == []
    assert not LogEntry.objects.exists()


def test_an_item_of_another_list_is_not_taken_off(owner: User, owner_browser: Client, other_user: User) -> None:
    own = WatchlistFactory.create(owner=owner, name="Mine")
    foreign = WatchlistItemFactory.create(watchlist=WatchlistFactory.create(owner=other_user))
    rows = inline("items", initial=1, a={"id": foreign.pk, "watchlist": own.pk, "DELETE": "on"})
    owner_browser.post(path_of(Watchlist, own.pk, "change"), {"name": "Mine", **rows})
    foreign.refresh_from_db()
