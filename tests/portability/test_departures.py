"""Deactivating people while they, and others, go on."""

from __future__ import annotations

import threading

import pytest

from accounts.models import ApiKey, User
from accounts.services.api_keys import create_api_key, find_usable_key
from accounts.services.deactivation import deactivate_user
from portfolio.models import Watchlist
from portfolio.services.watchlists import create_watchlist
from systemevents.models import AuditLog
from tests.factories import PortfolioFactory, UserFactory
from tests.portability.processes import start_elsewhere
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Conflict

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_two_superusers_who_shut_each_other_out_one_stays() -> None:
    one, other = UserFactory.create(is_superuser=True), UserFactory.create(is_superuser=True)
    met = threading.Barrier(2)

    def shut_out(actor: User, user: User) -> bool:
        met.wait(20)
        try:
            deactivate_user(actor=Actor.of(actor, front=Front.ADMIN), user=user)
        except Conflict:
            return False
        return True

    first, second = start_elsewhere(lambda: shut_out(one, other)), start_elsewhere(lambda: shut_out(other, one))
    assert sorted([first(), second()]) == [False, True]
    assert User.objects.filter(is_superuser=True, is_active=True).count() == 1


def test_a_key_that_writes_all_the_time_is_shut_out_in_the_middle(system: Actor) -> None:
    owner, heir = UserFactory.create(is_superuser=True), UserFactory.create()
    UserFactory.create(is_superuser=True)
    PortfolioFactory.create(owner=owner)
    text = create_api_key(actor=system, owner=owner, name="bot").text
    writing = threading.Event()

    def write_until_shut_out() -> int:
        written = 0
        while written < 2_000:
            key = find_usable_key(text)
            if key is None:
                return written
            actor = Actor.of(key.owner, front=Front.API, key_id=key.public_id, rights=key.rights)
            create_watchlist(actor=actor, name=f"List {written}")
            written += 1
            writing.set()
        raise AssertionError("nobody shut it out")

    bot = start_elsewhere(write_until_shut_out)
    assert writing.wait(20)
    departed = deactivate_user(actor=system, user=owner, hand_over_to=heir)
    written = bot()

    # The request that was under way when the key ended is finished, and no other one began.
    assert Watchlist.objects.count() == written == AuditLog.objects.filter(action="watchlist.created").count()
    assert Watchlist.objects.filter(owner=owner).count() <= 1
    handed_over = sum(line.startswith("watchlist") for line in departed.handed_over)
    assert Watchlist.objects.filter(owner=heir).count() == handed_over >= 1
    assert not ApiKey.objects.filter(revoked_at=None).exists()


def test_a_key_made_at_the_same_moment_does_not_outlive_its_owner(system: Actor) -> None:
    owner = UserFactory.create()
    met = threading.Barrier(2)

    def make_keys() -> None:
        met.wait(20)
        for number in range(20):
            try:
                create_api_key(actor=system, owner=owner, name=f"key {number}")
            except Conflict:
                return

    making = start_elsewhere(make_keys)
    met.wait(20)
    deactivate_user(actor=system, user=owner)
    making()
    assert not ApiKey.objects.filter(revoked_at=None).exists()
