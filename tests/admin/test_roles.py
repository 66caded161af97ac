"""Which role may open and post which page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client

from accounts.models import User
from tests.admin.conftest import World, pages, path_of
from tests.factories import UserFactory

LOOK, ADD, CHANGE, DELETE = "look", "add", "change", "delete"
ALL_READ = {"viewer": {LOOK}, "trader": {LOOK}, "analyst": {LOOK}, "admin": {LOOK}}

#: What each role may do in each table, with rows of its own; nothing where a role is not named.
MATRIX: dict[str, dict[str, set[str]]] = {
    "marketdata.instrument": {
        "viewer": {LOOK},
        "trader": {LOOK},
        "analyst": {LOOK, ADD, CHANGE},
        "admin": {LOOK, ADD, CHANGE},
    },
    "marketdata.dailybar": {
        "viewer": {LOOK},
        "trader": {LOOK},
        "analyst": {LOOK, ADD, CHANGE},
        "admin": {LOOK, ADD, CHANGE},
    },
    "marketdata.intradaybar": {
        "viewer": {LOOK},
        "trader": {LOOK},
        "analyst": {LOOK, ADD, CHANGE},
        "admin": {LOOK, ADD, CHANGE},
    },
    "marketdata.ingestbatch": {"analyst": {LOOK}, "admin": {LOOK}},
    "marketdata.corporateaction": {
        "viewer": {LOOK},
        "trader": {LOOK},
        "analyst": {LOOK, ADD},
        "admin": {LOOK, ADD},
    },
    "marketdata.quarantine": ALL_READ,
    "marketdata.archivepartition": {"analyst": {LOOK}, "admin": {LOOK}},
    "portfolio.portfolio": {
        "viewer": {LOOK},
        "trader": {LOOK, ADD, CHANGE},
        "analyst": {LOOK},
        "admin": {LOOK, ADD, CHANGE},
    },
    "portfolio.portfolioposition": ALL_READ,
    "portfolio.portfoliocash": ALL_READ,
    "portfolio.portfolioperformance": ALL_READ,
    "portfolio.watchlist": {
        "viewer": {LOOK},
        "trader": {LOOK, ADD, CHANGE, DELETE},
        "analyst": {LOOK, ADD, CHANGE, DELETE},
        "admin": {LOOK, ADD, CHANGE, DELETE},
    },
    "trading.signal": {"viewer": {LOOK}, "trader": {LOOK}, "analyst": {LOOK, ADD}, "admin": {LOOK, ADD}},
    "accounts.user": {"admin": {LOOK, ADD, CHANGE}},
    "accounts.role": {"admin": {LOOK, ADD}},
    "accounts.apikey": {
        "viewer": {LOOK},
        "trader": {LOOK, ADD},
        "analyst": {LOOK, ADD},
        "admin": {LOOK, ADD},
    },
    "accounts.invitation": {"admin": {LOOK, ADD}},
    "accounts.loginsession": ALL_READ,
    "systemevents.systemevent": {"admin": {LOOK}},
    "systemevents.auditlog": {"trader": {LOOK}, "analyst": {LOOK}, "admin": {LOOK}},
    "systemevents.auditseal": {"admin": {LOOK}},
}


def test_the_matrix_names_every_table() -> None:
    assert set(MATRIX) == {model._meta.label_lower for model in admin.site._registry}


@pytest.mark.parametrize("role", ["viewer", "trader", "analyst", "admin"])
@pytest.mark.parametrize("model", pages())
def test_a_role_opens_what_the_matrix_says(
    model: type[models.Model], role: str, db: None, browser_of: Callable[[User], Client]
) -> None:
    user = UserFactory.create(username=f"the-{role}", role=role)
    row = World(user).rows[model]
    browser = browser_of(user)
    allowed = MATRIX[model._meta.label_lower].get(role, set())
    assert browser.get(path_of(model)).status_code == (200 if LOOK in allowed else 403)
    assert browser.get(path_of(model, "export")).status_code == (200 if LOOK in allowed else 403)
    assert browser.get(path_of(model, "add")).status_code == (200 if ADD in allowed else 403)
    # Not everybody sees the row itself: system events are seen with core.view_all only.
    page = browser.get(path_of(model, row.pk, "change"))
    assert page.status_code == (200 if LOOK in allowed else 403)
    assert (b'name="_save"' in page.content) == (CHANGE in allowed)
    before = stored(row)
    assert browser.post(path_of(model, "add"), {}).status_code == (200 if ADD in allowed else 403)
    assert browser.post(path_of(model, row.pk, "change"), {}).status_code == (200 if CHANGE in allowed else 403)
    assert browser.post(path_of(model, row.pk, "delete"), {}).status_code == (200 if DELETE in allowed else 403)
    assert stored(row) == before


def stored(row: Any) -> list[Any]:
    return list(type(row)._base_manager.filter(pk=row.pk).values())


@pytest.mark.parametrize("model", pages())
def test_nobody_gets_in_without_logging_in(model: type[models.Model], world: World) -> None:
    for parts in ((), ("add",), ("export",), (world.rows[model].pk, "change")):
        response = Client().get(path_of(model, *parts))
        assert response.status_code == 302
        assert response["Location"].startswith("/admin/login/")


def test_a_trader_without_staff_status_logs_in(db: None) -> None:
    trader = UserFactory.create(username="tina", role="trader")
    trader.set_password("a long password 1")
    trader.save()
    assert not trader.is_staff
    browser = Client()
    response = browser.post("/admin/login/", {"username": "tina", "password": "a long password 1"}, follow=True)
    assert response.redirect_chain == [("/admin/", 302)]
    assert response.status_code == 200


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": None}])
def test_without_a_role_or_deactivated_nobody_logs_in(change: dict[str, Any], db: None) -> None:
    user = UserFactory.create(username="nina", **{"role": "trader", **change})
    user.set_password("a long password 1")
    user.save()
    response = Client().post("/admin/login/", {"username": "nina", "password": "a long password 1"})
    assert response.status_code == 200
    assert "_auth_user_id" not in response.client.session


def test_who_loses_the_role_is_out_at_once(owner: User, owner_browser: Client) -> None:
    assert owner_browser.get("/admin/").status_code == 200
    owner.groups.clear()
    assert owner_browser.get("/admin/").status_code == 302


def test_the_sidebar_shows_only_what_the_user_may_view(viewer_browser: Client, staff_browser: Client) -> None:
    users, signals = 'href="/admin/accounts/user/"', 'href="/admin/trading/signal/"'
    seen = viewer_browser.get("/admin/").content.decode()
    assert signals in seen
    assert users not in seen
    assert users in staff_browser.get("/admin/").content.decode()


@pytest.mark.parametrize("model", pages())
def test_paths_answer_without_their_trailing_slash(
    model: type[models.Model], world: World, staff_browser: Client
) -> None:
    for parts in ((), ("export",), (world.rows[model].pk, "change")):
        assert staff_browser.get(path_of(model, *parts).removesuffix("/")).status_code == 200
