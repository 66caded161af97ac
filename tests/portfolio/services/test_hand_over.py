"""Handing a leaving user's portfolios and watchlists to somebody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import ApiKey, User, UserSettings
from accounts.services.api_keys import create_api_key
from accounts.services.deactivation import deactivate_user
from accounts.services.key_limits import KeyLimits
from portfolio.models import Portfolio, PortfolioMember, Watchlist
from portfolio.services.departure import hand_over_books, holdings
from portfolio.services.portfolios import create_portfolio
from systemevents.models import AuditLog
from tests.factories import (
    PortfolioFactory,
    PortfolioMemberFactory,
    PortfolioPositionFactory,
    SignalFactory,
    UserFactory,
    UserSettingsFactory,
    WatchlistFactory,
    WatchlistItemFactory,
)
from tests.models import everything
from trading.models import Signal
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Forbidden
from tradingsite.core.fields import name_key

pytestmark = pytest.mark.django_db

ActorOf = Callable[[User], Actor]


def seen_by(user: User, rows: QuerySet[Any]) -> list[Any]:
    visible: Any = rows
    return list(visible.visible_to(Actor.of(user, front=Front.ADMIN)))


def test_a_portfolio_goes_with_all_that_hangs_on_it(
    owner: User, other_user: User, staff: User, actor_of: ActorOf
) -> None:
    portfolio = PortfolioFactory.create(owner=owner, name="Growth")
    position = PortfolioPositionFactory.create(portfolio=portfolio)
    signal = SignalFactory.create(owner=owner, portfolio=portfolio)
    watchlist = WatchlistFactory.create(owner=owner, portfolio=portfolio)
    item = WatchlistItemFactory.create(watchlist=watchlist)

    departed = deactivate_user(actor=actor_of(staff), user=owner, hand_over_to=other_user)

    assert departed.handed_over == ["portfolio Growth"]
    for row in (portfolio, position, signal, watchlist, item):
        assert seen_by(other_user, type(row)._default_manager.all()) == [row]
        assert seen_by(owner, type(row)._default_manager.all()) == []
    assert Signal.objects.get().owner == owner, "who wrote it is history"
    assert Watchlist.objects.get().owner == owner
    entry: Any = AuditLog.objects.get(action="portfolio.handed_over")
    assert entry.before == {"owner_id": owner.pk, "name": "Growth", "owner": "owner"}
    assert entry.after == {"owner_id": other_user.pk, "name": "Growth", "owner": "other"}
    assert entry.object_id == str(portfolio.pk)


def test_the_new_owner_holds_every_grant_and_is_no_member_any_more(
    owner: User, other_user: User, staff: User, viewer: User, actor_of: ActorOf
) -> None:
    portfolio = PortfolioFactory.create(owner=owner)
    PortfolioMemberFactory.create(portfolio=portfolio, user=other_user, grant="view")
    kept = PortfolioMemberFactory.create(portfolio=portfolio, user=viewer, grant="approve")
    deactivate_user(actor=actor_of(staff), user=owner, hand_over_to=other_user)
    portfolio.refresh_from_db()
    assert "edit" in portfolio.grants_for(actor_of(other_user))
    assert list(PortfolioMember.objects.values_list("pk", "grant")) == [(kept.pk, "approve")]


def test_what_somebody_else_owns_stays_theirs(owner: User, other_user: User, staff: User, actor_of: ActorOf) -> None:
    theirs = PortfolioFactory.create(owner=staff)
    PortfolioMemberFactory.create(portfolio=theirs, user=owner, grant="trade")
    list_in_theirs = WatchlistFactory.create(owner=owner, portfolio=theirs)
    assert holdings(owner) == []
    departed = deactivate_user(actor=actor_of(staff), user=owner, hand_over_to=other_user)
    assert departed.handed_over == []
    assert Portfolio.objects.get().owner == staff
    assert seen_by(other_user, Watchlist.objects.filter(pk=list_in_theirs.pk)) == []


def test_a_watchlist_of_ones_own_goes_and_one_signal_without_a_portfolio_stays_with_its_author(
    owner: User, other_user: User, staff: User, actor_of: ActorOf
) -> None:
    watchlist = WatchlistFactory.create(owner=owner, name="Tech")
    signal = SignalFactory.create(owner=owner)
    assert holdings(owner) == ["watchlist Tech"]
    deactivate_user(actor=actor_of(staff), user=owner, hand_over_to=other_user)
    assert seen_by(other_user, Watchlist.objects.all()) == [watchlist]
    assert seen_by(other_user, Signal.objects.all()) == []
    assert seen_by(owner, Signal.objects.all()) == [signal]


@pytest.mark.parametrize("factory", [PortfolioFactory, WatchlistFactory])
def test_a_name_that_is_taken_gets_the_old_owners_behind_it(
    factory: Any, owner: User, other_user: User, staff: User, actor_of: ActorOf
) -> None:
    factory.create(owner=other_user, name="GROWTH")
    factory.create(owner=other_user, name="growth (owner)")
    moved = factory.create(owner=owner, name="Growth")
    long = factory.create(owner=owner, name="x" * 100)
    factory.create(owner=other_user, name="X" * 100)
    departed = deactivate_user(actor=actor_of(staff), user=owner, hand_over_to=other_user)
    moved.refresh_from_db()
    long.refresh_from_db()
    assert (moved.name, moved.name_key) == ("Growth (owner 2)", name_key("Growth (owner 2)"))
    assert long.name == "x" * 92 + " (owner)"
    assert departed.handed_over[0].endswith("Growth as Growth (owner 2)")


def test_a_name_of_the_leavers_length_still_fits(other_user: User, staff: User, actor_of: ActorOf) -> None:
    leaver = UserFactory.create(username="l" * 150)
    PortfolioFactory.create(owner=other_user, name="Book")
    moved = PortfolioFactory.create(owner=leaver, name="Book")
    deactivate_user(actor=actor_of(staff), user=leaver, hand_over_to=other_user)
    moved.refresh_from_db()
    assert moved.name == "Book (1)"


def test_a_name_taken_just_now_is_no_obstacle(
    owner: User, other_user: User, staff: User, actor_of: ActorOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = PortfolioFactory.create(owner=owner, name="Book")
    save = Portfolio.save
    made: list[Portfolio] = []

    def somebody_is_faster(self: Portfolio, *args: Any, **kwargs: Any) -> None:
        if not made:
            made.append(Portfolio(owner=other_user, name="Book"))
            save(made[0])
        save(self, *args, **kwargs)

    monkeypatch.setattr(Portfolio, "save", somebody_is_faster)
    deactivate_user(actor=actor_of(staff), user=owner, hand_over_to=other_user)
    moved.refresh_from_db()
    assert (moved.name, moved.owner) == ("Book (owner)", other_user)


def test_a_key_that_was_bound_to_it_ends_with_the_others_and_a_members_goes_on(
    owner: User, other_user: User, staff: User, viewer: User, actor_of: ActorOf, system: Actor
) -> None:
    portfolio = PortfolioFactory.create(owner=owner)
    PortfolioMemberFactory.create(portfolio=portfolio, user=viewer)
    limits = KeyLimits(portfolio=portfolio.pk)
    create_api_key(actor=system, owner=owner, name="bound", limits=limits)
    create_api_key(actor=system, owner=viewer, name="member's", limits=limits)
    deactivate_user(actor=actor_of(staff), user=owner, hand_over_to=other_user)
    assert [key.name for key in ApiKey.objects.filter(revoked_at=None)] == ["member's"]


def test_settings_forget_a_portfolio_that_has_gone(
    owner: User, other_user: User, staff: User, actor_of: ActorOf
) -> None:
    portfolio = PortfolioFactory.create(owner=owner)
    UserSettings.objects.filter(user__in=[owner, other_user]).delete()
    UserSettingsFactory.create(user=owner, default_portfolio=portfolio)
    UserSettingsFactory.create(user=other_user, default_portfolio=portfolio)
    deactivate_user(actor=actor_of(staff), user=owner, hand_over_to=other_user)
    assert UserSettings.objects.get(user=owner).default_portfolio is None
    assert UserSettings.objects.get(user=other_user).default_portfolio == portfolio


def test_without_a_receiver_everything_stays_where_it_is(owner: User, staff: User, actor_of: ActorOf) -> None:
    portfolio = PortfolioFactory.create(owner=owner, name="Book")
    deactivate_user(actor=actor_of(staff), user=owner)
    portfolio.refresh_from_db()
    assert portfolio.owner == owner
    assert holdings(owner) == ["portfolio Book"]


@pytest.mark.parametrize("factory", [PortfolioFactory, WatchlistFactory])
def test_it_takes_the_permission_to_change_what_is_handed_over(factory: Any, owner: User, other_user: User) -> None:
    factory.create(owner=owner)
    owner.groups.clear()
    clerk = UserFactory.create(username="clerk", role="viewer")
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_all"]))
    before = everything()
    with pytest.raises(Forbidden, match=r"portfolio\.change_"):
        deactivate_user(actor=Actor.of(clerk, front=Front.ADMIN), user=owner, hand_over_to=other_user)
    assert everything() == before


def test_many_are_counted_not_listed(owner: User) -> None:
    for _ in range(25):
        PortfolioFactory.create(owner=owner)
    assert len(holdings(owner)) == 21
    assert holdings(owner)[-1] == "5 more portfolios"


def test_a_new_portfolio_of_the_receiver_may_have_the_freed_name_of_the_leaver(
    owner: User, other_user: User, system: Actor
) -> None:
    PortfolioFactory.create(owner=owner, name="Book")
    with transaction.atomic():
        hand_over_books(system, owner, other_user)
    assert create_portfolio(actor=system, owner=owner, name="Book").name == "Book"
