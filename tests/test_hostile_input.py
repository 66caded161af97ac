"""Hostile bodies against every endpoint that takes one: always a 4xx problem, and the list still answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import Group
from django.urls import get_resolver, resolve
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts.models import User
from portfolio.models import Portfolio
from tests.accounts.mails import SMTP
from tests.accounts.passwords import logged_in, with_password
from tests.answers import assert_problem
from tests.factories import (
    CorporateActionFactory,
    InstrumentFactory,
    InvitationFactory,
    LoginSessionFactory,
    PortfolioFactory,
    QuarantineFactory,
    UserFactory,
    WatchlistFactory,
    WatchlistItemFactory,
)
from tests.hostile import BODIES, NEVER, PACKINGS, SERVERS_OWN, TYPES, WRONG
from tests.hostile_people import FACTS, LEAVING, PEOPLE
from tests.models import everything
from tests.test_endpoint_matrix import served

OF_AN_INSTRUMENT = {
    **dict.fromkeys(("company_name", "asset_class", "exchange", "calendar", "currency", "time_zone"), "text"),
    **dict.fromkeys(("sector", "industry"), "text"),
    **dict.fromkeys(("market_cap", "tick_size", "quantity_step", "lot_size", "multiplier"), "number"),
    "is_active": "flag",
}
# name: method, path, list that must still answer, a body that is good, what may hold what
ENDPOINTS: dict[str, tuple[str, str, str, dict[str, Any], dict[str, str]]] = {
    "new instrument": (
        "post",
        "metadata",
        "metadata",
        {"symbol": "NEW"},
        {"symbol": "text", **OF_AN_INSTRUMENT},
    ),
    "instrument": (
        "patch",
        "metadata/SPY",
        "metadata",
        {"sector": "Funds"},
        OF_AN_INSTRUMENT,
    ),
    "new corporate action": (
        "post",
        "corporate-actions",
        "corporate-actions",
        {"symbol": "SPY", "kind": "dividend", "ex_date": "2020-08-31", "amount": "0.5"},
        {
            "symbol": "text",
            "kind": "text",
            "ex_date": "date",
            "amount": "number",
            "currency": "text",
            "pay_date": "date",
            "known_at": "moment",
            "source": "text",
            "ratio": "text",
            "number": "count",
        },
    ),
    "corporate action to take back": (
        "post",
        "corporate-actions/{corporate_action}/retract",
        "corporate-actions",
        {"reason": "it never was"},
        {"reason": "text"},
    ),
    "quarantine to accept": (
        "post",
        "quarantines/{quarantine}/accept",
        "quarantines",
        {"note": "a real crash"},
        {"note": "text"},
    ),
    "bars of ticks": (
        "post",
        "ticks/bars",
        "ticks",
        {"symbols": ["SPY"], "timeframe": "1m", "start": "2020-01-02", "end": "2020-01-03"},
        {"symbols": "symbols", "timeframe": "text", "start": "span", "end": "span"},
    ),
    "new portfolio": (
        "post",
        "portfolios",
        "portfolios",
        {"name": "New"},
        {"name": "text", "base_currency": "text", "kind": "text", "cost_method": "text", "calendar": "text"},
    ),
    "portfolio": (
        "patch",
        "portfolios/{portfolio}",
        "portfolios",
        {"name": "X"},
        {"name": "text", "cost_method": "text"},
    ),
    "new watchlist": ("post", "watchlists", "watchlists", {"name": "New"}, {"name": "text", "portfolio": "id"}),
    "watchlist": ("patch", "watchlists/{watchlist}", "watchlists", {"name": "X"}, {"name": "text"}),
    "watchlist item": (
        "post",
        "watchlists/{watchlist}/items",
        "watchlists/{watchlist}/items",
        {"symbol": "SPY"},
        {"symbol": "text"},
    ),
    "new signal": (
        "post",
        "signals",
        "signals",
        {"symbol": "SPY", "date": "2020-01-02", "signal_type": "BUY"},
        {
            "symbol": "text",
            "portfolio": "id",
            "date": "date",
            "generated_at": "moment",
            "signal_type": "text",
            "timeframe": "text",
            "signal_value": "number",
            "confidence": "number",
            "entry_price": "number",
            "target_price": "number",
            "stop_loss": "number",
            "regime": "text",
            "reasons": "texts",
        },
    ),
    "user to deactivate": (
        "post",
        "users/{user}/deactivate",
        "users",
        {"reason": "left"},
        {"hand_over_to": "id", "reason": "text"},
    ),
    "user to reactivate": ("post", "users/{user}/reactivate", "users", {}, {}),
    "log-in": (
        "post",
        "auth/token",
        "auth/logins",
        {"username": "owner", "password": "a long password 1"},
        {"username": "text", "password": "secret", "otp": "code"},
    ),
    "log-in of a browser": (
        "post",
        "auth/login",
        "auth/logins",
        {"username": "owner", "password": "a long password 1"},
        {"username": "text", "password": "secret", "otp": "code"},
    ),
    "log-in to end": ("post", "auth/logins/{login}/end", "auth/logins", {}, {}),
    "registration": (
        "post",
        "auth/register",
        "invitations",
        {"username": "ann", "email": "ann@example.com", "password": "a long password 1"},
        {"username": "text", "email": "text", "password": "secret", "invitation": "text"},
    ),
    "forgotten password": (
        "post",
        "auth/password/reset",
        "invitations",
        {"email": "owner@example.com"},
        {"email": "text"},
    ),
    "new invitation": (
        "post",
        "invitations",
        "invitations",
        {"email": "ann@example.com"},
        {"email": "text", "roles": "texts"},
    ),
    "invitation to revoke": ("post", "invitations/{invitation}/revoke", "invitations", {}, {}),
    "key to revoke": ("post", "api-keys/{key}/revoke", "api-keys", {}, {}),
}

ALL = ENDPOINTS | PEOPLE
# Taken by tests/test_hostile_bulk.py, whose bodies are rows; and what has no body at all.
BULK = {("bars", "post"), ("ticks-list", "post")}
NO_BODY = {("watchlists-detail", "delete"), ("watchlists-item", "delete")}


@dataclass(frozen=True, slots=True)
class Site:
    """Calls endpoints as somebody who may, and checks that their lists still answer."""

    with_key: APIClient
    logged_in: APIClient
    facts: dict[str, Any]

    def good(self, endpoint: str) -> dict[str, Any]:
        """A body that is taken."""
        return {
            name: value.format(**self.facts) if isinstance(value, str) else value
            for name, value in ALL[endpoint][3].items()
        }

    def with_field(self, endpoint: str, field: str, value: bytes) -> bytes:
        """The good body with one field as it stands, unparsed; `a.b` is the field b of a."""
        field, _, inner = field.partition(".")
        if inner:
            value = b'{"' + inner.encode() + b'": ' + value + b"}"
        good = {name: held for name, held in self.good(endpoint).items() if name != field}
        rest = orjson.dumps(good)[1:]
        return b'{"' + field.encode() + b'": ' + value + (b"," if good else b"") + rest

    def call(self, endpoint: str, body: bytes, content_type: str = "application/json", **headers: str) -> Any:
        method, path, listed, _, _ = ALL[endpoint]
        api = self.logged_in if endpoint in PEOPLE else self.with_key
        answer = api.generic(
            method.upper(),
            f"/api/v1/{path.format(**self.facts)}",
            body,  # type: ignore[arg-type]  # Django takes bytes
            content_type=content_type,
            headers=headers,
        )
        if answer.status_code >= 400 or endpoint not in ("key to revoke", *LEAVING):
            assert api.get(f"/api/v1/{listed.format(**self.facts)}").status_code == 200
        return answer


@pytest.fixture
def site(
    db: None, owner: User, api_of: Callable[[User], APIClient], settings: Any, request: pytest.FixtureRequest
) -> Site:
    settings.REGISTRATION = "open"
    settings.EMAIL_BACKEND = SMTP
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    owner.groups.add(*Group.objects.filter(name__in=("admin", "analyst")))
    owner = with_password(User.objects.get(pk=owner.pk))
    InstrumentFactory.create(symbol="SPY")
    with_key = api_of(owner)
    person = logged_in(owner)
    facts: dict[str, Any] = {
        "portfolio": PortfolioFactory.create(owner=owner).pk,
        "watchlist": WatchlistFactory.create(owner=owner).pk,
        "key": owner.api_keys.get().pk,
        "login": LoginSessionFactory.create(user=owner).pk,
        "user": UserFactory.create().pk,
        "invitation": InvitationFactory.create(owner=owner).pk,
        "corporate_action": CorporateActionFactory.create().pk,
        "quarantine": QuarantineFactory.create().pk,
    }
    endpoint = request.node.callspec.params.get("endpoint") if hasattr(request.node, "callspec") else None
    for value in ALL[endpoint][3].values() if endpoint else ():
        if isinstance(value, str) and value.startswith("{"):
            facts[value[1:-1]] = FACTS[value[1:-1]](owner)
    return Site(with_key, person, facts)


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The API as it describes itself."""
    described: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return described


def test_no_route_that_writes_is_missing_here() -> None:
    known = {
        (resolve(f"/api/v1/{re.sub(r'{.*?}', '1', path)}/").url_name, method) for method, path, _, _, _ in ALL.values()
    }
    writing = {(route, method) for route, method in served(get_resolver().url_patterns) if method != "get"}
    assert known | BULK | NO_BODY == writing


@pytest.mark.parametrize("endpoint", ALL)
def test_no_field_of_a_body_is_missing_here(endpoint: str) -> None:
    method, path, _, _, fields = ALL[endpoint]
    template = re.sub(r"{.*?}|SPY", "{}", f"/api/v1/{path}/")
    (described,) = (
        operations[method]
        for at, operations in schema()["paths"].items()
        if re.sub(r"{.*?}", "{}", at) == template and method in operations
    )
    if "requestBody" not in described:
        assert fields == {}
        return
    name = described["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert {field for field in fields if "." not in field} == set(schema()["components"]["schemas"][name]["properties"])


@pytest.mark.parametrize("endpoint", ALL)
def test_the_good_bodies_are_good(site: Site, endpoint: str) -> None:
    answer = site.call(endpoint, orjson.dumps(site.good(endpoint)))
    assert answer.status_code in (200, 201, 202, 204), answer.content


@pytest.mark.parametrize("endpoint", ALL)
def test_bodies_that_are_none_are_refused(site: Site, endpoint: str) -> None:
    before = everything()
    for name, body in BODIES.items():
        if " to " in endpoint and name == "nothing":
            continue
        answer = site.call(endpoint, body)
        assert 400 <= answer.status_code < 500, (name, answer.content[:300])
        assert_problem(answer, 413 if name == "too large" else 400)
    assert everything() == before


@pytest.mark.parametrize("endpoint", ALL)
def test_other_kinds_of_body_are_refused(site: Site, endpoint: str) -> None:
    before = everything()
    body = orjson.dumps(site.good(endpoint))
    for name, content_type in TYPES.items():
        answer = site.call(endpoint, body, content_type)
        assert_problem(answer, answer.status_code)
        assert answer.status_code in (400, 415), name
    assert everything() == before


@pytest.mark.parametrize("endpoint", ALL)
def test_a_packed_body_is_refused_and_not_unpacked(site: Site, endpoint: str) -> None:
    before = everything()
    for packing, body in PACKINGS.items():
        assert_problem(site.call(endpoint, body, **{"Content-Encoding": packing}), 415)
    assert everything() == before


@pytest.mark.parametrize(
    ("endpoint", "field"), [(name, field) for name, (_, _, _, _, fields) in ALL.items() for field in fields]
)
def test_values_that_are_none_are_refused(site: Site, endpoint: str, field: str) -> None:
    before = everything()
    kind = ALL[endpoint][4][field]
    for value in NEVER + WRONG[kind]:
        if kind == "on or off" and value == b"{}":
            continue
        answer = site.call(endpoint, site.with_field(endpoint, field, value))
        assert 400 <= answer.status_code < 500, (value[:80], answer.content[:300])
        assert_problem(answer, answer.status_code)
    assert everything() == before


@pytest.mark.parametrize("endpoint", ALL)
def test_what_the_server_keeps_for_itself_can_not_be_set(site: Site, endpoint: str) -> None:
    before = everything()
    for field in SERVERS_OWN:
        assert_problem(site.call(endpoint, site.with_field(endpoint, field, b"1")), 400, field=field)
    assert everything() == before


@pytest.mark.parametrize("path", ["watchlists/{watchlist}", "watchlists/{watchlist}/items/SPY"])
@pytest.mark.parametrize("name", BODIES)
def test_a_body_of_a_delete_decides_nothing(site: Site, path: str, name: str) -> None:
    WatchlistItemFactory.create(watchlist_id=site.facts["watchlist"], symbol="SPY")
    answer = site.with_key.generic(
        "DELETE",
        f"/api/v1/{path.format(**site.facts)}",
        BODIES[name],  # type: ignore[arg-type]  # Django takes bytes
        content_type="application/json",
    )
    assert answer.status_code == 204


def test_a_name_that_folds_into_many_characters_is_a_name(site: Site) -> None:
    name = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 100
    assert site.call("new portfolio", orjson.dumps({"name": name})).status_code == 201
    assert Portfolio.objects.filter(name=name).exists()


@pytest.mark.parametrize(
    "query",
    [
        "limit=\u0663",
        "limit=1e400",
        "limit=" + "9" * 5000,
        "cursor=" + "A" * 5000,
        "cursor=%ED%A0%80",
        "format=" + "x" * 5000,
        "symbol=" + "X" * 5000,
        "symbol[]=SPY",
        "start=0001-01-01T00:00:00%2B14:00",
        "search=%25&search=_",
        "symbol=%25",
        "symbol=%25s%25(x)s",
        "start=%25d",
    ],
)
@pytest.mark.parametrize(
    "path", ["metadata", "daily-data", "intraday-data", "signals", "portfolios", "watchlists", "audit-logs"]
)
def test_hostile_queries_are_refused(owner_api: APIClient, path: str, query: str) -> None:
    assert_problem(owner_api.get(f"/api/v1/{path}?{query}"), 400)
