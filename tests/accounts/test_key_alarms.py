"""A key that is used from where it is not let in is told of: once an hour for each address, in whatever storm."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from accounts.services.api_keys import create_api_key, find_usable_key
from accounts.services.key_alarms import FOREIGN_ADDRESS, MOST_PLACES
from accounts.services.key_limits import KeyLimits
from systemevents.models import SystemEvent
from tradingsite.core import clock
from tradingsite.core.actor import Actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def text(owner: User, system: Actor) -> str:
    return create_api_key(
        actor=system, owner=owner, name="bot", limits=KeyLimits(allowed_addresses=["10.0.0.0/8"])
    ).text


def told() -> int:
    return SystemEvent.objects.filter(event_type=FOREIGN_ADDRESS).count()


def test_it_is_told_with_whose_key_and_from_where_but_not_with_the_key(text: str) -> None:
    assert find_usable_key(text, address="192.0.2.1") is None
    event = SystemEvent.objects.get(event_type=FOREIGN_ADDRESS)
    assert event.severity == "warning"
    assert "bot (tsk_" in event.description
    assert "of owner was used from 192.0.2.1" in event.description
    assert event.details["address"] == "192.0.2.1"
    assert text not in event.description + str(event.details)


def test_a_storm_is_told_once_and_asks_the_database_no_more_than_the_key_itself(
    text: str, django_assert_num_queries: Callable[[int], object]
) -> None:
    find_usable_key(text, address="192.0.2.1")
    with django_assert_num_queries(50):  # type: ignore[attr-defined]  # a context manager
        for _ in range(50):
            assert find_usable_key(text, address="192.0.2.1") is None
    assert told() == 1


def test_each_address_is_told_of_and_a_network_of_ipv6_is_one(text: str) -> None:
    for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", None, None):
        find_usable_key(text, address=address)
    assert told() == 5


def test_thousands_of_addresses_are_not_thousands_of_events(text: str) -> None:
    for number in range(60):
        find_usable_key(text, address=f"192.0.2.{number}")
    assert told() == MOST_PLACES


def test_processes_that_share_no_cache_tell_it_once_too(text: str) -> None:
    find_usable_key(text, address="192.0.2.1")
    cache.clear()
    find_usable_key(text, address="192.0.2.1")
    assert told() == 1


def test_after_an_hour_it_is_told_again(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find_usable_key(text, address="192.0.2.1")
    cache.clear()
    later = clock.now() + dt.timedelta(hours=1, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    find_usable_key(text, address="192.0.2.1")
    assert told() == 2


def test_without_a_cache_it_is_told_all_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no cache")

    monkeypatch.setattr(cache, "add", fail)
    for _ in range(3):
        assert find_usable_key(text, address="192.0.2.1") is None
    assert told() == 1


def test_the_good_path_costs_nothing(text: str, django_assert_num_queries: Callable[[int], object]) -> None:
    find_usable_key(text, address="10.1.2.3")
    with django_assert_num_queries(1):  # type: ignore[attr-defined]  # a context manager
        assert find_usable_key(text, address="10.1.2.3") is not None
    assert told() == 0


def test_a_wrong_key_is_told_of_nowhere(text: str) -> None:
    mistyped = text[:30] + ("a" if text[30] != "a" else "b") + text[31:]
    assert find_usable_key(mistyped, address="192.0.2.1") is None
    assert told() == 0


def test_staff_see_it_in_the_admin(text: str, staff: User, browser_of: Callable[[User], Client]) -> None:
    find_usable_key(text, address="192.0.2.1")
    page = browser_of(staff).get("/admin/systemevents/systemevent/").content.decode()
    assert "was used from 192.0.2.1" in page
