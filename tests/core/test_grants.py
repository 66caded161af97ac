"""Who may do what with what they see."""

from __future__ import annotations

import dataclasses

import pytest

from accounts.models import User
from portfolio.models import Portfolio
from tests.factories import PortfolioFactory, PortfolioMemberFactory, SignalFactory, UserFactory, WatchlistFactory
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Forbidden
from tradingsite.core.grants import ALL_GRANTS, Grant, permitted, require

pytestmark = pytest.mark.django_db

VIEW, PROPOSE, APPROVE, TRADE, EDIT = Grant.VIEW, Grant.PROPOSE, Grant.APPROVE, Grant.TRADE, Grant.EDIT


def actor(user: User) -> Actor:
    return Actor.of(user, front=Front.API)


@pytest.fixture
def portfolio(owner: User) -> Portfolio:
    return PortfolioFactory.create(owner=owner)


def grants(who: Actor, on: Portfolio) -> set[Grant]:
    return {grant for grant in Grant if permitted(who, grant, on=on)}


def test_the_owner_may_everything(portfolio: Portfolio, owner: User) -> None:
    assert grants(actor(owner), portfolio) == ALL_GRANTS


@pytest.mark.parametrize(
    ("given", "held"),
    [
        (VIEW, {VIEW}),
        (PROPOSE, {VIEW, PROPOSE}),
        (APPROVE, {VIEW, PROPOSE, APPROVE}),
        (TRADE, {VIEW, PROPOSE, APPROVE, TRADE}),
    ],
)
def test_a_members_grant_holds_the_weaker_ones(
    portfolio: Portfolio, other_user: User, given: Grant, held: set[Grant]
) -> None:
    PortfolioMemberFactory.create(portfolio=portfolio, user=other_user, grant=given)
    assert grants(actor(other_user), portfolio) == held


def test_a_stranger_may_nothing(portfolio: Portfolio, other_user: User) -> None:
    assert grants(actor(other_user), portfolio) == set()


def test_seeing_all_is_no_right_to_change(portfolio: Portfolio, staff: User) -> None:
    assert grants(actor(staff), portfolio) == set()


def test_the_system_and_superusers_may_everything(portfolio: Portfolio, system: Actor) -> None:
    assert grants(system, portfolio) == ALL_GRANTS
    assert grants(actor(UserFactory.create(is_superuser=True)), portfolio) == ALL_GRANTS


def test_a_superusers_key_may_no_more_than_its_owner_was_given(portfolio: Portfolio) -> None:
    user = UserFactory.create(is_superuser=True)
    assert grants(dataclasses.replace(actor(user), key_id="k"), portfolio) == set()
    assert grants(dataclasses.replace(actor(user), key_id="k"), PortfolioFactory.create(owner=user)) == ALL_GRANTS


def test_a_key_bound_to_another_portfolio_may_nothing_here(portfolio: Portfolio, owner: User) -> None:
    other = PortfolioFactory.create(owner=owner)
    bound = dataclasses.replace(actor(owner), key_id="k", portfolio_id=other.pk)
    assert grants(bound, portfolio) == set()
    assert grants(bound, other) == ALL_GRANTS


def test_what_is_not_permitted_is_said_in_words(portfolio: Portfolio, other_user: User) -> None:
    with pytest.raises(Forbidden, match="You may not trade this"):
        require(actor(other_user), TRADE, on=portfolio)


@pytest.mark.parametrize("factory", [WatchlistFactory, SignalFactory])
@pytest.mark.parametrize(("given", "edits"), [(VIEW, False), (PROPOSE, False), (APPROVE, False), (TRADE, True)])
def test_what_is_shared_in_a_portfolio_is_edited_by_its_traders(
    factory: type[WatchlistFactory], portfolio: Portfolio, owner: User, other_user: User, given: Grant, edits: bool
) -> None:
    PortfolioMemberFactory.create(portfolio=portfolio, user=other_user, grant=given)
    row = factory.create(owner=owner, portfolio=portfolio)
    assert permitted(actor(other_user), EDIT, on=row) is edits
    assert permitted(actor(owner), EDIT, on=row)


@pytest.mark.parametrize("factory", [WatchlistFactory, SignalFactory])
def test_what_is_in_no_portfolio_is_its_authors(
    factory: type[WatchlistFactory], portfolio: Portfolio, owner: User, other_user: User
) -> None:
    row = factory.create(owner=owner)
    assert permitted(actor(owner), EDIT, on=row)
    assert not permitted(actor(other_user), VIEW, on=row)
    assert not permitted(dataclasses.replace(actor(owner), portfolio_id=portfolio.pk), EDIT, on=row)


def test_an_author_who_left_the_portfolio_has_no_grant_on_what_stayed_there(
    portfolio: Portfolio, other_user: User
) -> None:
    row = WatchlistFactory.create(owner=other_user, portfolio=portfolio)
    assert not permitted(actor(other_user), EDIT, on=row)
