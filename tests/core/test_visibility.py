"""Who sees which rows: owner, members by each grant, strangers, who sees all, bound keys."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from django.db import models

from accounts.models import ApiKey, User
from accounts.services.api_keys import create_api_key
from marketdata.models import DailyBar, Instrument
from portfolio.models import (
    Portfolio,
    PortfolioCash,
    PortfolioMember,
    PortfolioPerformance,
    PortfolioPosition,
    Watchlist,
    WatchlistItem,
)
from systemevents.models import AuditLog, SystemEvent
from systemevents.services.events import record_event
from tests.factories import (
    DailyBarFactory,
    PortfolioCashFactory,
    PortfolioFactory,
    PortfolioMemberFactory,
    PortfolioPerformanceFactory,
    PortfolioPositionFactory,
    SignalFactory,
    UserFactory,
    WatchlistFactory,
    WatchlistItemFactory,
)
from trading.models import Signal
from tradingsite.core.actor import Actor, Front
from tradingsite.core.grants import Grant
from tradingsite.core.visibility import ScopedQuerySet

pytestmark = pytest.mark.django_db

OF_A_PORTFOLIO = [PortfolioCash, PortfolioPosition, PortfolioPerformance, PortfolioMember]
SHARED_BY_A_PORTFOLIO = [Watchlist, Signal]
MEMBER_GRANTS = [Grant.VIEW, Grant.PROPOSE, Grant.APPROVE, Grant.TRADE]


def actor(user: User) -> Actor:
    return Actor.of(user, front=Front.API)


def seen(model: type[models.Model], who: Actor) -> set[Any]:
    queryset = model._default_manager.all()
    assert isinstance(queryset, ScopedQuerySet)
    rows = list(queryset.visible_to(who))
    assert len(rows) == len(set(rows)), "a row is seen once"
    return set(rows)


@pytest.fixture
def portfolio(owner: User) -> Portfolio:
    """The owner's portfolio with a row of everything in it."""
    portfolio = PortfolioFactory.create(owner=owner)
    PortfolioCashFactory.create(portfolio=portfolio)
    PortfolioPositionFactory.create(portfolio=portfolio)
    PortfolioPerformanceFactory.create(portfolio=portfolio)
    PortfolioMemberFactory.create(portfolio=portfolio)
    PortfolioMemberFactory.create(portfolio=portfolio)
    WatchlistItemFactory.create(watchlist=WatchlistFactory.create(owner=owner, portfolio=portfolio))
    SignalFactory.create(owner=owner, portfolio=portfolio)
    return portfolio


EVERYTHING_IN_IT = [Portfolio, *OF_A_PORTFOLIO, *SHARED_BY_A_PORTFOLIO, WatchlistItem]


@pytest.mark.parametrize("model", EVERYTHING_IN_IT)
def test_the_owner_sees_it_a_stranger_does_not(
    model: type[models.Model], portfolio: Portfolio, owner: User, other_user: User, staff: User, system: Actor
) -> None:
    everything = set(model._default_manager.all())
    assert everything
    assert seen(model, actor(owner)) == everything
    assert seen(model, actor(other_user)) == set()
    assert seen(model, actor(staff)) == everything
    assert seen(model, system) == everything


@pytest.mark.parametrize("grant", MEMBER_GRANTS)
@pytest.mark.parametrize("model", EVERYTHING_IN_IT)
def test_a_member_by_any_grant_sees_all_of_the_portfolio(
    model: type[models.Model], grant: Grant, portfolio: Portfolio, other_user: User
) -> None:
    PortfolioMemberFactory.create(portfolio=portfolio, user=other_user, grant=grant)
    assert seen(model, actor(other_user)) == set(model._default_manager.all())


def test_a_member_of_one_portfolio_sees_nothing_of_the_owners_others(
    portfolio: Portfolio, owner: User, other_user: User
) -> None:
    private = PortfolioFactory.create(owner=owner)
    PortfolioCashFactory.create(portfolio=private)
    PortfolioMemberFactory.create(portfolio=portfolio, user=other_user)
    assert seen(Portfolio, actor(other_user)) == {portfolio}
    assert {cash.portfolio for cash in seen(PortfolioCash, actor(other_user))} == {portfolio}


def test_a_former_member_sees_nothing(portfolio: Portfolio, other_user: User) -> None:
    member = PortfolioMemberFactory.create(portfolio=portfolio, user=other_user)
    member.delete()
    assert seen(Portfolio, actor(other_user)) == set()


@pytest.mark.parametrize("factory", [WatchlistFactory, SignalFactory])
def test_without_a_portfolio_only_the_author_sees_it(factory: Any, owner: User, other_user: User) -> None:
    row = factory.create(owner=owner)
    assert seen(type(row), actor(owner)) == {row}
    assert seen(type(row), actor(other_user)) == set()


@pytest.mark.parametrize("factory", [WatchlistFactory, SignalFactory])
def test_in_a_portfolio_only_the_portfolio_decides_not_the_author(
    factory: Any, portfolio: Portfolio, owner: User, other_user: User
) -> None:
    theirs = factory.create(owner=other_user, portfolio=portfolio)
    assert theirs in seen(type(theirs), actor(owner))
    assert theirs not in seen(type(theirs), actor(other_user)), "the author has left the portfolio"


@pytest.mark.parametrize("model", EVERYTHING_IN_IT)
def test_a_key_bound_to_a_portfolio_sees_that_one_only(
    model: type[models.Model], portfolio: Portfolio, owner: User
) -> None:
    there = set(model._default_manager.all())
    another = PortfolioFactory.create(owner=owner)
    PortfolioCashFactory.create(portfolio=another)
    SignalFactory.create(owner=owner)
    WatchlistItemFactory.create(watchlist=WatchlistFactory.create(owner=owner))
    bound = dataclasses.replace(actor(owner), key_id="k", portfolio_id=portfolio.pk)
    assert seen(model, bound) == there


def test_a_key_bound_to_somebody_elses_portfolio_sees_nothing(portfolio: Portfolio, other_user: User) -> None:
    bound = dataclasses.replace(actor(other_user), key_id="k", portfolio_id=portfolio.pk)
    assert seen(Portfolio, bound) == set()
    assert seen(Signal, bound) == set()


def test_a_bound_key_of_somebody_who_sees_all_sees_no_more_than_its_portfolio(
    staff: User, portfolio: Portfolio
) -> None:
    own = PortfolioFactory.create(owner=staff)
    bound = dataclasses.replace(actor(staff), key_id="k", portfolio_id=own.pk)
    assert seen(Portfolio, bound) == {own}


def test_keys_are_seen_by_their_owner(owner: User, other_user: User, staff: User, system: Actor) -> None:
    key = create_api_key(actor=system, owner=owner, name="mine").key
    assert seen(ApiKey, actor(owner)) == {key}
    assert seen(ApiKey, actor(other_user)) == set()
    assert seen(ApiKey, actor(staff)) == {key}


def test_people_see_themselves(owner: User, other_user: User, staff: User) -> None:
    assert seen(User, actor(owner)) == {owner}
    assert seen(User, actor(staff)) == {owner, other_user, staff}


def test_the_trail_is_seen_by_who_left_it(owner: User, other_user: User, staff: User) -> None:
    record_event(actor=actor(owner), event_type="test", source="tests", description="Mine.")
    assert len(seen(AuditLog, actor(owner))) == 1
    assert seen(AuditLog, actor(other_user)) == set()
    assert seen(AuditLog, actor(staff)) == set(AuditLog.objects.all())


def test_what_the_system_did_is_seen_by_who_sees_all_only(owner: User, staff: User, system: Actor) -> None:
    before = seen(AuditLog, actor(owner))
    record_event(actor=system, event_type="test", source="tests", description="By the system.")
    assert seen(AuditLog, actor(owner)) == before
    assert AuditLog.objects.latest("id") in seen(AuditLog, actor(staff))


def test_system_events_are_seen_by_who_sees_all_only(owner: User, staff: User, system: Actor) -> None:
    event = record_event(actor=system, event_type="test", source="tests", description="Something.")
    assert seen(SystemEvent, actor(owner)) == set()
    assert seen(SystemEvent, actor(staff)) == {event}


def test_market_data_is_everybodys(other_user: User) -> None:
    bar = DailyBarFactory.create()
    assert seen(DailyBar, actor(other_user)) == {bar}
    assert seen(Instrument, actor(other_user)) == {bar.instrument}


def test_visibility_is_a_part_of_the_query_and_keeps_its_filters(owner: User, portfolio: Portfolio) -> None:
    other = PortfolioFactory.create(owner=owner, name="Other")
    assert list(Portfolio.objects.filter(name="Other").visible_to(actor(owner))) == [other]
    assert list(Portfolio.objects.visible_to(actor(owner)).exclude(name="Other")) == [portfolio]


def test_a_list_is_cut_in_one_query(owner: User, portfolio: Portfolio, django_assert_num_queries: Any) -> None:
    who = actor(UserFactory.create())
    assert not who.sees_everything  # loads the permissions
    for model in EVERYTHING_IN_IT:
        with django_assert_num_queries(1):
            seen(model, who)
