"""What all lists of the API have in common: paging, CSV, a fixed number of queries, strict parameters."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Role, User
from portfolio.models import Portfolio, Watchlist
from systemevents.models import AuditLog
from tests.answers import assert_problem, queries_of, results, walk
from tests.factories import (
    CorporateActionFactory,
    DailyBarFactory,
    IngestBatchFactory,
    InstrumentFactory,
    IntradayBarFactory,
    InvitationFactory,
    LoginSessionFactory,
    PortfolioCashFactory,
    PortfolioFactory,
    PortfolioPerformanceFactory,
    PortfolioPositionFactory,
    QuarantineFactory,
    SignalFactory,
    SystemEventFactory,
    TickFactory,
    UserFactory,
    WatchlistFactory,
    WatchlistItemFactory,
)
from tests.test_endpoint_matrix import MATRIX
from tradingsite.core import clock

ORIGIN = dt.datetime(2020, 1, 2, 14, 30, tzinfo=dt.UTC)


def first_portfolio(owner: User) -> Portfolio:
    return Portfolio.objects.order_by("pk").first() or PortfolioFactory.create(owner=owner)


def first_watchlist(owner: User) -> Watchlist:
    return Watchlist.objects.order_by("pk").first() or WatchlistFactory.create(owner=owner)


def daily(owner: User, n: int) -> None:
    DailyBarFactory.create(
        instrument=InstrumentFactory.create(symbol=f"D{n % 3}"), date=ORIGIN.date() + dt.timedelta(n)
    )


def intraday(owner: User, n: int) -> None:
    instrument = InstrumentFactory.create(symbol=f"I{n % 2}")
    timeframe = ("1m", "5m", "1h")[n % 3]
    IntradayBarFactory.create(instrument=instrument, timeframe=timeframe, timestamp=ORIGIN + dt.timedelta(minutes=n))


def tick(owner: User, n: int) -> None:
    instrument = InstrumentFactory.create(symbol=f"T{n % 2}")
    TickFactory.create(instrument=instrument, timestamp=ORIGIN + dt.timedelta(seconds=n // 4), sequence=n)


def watchlist(owner: User, n: int) -> None:
    made = WatchlistFactory.create(owner=owner)
    WatchlistItemFactory.create(watchlist=made)


def api_key(owner: User, n: int) -> None:
    owner.api_keys.create(name=f"key {n}", public_id=f"{n:016}", digest=f"{n:064}", pepper=1)


# Each list, and how to make one row more of it, in an order that is not the list's.
LISTS: dict[str, Callable[[User, int], Any]] = {
    "metadata/": lambda _owner, n: InstrumentFactory.create(symbol=f"S{n * 7 % 31}"),
    "daily-data/": daily,
    "intraday-data/": intraday,
    "ticks/": tick,
    "ingest-batches/": lambda _owner, _n: IngestBatchFactory.create(started_by=UserFactory.create()),
    "corporate-actions/": lambda _owner, n: CorporateActionFactory.create(
        instrument=InstrumentFactory.create(symbol=f"C{n % 3}")
    ),
    "quarantines/": lambda _owner, n: QuarantineFactory.create(instrument=InstrumentFactory.create(symbol=f"Q{n % 3}")),
    "portfolios/": lambda _owner, _n: PortfolioFactory.create(owner=UserFactory.create()),
    "portfolios/{portfolio}/positions/": lambda owner, n: PortfolioPositionFactory.create(
        portfolio=first_portfolio(owner), symbol=f"S{n * 7 % 31}"
    ),
    "portfolios/{portfolio}/cash/": lambda owner, n: PortfolioCashFactory.create(
        portfolio=first_portfolio(owner), currency=f"{'XYZABC'[n % 6]}{'AB'[n % 2]}{chr(65 + n)}"
    ),
    "portfolios/{portfolio}/performance/": lambda owner, n: PortfolioPerformanceFactory.create(
        portfolio=first_portfolio(owner), date=dt.date(2020, 1, 1) + dt.timedelta(days=n * 7 % 31)
    ),
    "watchlists/": watchlist,
    "watchlists/{watchlist}/items/": lambda owner, _n: WatchlistItemFactory.create(watchlist=first_watchlist(owner)),
    "signals/": lambda _owner, _n: SignalFactory.create(),
    "system-events/": lambda _owner, _n: SystemEventFactory.create(),
    "audit-logs/": lambda _owner, n: AuditLog.objects.create(
        actor=UserFactory.create(), actor_label=f"user {n}", front="api", action="test.done", after={"n": [n]}
    ),
    "users/": lambda _owner, n: UserFactory.create(username=f"u{n * 7 % 31}", role="viewer"),
    "roles/": lambda _owner, n: Role.objects.create(name=f"role {n * 7 % 31}"),
    "api-keys/": api_key,
    "invitations/": lambda owner, _n: InvitationFactory.create(owner=owner),
    "auth/logins/": lambda _owner, _n: LoginSessionFactory.create(),
}
EACH_LIST = pytest.mark.parametrize(("path", "make"), LISTS.items(), ids=LISTS)


@pytest.fixture
def locate(owner: User) -> Callable[[str], str]:
    """The address of a list; its portfolio and watchlist are the first there are."""

    def at(path: str) -> str:
        ids = {
            "portfolio": first_portfolio(owner).pk if "{portfolio}" in path else 0,
            "watchlist": first_watchlist(owner).pk if "{watchlist}" in path else 0,
        }
        return f"/api/v1/{path.format(**ids)}"

    return at


def test_no_list_is_missing_here() -> None:
    lists = {path.removeprefix("v1/") for route, method, path, _, _ in MATRIX if method == "get" and _is_list(route)}
    assert lists == set(LISTS)


def _is_list(route: str) -> bool:
    return route.endswith(("-list", "-items", "-positions", "-cash", "-performance"))


@EACH_LIST
def test_twenty_rows_take_as_many_queries_as_one(
    staff_api: APIClient, owner: User, locate: Callable[[str], str], path: str, make: Callable[[User, int], Any]
) -> None:
    make(owner, 0)
    few = queries_of(staff_api, locate(path))
    for n in range(1, 20):
        make(owner, n)
    assert len(results(staff_api.get(locate(path)))) >= 20
    assert queries_of(staff_api, locate(path)) == few <= 8


@EACH_LIST
@pytest.mark.parametrize("limit", [1, 4, 7])
def test_the_pages_together_are_the_whole(
    staff_api: APIClient,
    owner: User,
    locate: Callable[[str], str],
    path: str,
    make: Callable[[User, int], Any],
    limit: int,
) -> None:
    for n in range(11):
        make(owner, n)
    whole = results(staff_api.get(locate(path)))
    met = walk(staff_api, locate(path), limit=limit)
    assert [row["id"] for row in met] == [row["id"] for row in whole]
    assert len({row["id"] for row in met}) == len(met) >= 11


@EACH_LIST
def test_paging_while_rows_come_in_doubles_and_misses_none(
    staff_api: APIClient, owner: User, locate: Callable[[str], str], path: str, make: Callable[[User, int], Any]
) -> None:
    for n in range(8):
        make(owner, n)
    before = {row["id"] for row in results(staff_api.get(locate(path)))}
    met: list[int] = []
    parameters: dict[str, Any] = {"limit": 3}
    for n in range(8, 30):
        answer = staff_api.get(locate(path), parameters)
        met += [row["id"] for row in results(answer)]
        if n < 14:
            make(owner, n)
        if answer.json()["next_cursor"] is None:
            break
        assert answer["Next-Cursor"] == answer.json()["next_cursor"]
        parameters["cursor"] = answer.json()["next_cursor"]
    assert len(met) == len(set(met))
    assert before <= set(met)


@EACH_LIST
def test_it_is_had_as_csv_too(
    staff_api: APIClient, owner: User, locate: Callable[[str], str], path: str, make: Callable[[User, int], Any]
) -> None:
    columns = csv.DictReader(io.StringIO(_csv(staff_api, locate(path)))).fieldnames
    for n in range(3):
        make(owner, n)
    rows = list(csv.DictReader(io.StringIO(_csv(staff_api, locate(path)))))
    answer = results(staff_api.get(locate(path)))
    assert [row["id"] for row in rows] == [str(row["id"]) for row in answer]
    assert list(rows[0]) == list(answer[0]) == columns


def _csv(api: APIClient, path: str) -> str:
    answer = api.get(path, {"format": "csv"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert api.get(path, headers={"Accept": "text/csv"})["Content-Type"] == "text/csv; charset=utf-8"
    return answer.content.decode()


@EACH_LIST
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("unknown=1", "unknown_parameter"),
        ("limit=1&limit=2", "repeated_parameter"),
        ("limit=0", "invalid_limit"),
        ("limit=1001", "invalid_limit"),
        ("cursor=x", "invalid_cursor"),
        ("cursor=WzEsMiwzLDRd", "invalid_cursor"),
        ("format=xlsx", "invalid_format"),
    ],
)
def test_a_parameter_that_means_nothing_is_an_error(
    staff_api: APIClient,
    owner: User,
    locate: Callable[[str], str],
    path: str,
    make: Callable[[User, int], Any],
    query: str,
    code: str,
) -> None:
    make(owner, 0)
    assert_problem(staff_api.get(f"{locate(path)}?{query}"), 400, code)


def test_last_use_is_noted_once_a_minute(owner: User, owner_api: APIClient) -> None:
    for _ in range(3):
        assert owner_api.get("/api/v1/auth/me").status_code == 200
    used = owner.api_keys.get().last_used_at
    assert used is not None
    assert used <= clock.now()
