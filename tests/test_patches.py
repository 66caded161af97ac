"""PATCH of every field that any model has, by every route that takes one: only what is writable moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import get_resolver
from rest_framework.test import APIClient

from accounts.models import ApiKey, User, UserSettings
from marketdata.models import Instrument
from portfolio.models import Portfolio, Watchlist
from tests.accounts.passwords import logged_in, with_password
from tests.answers import assert_problem
from tests.factories import InstrumentFactory, PortfolioFactory, WatchlistFactory
from tests.models import everything, our_models
from tests.test_endpoint_matrix import served

# Said of rows that are to come, or of accounts elsewhere.
MORE = {
    *("pk", "role", "roles", "approved_by", "cash", "balance", "equity", "members", "groups", "user_permissions"),
    *("is_staff", "is_superuser", "sees_everything", "permissions", "digest", "key", "secret", "__class__", "_state"),
}
FIELDS = sorted(
    MORE
    | {
        name
        for model in our_models()
        for field in model._meta.get_fields()
        for name in (field.name, getattr(field, "attname", field.name))
    }
)


@dataclass(frozen=True, slots=True)
class Patch:
    """A route: its path, whose row it changes, and what may be sent, with the column that moves by it."""

    path: str
    model: Any
    writable: dict[str, Any]


PATCHES = {
    "metadata-detail": Patch(
        "metadata/SPY",
        Instrument,
        {
            "company_name": "X",
            "asset_class": "etf",
            "exchange": "X",
            "calendar": "24/7",
            "currency": "EUR",
            "time_zone": "UTC",
            "sector": "X",
            "industry": "X",
            "market_cap": "5",
            "tick_size": "0.5",
            "quantity_step": "0.5",
            "lot_size": "5",
            "multiplier": "5",
            "is_active": False,
        },
    ),
    "portfolios-detail": Patch("portfolios/{portfolio}", Portfolio, {"name": "X", "cost_method": "fifo"}),
    "watchlists-detail": Patch("watchlists/{watchlist}", Watchlist, {"name": "X"}),
    "api-keys-detail": Patch("api-keys/{key}", ApiKey, {"name": "X"}),
    "auth-me": Patch("auth/me", User, {"first_name": "X", "last_name": "X"}),
    "auth-settings": Patch(
        "auth/settings",
        UserSettings,
        {
            "time_zone": "Europe/Paris",
            "theme": "dark",
            "default_portfolio": "{portfolio}",
            "notifications": {"key_expiry": False},
        },
    ),
}
#: What moves along with the column itself.
BESIDE = {"name": {"name_key"}}


@dataclass(frozen=True, slots=True)
class Mighty:
    """Somebody who may do everything, logged in; and the rows that the paths name."""

    api: APIClient
    ids: dict[str, int]

    def patch(self, route: str, body: dict[str, Any]) -> Any:
        return self.api.patch(f"/api/v1/{PATCHES[route].path.format(**self.ids)}/", body)

    def value(self, route: str, field: str) -> Any:
        value = PATCHES[route].writable[field]
        return self.ids["portfolio"] if value == "{portfolio}" else value


@pytest.fixture
def mighty(owner: User, api_of: Callable[[User], APIClient]) -> Mighty:
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    owner = with_password(User.objects.get(pk=owner.pk))
    InstrumentFactory.create(symbol="SPY")
    api_of(owner)
    ids = {
        "portfolio": PortfolioFactory.create(owner=owner).pk,
        "watchlist": WatchlistFactory.create(owner=owner).pk,
        "key": owner.api_keys.get().pk,
    }
    api = logged_in(owner)
    # The row of somebody's settings is made when they first change them.
    assert api.patch("/api/v1/auth/settings/", {"theme": "light"}).status_code == 200
    return Mighty(api, ids)


def row_of(model: Any) -> dict[str, Any]:
    """The one row of the model, or the owner's."""
    rows: Any = model._base_manager
    found: dict[str, Any] = rows.filter(**({"username": "owner"} if model is User else {})).values().get()
    return found


def test_no_route_that_patches_is_missing_here() -> None:
    assert set(PATCHES) == {
        route for route, method in served(get_resolver().url_patterns) if method in ("patch", "put")
    }


@pytest.mark.parametrize("route", PATCHES)
def test_a_field_that_is_not_writable_is_refused_by_its_name_and_nothing_moves(mighty: Mighty, route: str) -> None:
    field, *_ = PATCHES[route].writable
    before = everything()
    for name in set(FIELDS) - set(PATCHES[route].writable):
        for body in ({name: 1}, {name: mighty.ids["portfolio"], field: mighty.value(route, field)}):
            problem = assert_problem(mighty.patch(route, body), 400, field=name)
            assert [wrong["code"] for wrong in problem["errors"]] == ["unknown_field"]
    assert everything() == before


@pytest.mark.parametrize(
    ("route", "field"), [(route, field) for route, patch in PATCHES.items() for field in patch.writable]
)
def test_a_writable_field_moves_and_no_other(mighty: Mighty, route: str, field: str) -> None:
    model = PATCHES[route].model
    before = row_of(model)
    answer = mighty.patch(route, {field: mighty.value(route, field)})
    assert answer.status_code == 200, answer.content
    after = row_of(model)
    moved = {name for name in after if after[name] != before[name]} - {"updated_at", "last_used_at"}
    column = model._meta.get_field(field).attname
    assert column in moved
    assert moved <= {column} | BESIDE.get(field, set())
