"""ETags: what is known is not sent again, and nobody overwrites what they have not seen."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from portfolio.models import Portfolio, Watchlist
from systemevents.models import AuditLog
from tests.answers import assert_problem
from tests.factories import InstrumentFactory, PortfolioFactory, WatchlistFactory, WatchlistItemFactory

STALE = '"00000000000000000000000000000000"'


@pytest.fixture
def watchlist(owner: User) -> Watchlist:
    return WatchlistFactory.create(owner=owner)


@pytest.fixture
def portfolio(owner: User) -> Portfolio:
    return PortfolioFactory.create(owner=owner)


@pytest.fixture
def path(watchlist: Watchlist) -> str:
    return f"/api/v1/watchlists/{watchlist.pk}"


def test_the_same_row_has_the_same_strong_tag(owner_api: APIClient, path: str) -> None:
    first, second = owner_api.get(path), owner_api.get(path)
    assert first["ETag"] == second["ETag"]
    assert first["ETag"].startswith('"')
    assert first.json()["symbols"] == []


def test_who_has_it_gets_no_body(owner_api: APIClient, path: str) -> None:
    etag = owner_api.get(path)["ETag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = owner_api.get(path, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)
        assert "Content-Type" not in answer
        assert answer["Cache-Control"] == "no-store"


def test_who_has_another_gets_it_whole(owner_api: APIClient, path: str) -> None:
    for known in (STALE, "nonsense", ""):
        assert owner_api.get(path, headers={"If-None-Match": known}).status_code == 200


def test_whatever_shows_changes_the_tag(owner_api: APIClient, path: str, watchlist: Watchlist) -> None:
    etag = owner_api.get(path)["ETag"]
    WatchlistItemFactory.create(watchlist=watchlist, symbol="IBM")
    assert owner_api.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_a_stranger_learns_nothing_by_a_tag(owner_api: APIClient, stranger_api: APIClient, path: str) -> None:
    etag = owner_api.get(path)["ETag"]
    assert_problem(stranger_api.get(path, headers={"If-None-Match": etag}), 404)
    assert_problem(stranger_api.patch(path, {"name": "X"}, headers={"If-Match": STALE}), 404)


def test_the_known_version_is_changed(owner_api: APIClient, path: str) -> None:
    etag = owner_api.get(path)["ETag"]
    answer = owner_api.patch(path, {"name": "New"}, headers={"If-Match": etag})
    assert answer.status_code == 200
    assert answer["ETag"] != etag
    assert answer["ETag"] == owner_api.get(path)["ETag"]


@pytest.mark.parametrize("known", [STALE, "nonsense", ""])
def test_another_version_is_not(owner_api: APIClient, path: str, watchlist: Watchlist, known: str) -> None:
    entries = AuditLog.objects.count()
    assert_problem(owner_api.patch(path, {"name": "New"}, headers={"If-Match": known}), 412, "precondition_failed")
    assert_problem(owner_api.delete(path, headers={"If-Match": known}), 412, "precondition_failed")
    assert Watchlist.objects.get(pk=watchlist.pk).name == watchlist.name
    assert AuditLog.objects.count() == entries


def test_a_weak_tag_is_not_enough_to_change_by(owner_api: APIClient, path: str) -> None:
    etag = owner_api.get(path)["ETag"]
    assert_problem(owner_api.patch(path, {"name": "New"}, headers={"If-Match": f"W/{etag}"}), 412)


def test_of_two_who_know_the_same_version_one_succeeds(owner_api: APIClient, path: str) -> None:
    etag = owner_api.get(path)["ETag"]
    statuses = [
        owner_api.patch(path, {"name": name}, headers={"If-Match": etag}).status_code for name in ("One", "Two")
    ]
    assert statuses == [200, 412]
    assert owner_api.get(path).json()["name"] == "One"


def test_any_version_that_is_there_is_enough_for_a_star(owner_api: APIClient, path: str) -> None:
    assert owner_api.patch(path, {"name": "New"}, headers={"If-Match": "*"}).status_code == 200
    assert owner_api.delete(path, headers={"If-Match": "*"}).status_code == 204
    assert_problem(owner_api.patch(path, {"name": "New"}, headers={"If-Match": "*"}), 404)


def test_without_a_tag_it_goes_as_ever(owner_api: APIClient, path: str) -> None:
    assert owner_api.patch(path, {"name": "New"}).status_code == 200
    assert owner_api.delete(path).status_code == 204


def test_a_wrong_body_changes_nothing_with_the_right_tag_either(owner_api: APIClient, path: str) -> None:
    etag = owner_api.get(path)["ETag"]
    assert_problem(owner_api.patch(path, {"name": ""}, headers={"If-Match": etag}), 400)
    assert owner_api.get(path)["ETag"] == etag


def test_the_permission_comes_first(viewer_api: APIClient, watchlist: Watchlist) -> None:
    path = f"/api/v1/watchlists/{watchlist.pk}"
    assert_problem(viewer_api.patch(path, {"name": "New"}, headers={"If-Match": STALE}), 403)


def test_portfolios_and_instruments_have_tags_too(
    owner_api: APIClient, analyst_api: APIClient, portfolio: Portfolio
) -> None:
    InstrumentFactory.create(symbol="SPY", tick_size="0.010")
    for api, path, body in (
        (owner_api, f"/api/v1/portfolios/{portfolio.pk}", {"name": "New"}),
        (analyst_api, "/api/v1/metadata/SPY", {"sector": "Funds", "lot_size": "1.50"}),
    ):
        etag = api.get(path)["ETag"]
        changed = api.patch(path, body, headers={"If-Match": etag})
        assert changed.status_code == 200
        assert changed["ETag"] == api.get(path)["ETag"]
        assert_problem(api.patch(path, body, headers={"If-Match": etag}), 412)


def test_the_schema_tells_of_it(db: None) -> None:
    schema: Any = yaml.safe_load(Client().get("/api/schema/").content)
    operations = schema["paths"]["/api/v1/watchlists/{id}/"]
    asked = {
        method: [held["name"] for held in operation["parameters"] if held["in"] == "header"]
        for method, operation in operations.items()
    }
    assert asked == {"get": ["If-None-Match"], "patch": ["If-Match"], "delete": ["If-Match"]}
    assert "304" in operations["get"]["responses"]
    assert "ETag" in operations["get"]["responses"]["200"]["headers"]
    for method in ("patch", "delete"):
        assert "application/problem+json" in operations[method]["responses"]["412"]["content"]
