"""Who asks too often is told so, and when to come back."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import ApiKey, User
from tests.answers import assert_problem
from tradingsite.core.environment import Environment
from tradingsite.core.rates import Rate, parse_rate

ME = "/api/v1/auth/me"
NOON = dt.datetime(2026, 10, 19, 12, 0, 20, tzinfo=dt.UTC)
WRONG = {"Authorization": "Bearer tsk_wrong"}


@pytest.fixture(autouse=True)
def empty_cache(settings: Any) -> Iterator[None]:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "throttling"}
    }
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def noon() -> Iterator[Any]:
    """A clock that stands, twenty seconds into a minute."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def limits(settings: Any, noon: Any) -> Any:
    settings.THROTTLE_KEY, settings.THROTTLE_USER, settings.THROTTLE_ANON = Rate(3, 60), Rate(5, 60), Rate(2, 60)
    return settings


def statuses(client: Any, times: int, **headers: str) -> list[int]:
    return [client.get(ME, headers=headers).status_code for _ in range(times)]


def key_of(api: APIClient) -> str:
    """The text of the client's key."""
    credentials: dict[str, str] = api._credentials  # type: ignore[attr-defined]  # untyped
    return credentials["HTTP_AUTHORIZATION"].removeprefix("Bearer ")


def test_a_key_is_refused_after_its_limit_and_told_when_to_come_back(limits: Any, owner_api: APIClient) -> None:
    assert statuses(owner_api, 3) == [200] * 3
    refused = owner_api.get(ME)
    assert_problem(refused, 429, "throttled")
    # The window ends on the minute; the second more makes sure that it has.
    assert refused["Retry-After"] == "41"


def test_it_may_go_on_in_the_next_window(limits: Any, owner_api: APIClient, noon: Any) -> None:
    statuses(owner_api, 3)
    wait = int(owner_api.get(ME)["Retry-After"])
    noon.shift(wait)
    assert statuses(owner_api, 1) == [200]


def test_a_users_keys_are_counted_together_too(limits: Any, owner: User, api_of: Callable[[User], APIClient]) -> None:
    first, second = api_of(owner), api_of(owner)
    assert statuses(first, 3) == [200] * 3
    assert statuses(second, 3) == [200, 200, 429]


def test_users_do_not_disturb_each_other(limits: Any, owner_api: APIClient, stranger_api: APIClient) -> None:
    assert statuses(owner_api, 4)[-1] == 429
    assert statuses(stranger_api, 1) == [200]


def test_without_a_key_the_address_is_counted(limits: Any, db: None) -> None:
    assert statuses(Client(), 3) == [401, 401, 429]
    assert Client(REMOTE_ADDR="203.0.113.9").get(ME).status_code == 401


def test_the_addresses_of_one_ipv6_network_are_one_caller(limits: Any, db: None) -> None:
    first, second = Client(REMOTE_ADDR="2001:db8:1:2::1"), Client(REMOTE_ADDR="2001:db8:1:2:ffff::2")
    assert [*statuses(first, 2), *statuses(second, 1)] == [401, 401, 429]
    assert statuses(Client(REMOTE_ADDR="2001:db8:1:3::1"), 1) == [401]


@pytest.mark.parametrize("path", ["schema", "docs"])
def test_the_pages_that_need_no_key_are_counted_too(limits: Any, db: None, path: str) -> None:
    answers = [Client().get(reverse(path)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert_problem(answers[-1], 429, "throttled")


def test_what_is_refused_for_another_reason_is_counted_as_well(limits: Any, viewer_api: APIClient) -> None:
    answers = [viewer_api.post("/api/v1/metadata", {"symbol": "SPY"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 429]


# Wrong keys


def test_each_wrong_key_costs_its_address(limits: Any, db: None) -> None:
    assert statuses(Client(), 3, **WRONG) == [401, 401, 429]
    assert statuses(Client(REMOTE_ADDR="203.0.113.9"), 1, **WRONG) == [401]


def test_an_address_with_too_many_wrong_keys_is_refused_without_a_query(
    limits: Any, owner_api: APIClient, django_assert_num_queries: Any
) -> None:
    statuses(Client(), 2, **WRONG)
    with django_assert_num_queries(0):
        refused = owner_api.get(ME)
    assert_problem(refused, 429, "throttled")


def test_a_key_that_was_good_from_there_goes_on(limits: Any, owner_api: APIClient) -> None:
    assert statuses(owner_api, 1) == [200]
    assert statuses(Client(), 3, **WRONG) == [401, 401, 429]
    assert statuses(owner_api, 1) == [200]


def test_a_revoked_key_that_was_good_does_not(limits: Any, owner_api: APIClient, noon: Any) -> None:
    statuses(owner_api, 1)
    ApiKey.objects.update(revoked_at=NOON)
    assert statuses(owner_api, 3) == [401, 401, 401]


def test_wrong_keys_do_not_count_as_requests_without_one(limits: Any, db: None) -> None:
    assert statuses(Client(), 2, **WRONG) == [401, 401]
    assert statuses(Client(), 2) == [401, 401]


# Headers


def test_every_answer_says_where_its_caller_stands(limits: Any, owner_api: APIClient) -> None:
    answers = [owner_api.get(ME), owner_api.get("/api/v1/watchlists/7"), owner_api.get("/api/v1/metadata?limit=x")]
    assert [answer.status_code for answer in answers] == [200, 404, 400]
    assert answers[0]["RateLimit-Policy"] == '"key";q=3;w=60, "user";q=5;w=60'
    assert answers[0]["RateLimit"] == '"key";r=2;t=41, "user";r=4;t=41'
    assert [re.findall(r"r=(\d)", answer["RateLimit"]) for answer in answers[1:]] == [["1", "3"], ["0", "2"]]
    refused = owner_api.get(ME)
    assert refused.status_code == 429
    assert refused["RateLimit"].startswith('"key";r=0;')


def test_a_wrong_key_is_told_as_well(limits: Any, db: None) -> None:
    answer = Client().get(ME, headers=WRONG)
    assert answer["RateLimit-Policy"] == '"failed";q=2;w=60'
    assert answer["RateLimit"] == '"failed";r=1;t=41'


def test_switched_off_nothing_is_counted_and_nothing_said(owner_api: APIClient, settings: Any) -> None:
    assert (settings.THROTTLE_KEY, settings.THROTTLE_USER, settings.THROTTLE_ANON) == (None, None, None)
    answer = owner_api.get(ME)
    assert answer.status_code == 200
    assert "RateLimit" not in answer


# The cache


def test_the_counts_lie_in_the_shared_cache(limits: Any, owner_api: APIClient, tmp_path: Any) -> None:
    """Another process finds them where CACHE_URL says."""
    limits.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": str(tmp_path)}
    }
    assert statuses(owner_api, 4)[-1] == 429
    assert list(tmp_path.iterdir())


def test_no_secret_lies_in_the_cache(limits: Any, owner_api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    class Listening:
        def __getattr__(self, method: str) -> Any:
            def call(*arguments: Any) -> Any:
                told.append(f"{method} {arguments}")
                return getattr(cache, method)(*arguments)

            return call

    monkeypatch.setattr("tradingsite.core.api.throttling.cache", Listening())
    assert statuses(owner_api, 1) == [200]
    secret = key_of(owner_api)[-20:]
    assert [call for call in told if call.startswith("set ")]
    assert not [call for call in told if secret in call]


def test_a_cache_that_is_gone_closes_nothing(
    limits: Any, owner_api: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Gone:
        def __getattr__(self, method: str) -> Any:
            raise ConnectionError("no route to host")

    monkeypatch.setattr("tradingsite.core.api.throttling.cache", Gone())
    assert statuses(owner_api, 5) == [200] * 5
    assert "nothing is throttled" in caplog.text


# Rates


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("600/min", Rate(600, 60)),
        ("20/s", Rate(20, 1)),
        ("5000 / hour", Rate(5000, 3600)),
        ("1/day", Rate(1, 86400)),
        ("0", None),
    ],
)
def test_a_rate_is_a_number_by_a_time(text: str, rate: Rate | None) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["600", "-1/min", "0/min", "1.5/min", "x/min", "600/", "600/week", "٦/min", "9" * 20])
def test_another_text_is_none(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="THROTTLE_USER must be a number by second"):
        Environment({"THROTTLE_USER": text}).rate("THROTTLE_USER", default="1/s")
