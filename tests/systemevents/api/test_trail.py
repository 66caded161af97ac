"""audit-logs and system-events over HTTP."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from systemevents.models import AuditLog
from tests.answers import assert_problem, last_audit, results, walk
from tests.factories import SystemEventFactory

LOGS, EVENTS = "/api/v1/audit-logs", "/api/v1/system-events"


def test_what_a_key_does_is_in_its_owners_part_of_the_trail(
    owner: User, owner_api: APIClient, stranger_api: APIClient, staff_api: APIClient
) -> None:
    made = owner_api.post("/api/v1/watchlists", {"name": "Tech"}, headers={"X-Request-ID": "trace-0123"})
    row = results(owner_api.get(LOGS))[0]
    assert {name: row[name] for name in row if name not in ("id", "occurred_at", "after")} == {
        "actor": "owner",
        "key_id": owner.api_keys.get().public_id,
        "front": "api",
        "action": "watchlist.created",
        "object_type": "watchlists",
        "object_id": str(made.json()["id"]),
        "object_label": "Tech",
        "before": None,
        "request_id": "trace-0123",
        "address": "127.0.0.1",
    }
    assert row["after"]["name"] == "Tech"
    assert results(stranger_api.get(LOGS)) == []
    assert results(staff_api.get(LOGS, {"request_id": "trace-0123"})) == [row]


def test_no_secret_is_in_it(staff_api: APIClient) -> None:
    for entry in results(staff_api.get(LOGS)):
        assert "digest" not in (entry["after"] or {})


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"action": "watchlist.created"}, 1),
        ({"object_type": "watchlists"}, 1),
        ({"object_type": "watchlists", "object_id": "0"}, 0),
        ({"actor": "owner"}, 1),
        ({"front": "api"}, 1),
        ({"key_id": "x"}, 0),
        ({"address": "127.0.0.1"}, 1),
        ({"address": "::1"}, 0),
        ({"start": "2100-01-01"}, 0),
        ({"end": "2020-01-01T00:00:00Z"}, 0),
    ],
)
def test_it_lists_by(owner_api: APIClient, parameters: dict[str, Any], found: int) -> None:
    owner_api.post("/api/v1/watchlists", {"name": "Tech"})
    assert len(results(owner_api.get(LOGS, parameters))) == found


@pytest.mark.parametrize("address", ["localhost", "127.0.0", "127.0.0.1/8", "999.1.1.1", "\u0661.1.1.1"])
def test_an_address_that_is_none_is_refused(owner_api: APIClient, address: str) -> None:
    assert_problem(owner_api.get(LOGS, {"address": address}), 400, field="address")


def test_reading_writes_nothing(owner_api: APIClient) -> None:
    before = AuditLog.objects.count()
    for path in (LOGS, "/api/v1/portfolios", "/api/v1/auth/me"):
        owner_api.get(path)
    assert AuditLog.objects.count() == before


def test_what_failed_is_not_in_it(owner_api: APIClient) -> None:
    owner_api.post("/api/v1/watchlists", {"name": "Tech"})
    before = last_audit().pk
    assert owner_api.post("/api/v1/watchlists", {"name": "Tech"}).status_code == 409
    assert last_audit().pk == before


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, 2),
        ({"severity": "error"}, 1),
        ({"event_type": "test.event"}, 2),
        ({"source": "x"}, 0),
        ({"start": "2100-01-01"}, 0),
    ],
)
def test_events_list_by(staff_api: APIClient, parameters: dict[str, Any], found: int) -> None:
    SystemEventFactory.create(details={"rows": 3})
    SystemEventFactory.create(severity="error")
    assert len(results(staff_api.get(EVENTS, parameters))) == found


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_a_stretch_of_time_is_paged_by_time_and_entries_of_one_moment_by_id(
    owner: User, owner_api: APIClient, limit: int
) -> None:
    first = dt.datetime(2020, 1, 2, 9, 30, 0, 123456, tzinfo=dt.UTC)
    for n in range(9):
        at = first + dt.timedelta(hours=n * 2 % 3)
        AuditLog.objects.create(actor=owner, actor_label="then", front="job", action=f"old.{n}", occurred_at=at)
    met = walk(owner_api, "/api/v1/audit-logs/", start="2020-01-02", end="2020-01-03", limit=limit)
    assert [entry["action"] for entry in met] == [f"old.{n}" for n in (7, 4, 1, 8, 5, 2, 6, 3, 0)]
