"""Of many who change the version that they all know, one succeeds, on each engine."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.services.api_keys import create_api_key
from marketdata.models import Instrument
from portfolio.models import Watchlist
from systemevents.models import AuditLog
from tests.factories import InstrumentFactory, UserFactory, WatchlistFactory
from tests.portability.processes import in_processes, start_elsewhere
from tradingsite.core.actor import Actor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key(settings: Any) -> str:
    settings.API_KEY_PEPPERS = "1:a pepper of the tests"
    user = UserFactory.create(username="racer")
    from django.contrib.auth.models import Group

    user.groups.add(*Group.objects.filter(name__in=["trader", "analyst"]))
    return create_api_key(actor=Actor.system("t"), owner=user, name="races").text


def race(path: str, key: str, bodies: list[dict[str, str]], method: str = "PATCH") -> list[tuple[int, Any, str]]:
    """Several changes of the version that is there now, in a process each; the answers."""
    known = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}").get(path)["ETag"]
    waits = [
        start_elsewhere(
            lambda body=body: in_processes(  # type: ignore[misc]  # bound now, not when it is called
                "send", 1, method, path, key, json.dumps(body), json.dumps({"If-Match": known}), 4
            )
        )
        for body in bodies
    ]
    answers = [answer for wait in waits for process in wait() for answer in process]
    return [(status, json.loads(body) if body else None, headers.get("ETag", "")) for status, body, headers in answers]


def assert_one_won(answers: list[tuple[int, Any, str]], path: str, key: str) -> Any:
    """One was done, the others were refused, and the row is what the winner was answered."""
    assert sorted(status for status, _, _ in answers) == [200] + [412] * 7
    ((_, won, etag),) = [answer for answer in answers if answer[0] == 200]
    now = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}").get(path)
    assert (now.json(), now["ETag"]) == (won, etag)
    return won


def test_one_of_many_renames_a_watchlist(key: str) -> None:
    from accounts.models import User

    watchlist = WatchlistFactory.create(owner=User.objects.get(username="racer"), name="Old")
    path = f"/api/v1/watchlists/{watchlist.pk}/"
    won = assert_one_won(race(path, key, [{"name": "One"}, {"name": "Two"}]), path, key)
    assert Watchlist.objects.get().name == won["name"]
    assert AuditLog.objects.filter(action="watchlist.renamed").count() == 1


def test_one_of_many_changes_an_instrument(key: str) -> None:
    InstrumentFactory.create(symbol="SPY", sector="")
    path = "/api/v1/metadata/SPY/"
    won = assert_one_won(race(path, key, [{"sector": "Funds"}, {"sector": "Shares"}]), path, key)
    assert Instrument.objects.get().sector == won["sector"]


def test_one_of_many_drops_a_watchlist(key: str) -> None:
    """The others find that it is not that version, or that it is not there."""
    from accounts.models import User

    path = f"/api/v1/watchlists/{WatchlistFactory.create(owner=User.objects.get(username='racer')).pk}/"
    statuses = sorted(status for status, _, _ in race(path, key, [{}, {}], "DELETE"))
    assert statuses[0] == 204
    assert set(statuses[1:]) <= {404, 412}
    assert AuditLog.objects.filter(action="watchlist.deleted").count() == 1
