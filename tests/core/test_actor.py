from __future__ import annotations

import dataclasses

import pytest

from accounts.models import User
from tests.factories import UserFactory
from tradingsite.core.actor import VIEW_ALL, Actor, Front
from tradingsite.core.errors import Forbidden

pytestmark = pytest.mark.django_db


def superuser() -> User:
    return UserFactory.create(is_superuser=True)


def test_the_system_may_and_sees_everything() -> None:
    actor = Actor.system("rollover", front=Front.JOB)
    assert actor.label == "system:rollover"
    assert actor.is_system
    assert actor.is_unlimited
    assert actor.sees_everything
    assert actor.may("anything.at_all")
    assert actor.user_id is None


def test_a_user_may_what_the_role_says(owner: User) -> None:
    actor = Actor.of(owner, front=Front.API)
    assert actor.user_id == owner.pk
    assert actor.label == "owner"
    assert actor.may("portfolio.add_portfolio")
    assert not actor.may("accounts.add_user")
    assert not actor.is_system
    assert not actor.is_unlimited
    assert not actor.sees_everything


def test_what_is_lacking_is_named(owner: User) -> None:
    with pytest.raises(Forbidden, match=r"accounts\.add_user"):
        Actor.of(owner, front=Front.API).require("accounts.add_user")


def test_a_permission_to_view_all_sees_everything_but_is_not_unlimited(staff: User) -> None:
    actor = Actor.of(staff, front=Front.ADMIN)
    assert actor.may(VIEW_ALL)
    assert actor.sees_everything
    assert not actor.is_unlimited


def test_a_key_bound_to_a_portfolio_never_sees_everything(staff: User) -> None:
    actor = dataclasses.replace(Actor.of(staff, front=Front.API, key_id="k"), portfolio_id=1)
    assert not actor.sees_everything


def test_a_superuser_is_unlimited_but_not_through_a_key() -> None:
    user = superuser()
    assert Actor.of(user, front=Front.ADMIN).is_unlimited
    assert not Actor.of(user, front=Front.API, key_id="k").is_unlimited


def test_a_deactivated_superuser_may_and_sees_nothing() -> None:
    user = superuser()
    user.is_active = False
    actor = Actor.of(user, front=Front.ADMIN)
    assert not actor.is_unlimited
    assert not actor.sees_everything
    assert not actor.may("portfolio.view_portfolio")


def test_an_actor_does_not_change_on_its_way(owner: User) -> None:
    actor = Actor.of(owner, front=Front.API)
    with pytest.raises(dataclasses.FrozenInstanceError):
        actor.user = None  # type: ignore[misc]  # that is the point
