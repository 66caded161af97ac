"""Another user's id in a body, a filter, an export: the answer of an id that does not exist, and nothing changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import django_filters
import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from rest_framework.test import APIClient

from accounts.models import Role, User
from accounts.services.api_keys import create_api_key
from accounts.services.key_limits import KeyLimits
from systemevents.models import AuditLog
from tests.accounts.passwords import logged_in, with_password
from tests.answers import assert_problem, assert_same_answer, results
from tests.factories import (
    InstrumentFactory,
    LoginSessionFactory,
    PortfolioCashFactory,
    PortfolioFactory,
    PortfolioPositionFactory,
    SignalFactory,
    SystemEventFactory,
    UserFactory,
    WatchlistFactory,
    WatchlistItemFactory,
)
from tests.models import everything, our_models
from tests.test_endpoint_matrix import MATRIX, NEW_BAR, NEW_TICK
from tests.test_hostile_input import schema
from tradingsite.core.actor import Actor
from tradingsite.core.api.filters import DayFilter, FlagFilter, IdFilter, MomentFilter
from tradingsite.core.api.serializers import MAX_ID, IdField, StrictSerializer
from tradingsite.core.visibility import EverybodysQuerySet, StaffQuerySet

# Every id that a body may hold, with a name of `Party.names`.
REFERENCES: dict[tuple[str, str, str], str] = {
    ("watchlists-list", "post", "portfolio"): "portfolio",
    ("signals-list", "post", "portfolio"): "portfolio",
    ("api-keys-list", "post", "portfolio"): "portfolio",
    ("auth-settings", "patch", "default_portfolio"): "portfolio",
    ("users-deactivate", "post", "hand_over_to"): "hand_over_to",
}
# Whole numbers of a body that count something.
COUNTS = {("api-keys-rotate", "post", "overlap_hours"), ("corporate-actions-list", "post", "number")}
# What names no row: one of a few words, a flag, a time.
NO_NAMES = (django_filters.ChoiceFilter, FlagFilter, DayFilter, MomentFilter)


@dataclass(frozen=True, slots=True)
class Party:
    """One user's rows: their ids as the matrix's paths name them, and what a filter or a body says to mean them."""

    ids: dict[str, int]
    names: dict[str, Any]

    def path(self, route: str, method: str) -> str:
        template = next(path for name, verb, path, *_ in MATRIX if (name, verb) == (route, method))
        return f"/api/{template.format(**self.ids)}"


# What nobody has.
MISSING: dict[str, Any] = {
    "name": "Nothing",
    "symbol": "NONE",
    "symbols": "NONE,NONE2",
    "currency": "JPY",
    **dict.fromkeys(("owner", "user", "username", "actor", "role", "source"), "nobody"),
    "portfolio": 10**9,
    "hand_over_to": 10**9,
    "object_id": str(10**9),
    "address": "203.0.113.99",
    "key_id": "z" * 16,
    "action": "nothing.done",
    "object_type": "nothing",
    "event_type": "nothing.happened",
    "request_id": "f" * 32,
}


def party(user: User, word: str, number: int) -> Party:
    """Rows of every kind of the user's, told from all other users' by the word and the number."""
    name, symbol, currency = f"{word} rows", word.upper(), ("USD", "CHF")[number]
    portfolio = PortfolioFactory.create(owner=user, name=name)
    PortfolioCashFactory.create(portfolio=portfolio, currency=currency)
    PortfolioPositionFactory.create(portfolio=portfolio, symbol=symbol)
    watchlist = WatchlistFactory.create(owner=user, name=name, portfolio=portfolio)
    WatchlistItemFactory.create(watchlist=watchlist, symbol=symbol)
    SignalFactory.create(owner=user, symbol=symbol, portfolio=portfolio)
    LoginSessionFactory.create(user=user)
    event = SystemEventFactory.create(event_type=f"{word}.happened", source=word)
    entry = AuditLog.objects.create(
        actor=user,
        actor_label=user.username,
        front="api",
        action=f"{word}.done",
        object_type=f"{word}_rows",
        object_id=str(portfolio.pk),
        key_id=word[0] * 16,
        request_id=word[0] * 32,
        address=f"203.0.113.{number + 1}",
    )
    create_api_key(actor=Actor.system("tests"), owner=user, name=name)
    return Party(
        {"portfolio": portfolio.pk, "watchlist": watchlist.pk, "user": user.pk},
        {
            "name": name,
            "symbol": symbol,
            "symbols": f"{symbol},NONE",
            "currency": currency,
            **dict.fromkeys(("owner", "user", "username", "actor"), user.username),
            "portfolio": portfolio.pk,
            "hand_over_to": user.pk,
            "role": word,
            "event_type": event.event_type,
            "source": event.source,
            "address": entry.address,
            **{name: getattr(entry, name) for name in ("key_id", "action", "object_type", "object_id", "request_id")},
        },
    )


@dataclass(frozen=True, slots=True)
class Walk:
    """Somebody logged in who may ask everything and sees their own rows only; beside them, somebody else."""

    api: APIClient
    own: Party
    foreign: Party


@pytest.fixture
def walk(db: None) -> Walk:
    for symbol in ("SPY", "ABLE", "BAKER"):
        InstrumentFactory.create(symbol=symbol)
    users = [UserFactory.create(username=f"{word}-user") for word in ("able", "baker")]
    for user, word in zip(users, ("able", "baker"), strict=True):
        user.groups.add(Group.objects.create(name=word))
    user, other = users
    user.groups.add(*Group.objects.filter(name__in=("trader", "analyst")))
    seeing = Permission.objects.filter(codename__in=("view_user", "change_user", "view_systemevent"))
    user.user_permissions.set(seeing)
    able, baker = party(user, "able", 0), party(other, "baker", 1)
    return Walk(logged_in(with_password(User.objects.get(pk=user.pk))), able, baker)


# Bodies


@pytest.mark.parametrize(("route", "method", "field"), sorted(REFERENCES))
def test_a_foreign_id_in_a_body_is_a_missing_one(walk: Walk, route: str, method: str, field: str) -> None:
    name = REFERENCES[route, method, field]
    good = next(body for known, verb, _, body, _ in MATRIX if (known, verb) == (route, method))

    def send(pk: int) -> Any:
        return getattr(walk.api, method)(walk.own.path(route, method), {**good, field: pk})

    before = everything()
    foreign, missing = send(walk.foreign.names[name]), send(MISSING[name])
    assert_same_answer(foreign, missing)
    assert_problem(foreign, 404, "not_found", field=field)
    assert everything() == before
    # One's own is found. Nobody shuts themselves out.
    assert send(walk.own.names[name]).status_code == (409 if field == "hand_over_to" else 200 + (method == "post"))


@pytest.mark.parametrize("route", ["watchlists-list", "signals-list"])
def test_another_portfolio_of_its_owners_is_a_missing_one_to_a_bound_key(walk: Walk, route: str) -> None:
    user = User.objects.get(pk=walk.own.ids["user"])
    other = PortfolioFactory.create(owner=user)
    WatchlistFactory.create(owner=user, portfolio=other)
    SignalFactory.create(owner=user, portfolio=other)
    limits = KeyLimits(portfolio=walk.own.ids["portfolio"])
    key = create_api_key(actor=Actor.system("tests"), owner=user, name="bound", limits=limits)
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")
    path = walk.own.path(route, "get")
    good = next(body for name, verb, _, body, _ in MATRIX if (name, verb) == (route, "post"))
    before = everything()
    listed = [api.get(path, {"portfolio": pk}) for pk in (other.pk, MISSING["portfolio"])]
    assert results(listed[0]) == []
    assert_same_answer(*listed)
    posted = [api.post(path, {**good, "portfolio": pk}) for pk in (other.pk, MISSING["portfolio"])]
    assert_problem(posted[0], 404, "not_found", field="portfolio")
    assert_same_answer(*posted)
    assert everything() == before
    own = walk.own.ids["portfolio"]
    assert len(results(api.get(path, {"portfolio": own}))) == 1
    assert api.post(path, {**good, "portfolio": own}).status_code == 201


@pytest.mark.parametrize(
    ("path", "rows", "good"),
    [("bars/?timeframe=1d&", "bars", NEW_BAR), ("ticks/?", "ticks", NEW_TICK)],
    ids=["bars", "ticks"],
)
@pytest.mark.parametrize("column", ["id", "owner", "portfolio", "batch", "instrument", "instrument_id"])
def test_a_foreign_id_in_rows_in_bulk_is_a_missing_one(
    walk: Walk, path: str, rows: str, good: dict[str, Any], column: str
) -> None:
    def send(more: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        answer = walk.api.post(f"/api/v1/{path}on_error=abort", {rows: [{**good, **more}]})
        told = answer.json()
        # Each load has a record of its own.
        return answer.status_code, {key: told[key] for key in told if key not in ("batch", "request_id")}

    assert send({})[1]["inserted"] == 1
    before = everything()
    answers = [send({column: pk}) for pk in (walk.foreign.names["portfolio"], MISSING["portfolio"])]
    assert answers[0] == answers[1]
    after = everything()
    records = {"ingest_batches", "audit_logs", "outbox"}
    assert {table for table in after if after[table] != before[table]} <= records


def id_fields() -> Iterator[tuple[str, str, str, bool, str]]:
    """Each whole number in the body of each operation: route, method, field, whether it is an id."""
    for at, operations in schema()["paths"].items():
        for method, operation in operations.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            for field, described in properties(body):
                route = resolve(re.sub(r"{.*?}", "1", at)).url_name
                assert route is not None
                whole = "integer" in described.get("type", ())
                yield route, method, field, whole, str(described.get("maximum"))


def properties(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All properties of a schema, and of what is inside it."""
    if "$ref" in described:
        described = schema()["components"]["schemas"][described["$ref"].rpartition("/")[2]]
    for inner in described.get("allOf", ()):
        yield from properties(inner)
    if "items" in described:
        yield from properties(described["items"])
    for name, inner in described.get("properties", {}).items():
        yield name, inner
        yield from properties(inner)


def test_no_id_of_a_body_is_missing_here() -> None:
    fields = list(id_fields())
    ids = {(route, method, field) for route, method, field, _, most in fields if most == str(MAX_ID)}
    assert ids == set(REFERENCES)
    assert {(route, method, field) for route, method, field, whole, _ in fields if whole} - ids == COUNTS
    # A relation is named by an id, and by nothing that no test here would send.
    relations = {field.name for model in our_models() for field in model._meta.concrete_fields if field.is_relation}
    assert {(route, method, field) for route, method, field, *_ in fields if field in relations} <= ids
    in_code = {name for serializer in bodies(StrictSerializer) for name in ids_of(serializer)}
    assert in_code == {field for *_, field in REFERENCES}


def bodies(base: type[StrictSerializer]) -> Iterator[type[StrictSerializer]]:
    """All bodies that the code declares."""
    for serializer in base.__subclasses__():
        yield from bodies(serializer)
        if not serializer.__module__.startswith("tests."):
            yield serializer


def ids_of(serializer: type[StrictSerializer]) -> Iterator[str]:
    for name, field in serializer().fields.items():
        if isinstance(field, IdField) or isinstance(getattr(field, "child", None), IdField):
            yield name


# Filters


def filters(patterns: list[Any] | None = None) -> Iterator[tuple[str, Any, str, Any]]:
    """Each filter of each list: route, view, name, filter."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from filters(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            view: Any = getattr(pattern.callback, "cls", None)
            actions = getattr(pattern.callback, "actions", None) or {}
            if actions.get("get") == "list" and getattr(view, "filterset_class", None):
                for name, one in view.filterset_class.base_filters.items():
                    yield str(pattern.name), view, name, one


def naming() -> list[tuple[str, str]]:
    """Route and name of the filters that could name somebody's row."""
    return sorted(
        {
            (route, name)
            for route, view, name, one in filters()
            if not isinstance(one, NO_NAMES) and not is_everybodys(view.model)
        }
    )


def is_everybodys(model: Any) -> bool:
    """Whether all see the same rows."""
    return model is Role or isinstance(model._default_manager.all(), EverybodysQuerySet)


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize(("route", "name"), naming())
def test_a_foreign_name_in_a_filter_is_a_missing_one(walk: Walk, route: str, name: str, form: str) -> None:
    path = walk.own.path(route, "get")
    before = everything()
    foreign, missing = (
        walk.api.get(path, {name: value, "format": form}) for value in (walk.foreign.names[name], MISSING[name])
    )
    assert foreign.status_code == 200, foreign.content
    assert_same_answer(foreign, missing)
    assert walk.foreign.names["name"].encode() not in foreign.content
    if form == "json":
        assert results(foreign) == []
        # The same filter finds one's own rows, where one has any.
        model = next(view.model for known, view, *_ in filters() if known == route)
        staffs = isinstance(model._default_manager.all(), StaffQuerySet)
        assert bool(results(walk.api.get(path, {name: walk.own.names[name]}))) is not staffs
    assert everything() == before


def test_the_walk_comes_by_every_filter_of_an_id() -> None:
    ids = {(route, name) for route, _, name, one in filters() if isinstance(one, IdFilter)}
    assert {("watchlists-list", "portfolio"), ("signals-list", "portfolio")} <= ids <= set(naming())
    owners = {route for route, name in naming() if name in ("owner", "user", "username", "actor")}
    assert {"portfolios-list", "watchlists-list", "signals-list", "api-keys-list", "auth-logins-list"} <= owners
