"""Keys that follow each other, what they are cut down to, and what is told of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.models import ApiKey, User
from accounts.selectors import key_deeds
from accounts.services.api_keys import (
    NewKey,
    create_api_key,
    find_usable_key,
    revoke_api_key,
    rotate_api_key,
)
from accounts.services.key_limits import KeyLimits
from portfolio.services.watchlists import create_watchlist
from systemevents.models import AuditLog
from tests.answers import assert_problem
from tests.factories import PortfolioFactory, UserFactory
from tradingsite.core import clock
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput, NotFound

pytestmark = pytest.mark.django_db

KEYS, ME = "/api/v1/api-keys", "/api/v1/auth/me"
ActorOf = Callable[[User], Actor]


@pytest.fixture
def made(system: Actor, owner: User) -> NewKey:
    limits = KeyLimits(
        scopes=["portfolio:read", "account"],
        allowed_addresses=["127.0.0.1", "10.1.2.3/8"],
        portfolio=PortfolioFactory.create(owner=owner).pk,
        symbols=["spy", "SPY"],
        daily_notional=Decimal("1000.5"),
    )
    return create_api_key(actor=system, owner=owner, name="bot", limits=limits)


def client(text: str, **headers: str) -> APIClient:
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {text}", **headers)
    return api


def test_limits_are_kept_in_their_normal_form(made: NewKey) -> None:
    key = ApiKey.objects.get()
    assert key.scopes == ["portfolio:read", "account"]
    assert key.allowed_addresses == ["127.0.0.1/32", "10.0.0.0/8"]
    assert (key.symbols, key.daily_notional) == (["SPY"], Decimal("1000.5"))
    assert AuditLog.objects.get(action="api_key.created").after["scopes"] == key.scopes


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scopes", ["everything"]),
        ("allowed_addresses", ["10.0.0.0/33"]),
        ("allowed_addresses", ["localhost"]),
        ("allowed_addresses", [f"10.0.0.{n}" for n in range(101)]),
        ("symbols", ["not a symbol"]),
        ("daily_notional", Decimal(0)),
        ("daily_notional", Decimal("NaN")),
        ("daily_notional", Decimal("1234567890123456")),
    ],
)
def test_a_limit_that_is_none_is_refused(system: Actor, owner: User, field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_api_key(actor=system, owner=owner, name="bot", limits=KeyLimits(**{field: value}))
    assert [error.field for error in caught.value.errors] == [field]
    assert not ApiKey.objects.exists()


def test_a_key_is_bound_to_a_portfolio_that_its_owner_sees_only(system: Actor, owner: User) -> None:
    for pk in (PortfolioFactory.create().pk, 10**9):
        with pytest.raises(NotFound, match="no portfolio") as caught:
            create_api_key(actor=system, owner=owner, name="bot", limits=KeyLimits(portfolio=pk))
        assert [error.field for error in caught.value.errors] == ["portfolio"]
    assert not ApiKey.objects.exists()


def test_the_old_key_works_until_the_overlap_is_over(made: NewKey, system: Actor) -> None:
    at = clock.now()
    with time_machine.travel(at, tick=False) as time:
        new = rotate_api_key(actor=system, key=made.key, overlap=dt.timedelta(hours=2))
        assert made.key.state(at) == "active"  # as it was handed in
        assert ApiKey.objects.get(pk=made.key.pk).state(at) == "rotating"
        for text in (made.text, new.text):
            assert find_usable_key(text, address="127.0.0.1") is not None
        time.shift(2 * 3600 - 1)
        assert find_usable_key(made.text, address="127.0.0.1") is not None
        time.shift(1)
        assert find_usable_key(made.text, address="127.0.0.1") is None
        assert find_usable_key(new.text, address="127.0.0.1") is not None


def test_the_key_that_follows_has_the_same_limits_and_lifetime(made: NewKey, system: Actor) -> None:
    new = rotate_api_key(actor=system, key=made.key).key
    for name in ("owner_id", "name", "scopes", "allowed_addresses", "portfolio_id", "symbols", "daily_notional"):
        assert getattr(new, name) == getattr(made.key, name), name
    assert new.expires_at is not None
    assert abs(new.expires_at - clock.now() - dt.timedelta(days=90)) < dt.timedelta(minutes=1)
    entry = AuditLog.objects.get(action="api_key.rotated")
    assert (entry.object_id, entry.after["rotated_to_id"]) == (str(made.key.pk), new.pk)


def test_an_overlap_is_seven_days_at_most(made: NewKey, system: Actor) -> None:
    for overlap in (dt.timedelta(days=7, seconds=1), dt.timedelta(seconds=-1)):
        with pytest.raises(InvalidInput, match="seven days"):
            rotate_api_key(actor=system, key=made.key, overlap=overlap)
    rotate_api_key(actor=system, key=made.key, overlap=dt.timedelta(days=7))


def test_a_key_is_rotated_once_and_a_dead_one_never(made: NewKey, system: Actor) -> None:
    new = rotate_api_key(actor=system, key=made.key)
    with pytest.raises(Conflict, match="rotated already"):
        rotate_api_key(actor=system, key=made.key)
    revoke_api_key(actor=system, key=new.key)
    with pytest.raises(Conflict, match="works no more"):
        rotate_api_key(actor=system, key=new.key)
    assert ApiKey.objects.count() == 2


def test_nobody_rotates_anothers_and_no_key_rotates(
    made: NewKey, owner: User, other_user: User, actor_of: ActorOf
) -> None:
    for actor in (actor_of(other_user), Actor.of(owner, front=Front.API, key_id=made.key.public_id)):
        with pytest.raises(Forbidden):
            rotate_api_key(actor=actor, key=made.key)
    assert rotate_api_key(actor=actor_of(owner), key=made.key).key.owner == owner


def test_a_spoofed_address_does_not_pass(made: NewKey, settings: Any) -> None:
    assert client(made.text).get(ME).status_code == 200
    for headers in ({"REMOTE_ADDR": "192.0.2.1"}, {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "10.0.0.1"}):
        assert_problem(client(made.text, **headers).get(ME), 401)
    settings.TRUSTED_PROXIES = ["192.0.2.1"]
    proxied = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "10.0.0.1"}
    assert client(made.text, **proxied).get(ME).status_code == 200
    assert_problem(client(made.text, **{**proxied, "HTTP_X_FORWARDED_FOR": "10.0.0.1, 203.0.113.9"}).get(ME), 401)
    assert find_usable_key(made.text, address=None) is None


@pytest.mark.parametrize("role", ["trader", "admin"])
def test_a_call_is_one_query_for_key_owner_and_rights(system: Actor, role: str, django_assert_num_queries: Any) -> None:
    owner = UserFactory.create(role=role)
    text = create_api_key(actor=system, owner=owner, name="k", limits=KeyLimits(scopes=["admin"])).text
    with django_assert_num_queries(1):
        key = find_usable_key(text)
        assert key is not None
        actor = Actor.of(key.owner, front=Front.API, key_id=key.public_id, rights=key.rights)
        assert actor.label == owner.username
        assert actor.may("portfolio.view_portfolio")
        assert actor.sees_everything is (role == "admin")
    assert key.owner.email == owner.email
    assert {name for name in owner.get_all_permissions() if not actor.may(name)} == set()


def test_rights_are_read_live(system: Actor, owner: User) -> None:
    api = client(create_api_key(actor=system, owner=owner, name="k").text)
    assert api.post("/api/v1/watchlists", {"name": "one"}).status_code == 201
    owner.groups.clear()
    assert_problem(api.post("/api/v1/watchlists", {"name": "two"}), 403)
    owner.user_permissions.add(*_permissions("add_watchlist"))
    assert api.post("/api/v1/watchlists", {"name": "two"}).status_code == 201


def _permissions(*codenames: str) -> Any:
    from django.contrib.auth.models import Permission

    return Permission.objects.filter(codename__in=codenames)


def test_a_bound_key_makes_nothing_outside_of_its_portfolio(owner: User) -> None:
    own, other = PortfolioFactory.create(owner=owner), PortfolioFactory.create(owner=owner)
    actor = Actor.of(owner, front=Front.API, key_id="k", rights=_all(), portfolio_id=own.pk)
    assert create_watchlist(actor=actor, name="in it", portfolio=own).portfolio == own
    for portfolio in (None, other):
        with pytest.raises(Forbidden):
            create_watchlist(actor=actor, name="outside", portfolio=portfolio)


def _all() -> Any:
    from accounts.scopes import KeyRights

    return KeyRights(held=None, scopes=None)


def test_revoking_tells_what_the_key_did(system: Actor, owner: User) -> None:
    made = create_api_key(actor=system, owner=owner, name="k")
    assert key_deeds(made.key).audit_entries == 0
    api = client(made.text, REMOTE_ADDR="192.0.2.7")
    for name in ("one", "two"):
        assert api.post("/api/v1/watchlists", {"name": name}).status_code == 201
    did = api.post(f"{KEYS}/{made.key.pk}/revoke").json()["did"]
    # Its own end is an entry too.
    assert (did["audit_entries"], did["addresses"]) == (3, ["192.0.2.7"])
    assert did["last_used_at"] is not None
    assert_problem(api.get(ME), 401)


def test_any_key_ends_itself_but_no_other_without_the_scope(system: Actor, owner: User) -> None:
    limits = KeyLimits(scopes=["marketdata:read"])
    one, other = (create_api_key(actor=system, owner=owner, name="k", limits=limits) for _ in range(2))
    assert_problem(client(one.text).post(f"{KEYS}/{other.key.pk}/revoke"), 403)
    assert client(one.text).post(f"{KEYS}/{one.key.pk}/revoke").status_code == 200
    assert find_usable_key(one.text) is None
    assert find_usable_key(other.text) is not None


def test_who_is_logged_in_makes_and_rotates_keys_over_the_api(owner: User) -> None:
    api = APIClient()
    api.force_authenticate(owner)
    portfolio = PortfolioFactory.create(owner=owner)
    body = {
        "name": "bot",
        "scopes": ["orders:write"],
        "allowed_addresses": ["10.0.0.0/8"],
        "portfolio": portfolio.pk,
        "symbols": ["spy"],
        "daily_notional": "250.50",
        "expires_at": "2190-01-01T00:00:00Z",
    }
    answer = api.post(KEYS, body)
    assert answer.status_code == 201, answer.content
    assert answer["Cache-Control"] == "no-store"
    made = answer.json()
    assert find_usable_key(made["key"], address="10.1.1.1") is not None
    assert (made["scopes"], made["portfolio"], made["symbols"]) == (["orders:write"], portfolio.pk, ["SPY"])
    assert made["daily_notional"] == "250.5"
    rotated = api.post(f"{KEYS}/{made['id']}/rotate", {"overlap_hours": 0})
    assert rotated.status_code == 201
    assert find_usable_key(made["key"], address="10.1.1.1") is None
    assert find_usable_key(rotated.json()["key"], address="10.1.1.1") is not None
    assert "key" not in api.get(f"{KEYS}/{made['id']}").json()


def test_only_the_name_of_a_key_can_be_changed(owner: User, owner_api: APIClient) -> None:
    key = owner.api_keys.get()
    stored = ApiKey.objects.filter(pk=key.pk)
    for field in [field.name for field in ApiKey._meta.get_fields()] + ["digest", "key", "owner_id", "state"]:
        before: Any = stored.values().get()
        answer = owner_api.patch(f"{KEYS}/{key.pk}", {field: "1"})
        changed = {name for name, value in stored.values().get().items() if value != before[name]}
        if field == "name":
            assert (answer.status_code, changed - {"last_used_at"}) == (200, {"name"})
        else:
            assert_problem(answer, 400)
            assert changed <= {"last_used_at"}, field
    assert AuditLog.objects.filter(action="api_key.renamed").count() == 1
