"""Hostile bodies against every endpoint that takes one: always a 4xx problem, and the list still answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from rest_framework.test import APIClient

from accounts.models import User
from portfolio.models import Portfolio
from tests.answers import assert_problem
from tests.factories import (
    CorporateActionFactory,
    InstrumentFactory,
    InvitationFactory,
    LoginSessionFactory,
    PortfolioFactory,
    UserFactory,
    WatchlistFactory,
)
from tests.test_endpoint_matrix import everything

# name: method, path, list that must still answer, a body that is good, what may hold what
ENDPOINTS: dict[str, tuple[str, str, str, dict[str, Any], dict[str, str]]] = {
    "new instrument": (
        "post",
        "metadata",
        "metadata",
        {"symbol": "NEW"},
        {"symbol": "text", "company_name": "text", "tick_size": "number", "market_cap": "number", "is_active": "flag"},
    ),
    "instrument": (
        "patch",
        "metadata/SPY",
        "metadata",
        {"sector": "Funds"},
        {"company_name": "text", "currency": "text", "lot_size": "number", "is_active": "flag", "asset_class": "text"},
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
        },
    ),
    "corporate action to take back": (
        "post",
        "corporate-actions/{corporate_action}/retract",
        "corporate-actions",
        {"reason": "it never was"},
        {"reason": "text"},
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

# What stands for no value of any kind, as it is written in JSON.
NEVER = [
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e400",
    b"9" * 5000,
    b'"\\u0000"',
    b'"\\ud800"',
    b"[" * 100_000,
    b'{"a":' * 30 + b"1" + b"}" * 30,
    b'{"a": 1, "a": 2}',
    b"{}",
    b'{"$ne": null}',
    b"[[]]",
    b'"\x00"',
    b'"\xff"',
    "\u0663".encode(),
]
# What stands for no value of this kind.
WRONG: dict[str, list[bytes]] = {
    "text": [
        b"1",
        b"1.5",
        b"true",
        b"[]",
        b'["SPY"]',
        b"null",
        b'"a\\nb"',
        b'"a\\u0007b"',
        b'"' + b"x" * 10_000 + b'"',
    ],
    # Taken as it is, blanks and all.
    "secret": [b"1", b"1.5", b"true", b"[]", b'["x"]', b"null", b'""', b'"' + b"x" * 10_000 + b'"'],
    "code": [b"1", b"1.5", b"true", b"[]", b'["x"]', b"null", b'"' + b"x" * 10_000 + b'"'],
    "number": [
        b'"NaN"',
        b'"1e400"',
        b'"1_000"',
        b'" 1"',
        b'"0x10"',
        b'"\\u0663"',
        b"true",
        b"[]",
        b'""',
        b"9223372036854775808",
        b"0.123456789",
        b"123456789.12345678",
        b'"1e-999999999"',
        b'"' + b"9" * 5000 + b'"',
    ],
    "id": [b'"1"', b"0", b"-1", b"1.0", b"true", b"9223372036854775808", b"9223372036854775807", b"[1]", b'"\\u0661"'],
    "date": [
        b"20200102",
        b'"20200102"',
        b'"2020-13-01"',
        b'"2020-02-30"',
        b'"0001-01-01"',
        b'"9999-12-31"',
        b'"2020-01-02T00:00:00Z"',
        b'"\\u0662\\u0660\\u0662\\u0660-01-02"',
        b'""',
        b"null",
        b"true",
    ],
    "moment": [
        b'"2020-01-02T10:00:00"',
        b"1577836800",
        b'"now"',
        b'"0001-01-01T00:00:00Z"',
        b'"0001-01-01T00:00:00+14:00"',
        b'"9999-12-31T23:59:59-14:00"',
        b'"2020-01-02T25:00:00Z"',
        b'"2100-01-01T00:00:00Z"',
        b"null",
    ],
    "flag": [b'"true"', b"1", b"0", b'"yes"', b"null", b"[]"],
    "texts": [b'"one"', b"[1]", b"[null]", b"[[]]", b'[""]', b"[" + b'"x",' * 51 + b'"x"]', b"null", b'{"0": "x"}'],
}

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b"symbol=SPY",
    "half": b'{"symbol": ',
    "a list": b"[]",
    "a list of lists": b"[" * 15 + b"]" * 15,
    "a number": b"1",
    "null": b"null",
    "a text": b'"SPY"',
    "unknown": b'{"unknown": 1}',
    "twice": b'{"name": "a", "name": "b"}',
    "deep": b'{"a":' * 100_000,
    "another encoding": '{"name": "x"}'.encode("utf-16"),
    "a BOM": b'\xef\xbb\xbf{"name": "x"}',
    "NUL as a key": b'{"\\u0000": 1}',
    "a surrogate as a key": b'{"\\udfff": 1}',
    "an endless text": b'{"name": "' + b"x" * 1_000_000,
    "too large": b'{"name": "' + b"x" * (5 * 1024 * 1024) + b'"}',
}
TYPES = {
    "latin-1": "application/json; charset=latin-1",
    "nonsense": "application/json; charset=nonsense",
    "UTF-7": "application/json; charset=utf-7",
    "text": "text/plain",
    "a form": "application/x-www-form-urlencoded",
    "a multipart form": "multipart/form-data; boundary=x",
    "no type at all": "",
    "XML": "application/xml",
}
# What the server keeps for itself; no body may name it.
SERVERS_OWN = [
    "id",
    "pk",
    "owner",
    "owner_id",
    "user",
    "name_key",
    "created_at",
    "status",
    "role",
    "is_superuser",
    "cash",
    "digest",
]


@pytest.fixture
def call(db: None, owner: User, api_of: Callable[[User], APIClient], settings: Any) -> Callable[..., Any]:
    """Calls an endpoint as somebody who may, and checks that its list still answers."""
    settings.REGISTRATION = "open"
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    owner.groups.add(*_groups("admin", "analyst"))
    owner.set_password("a long password 1")
    owner.save()
    InstrumentFactory.create(symbol="SPY")
    api = api_of(owner)
    key = owner.api_keys.get()
    ids = {
        "portfolio": PortfolioFactory.create(owner=owner).pk,
        "watchlist": WatchlistFactory.create(owner=owner).pk,
        "key": key.pk,
        "login": LoginSessionFactory.create(user=owner).pk,
        "user": UserFactory.create().pk,
        "invitation": InvitationFactory.create(owner=owner).pk,
        "corporate_action": CorporateActionFactory.create().pk,
    }

    def make(endpoint: str, body: bytes, content_type: str = "application/json") -> Any:
        method, path, listed, _, _ = ENDPOINTS[endpoint]
        answer = getattr(api, method)(f"/api/v1/{path.format(**ids)}", body, content_type=content_type)
        if "revoke" not in path or answer.status_code != 200:
            assert api.get(f"/api/v1/{listed.format(**ids)}").status_code == 200
        return answer

    return make


def _groups(*names: str) -> Any:
    from django.contrib.auth.models import Group

    return Group.objects.filter(name__in=names)


def body_with(endpoint: str, field: str, value: bytes) -> bytes:
    """The endpoint's good body with one field as it stands, unparsed."""
    good = {name: held for name, held in ENDPOINTS[endpoint][3].items() if name != field}
    rest = orjson.dumps(good)[1:]
    return b'{"' + field.encode() + b'": ' + value + (b"," if good else b"") + rest


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_the_good_bodies_are_good(call: Callable[..., Any], endpoint: str) -> None:
    assert call(endpoint, orjson.dumps(ENDPOINTS[endpoint][3])).status_code in (200, 201, 202)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_bodies_that_are_none_are_refused(call: Callable[..., Any], endpoint: str) -> None:
    before = everything()
    for name, body in BODIES.items():
        if " to " in endpoint and name == "nothing":
            continue
        answer = call(endpoint, body)
        assert 400 <= answer.status_code < 500, (name, answer.content[:300])
        assert_problem(answer, 413 if name == "too large" else 400)
    assert everything() == before


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_other_kinds_of_body_are_refused(call: Callable[..., Any], endpoint: str) -> None:
    before = everything()
    body = orjson.dumps(ENDPOINTS[endpoint][3])
    for name, content_type in TYPES.items():
        answer = call(endpoint, body, content_type)
        assert_problem(answer, answer.status_code)
        assert answer.status_code in (400, 415), name
    assert everything() == before


@pytest.mark.parametrize(
    ("endpoint", "field"), [(name, field) for name, (_, _, _, _, fields) in ENDPOINTS.items() for field in fields]
)
def test_values_that_are_none_are_refused(call: Callable[..., Any], endpoint: str, field: str) -> None:
    before = everything()
    kind = ENDPOINTS[endpoint][4][field]
    for value in NEVER + WRONG[kind]:
        answer = call(endpoint, body_with(endpoint, field, value))
        assert 400 <= answer.status_code < 500, (value[:80], answer.content[:300])
        assert_problem(answer, answer.status_code)
    assert everything() == before


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_the_server_keeps_for_itself_can_not_be_set(call: Callable[..., Any], endpoint: str) -> None:
    before = everything()
    for field in SERVERS_OWN:
        assert_problem(call(endpoint, body_with(endpoint, field, b"1")), 400, field=field)
    assert everything() == before


def test_a_name_that_folds_into_many_characters_is_a_name(call: Callable[..., Any]) -> None:
    name = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 100
    assert call("new portfolio", orjson.dumps({"name": name})).status_code == 201
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
