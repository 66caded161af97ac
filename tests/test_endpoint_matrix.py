"""Every route of the API by every method for every role: the declared status, and nothing changed where denied."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from accounts.models import ApiKey, User
from accounts.services.api_keys import create_api_key
from portfolio.models import Portfolio
from systemevents.models import AuditLog
from tests.answers import assert_problem, assert_same_answer
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
    UserFactory,
    WatchlistFactory,
    WatchlistItemFactory,
)
from tests.models import everything
from tradingsite.core import clock
from tradingsite.core.actor import Actor

METHODS = ("get", "post", "put", "patch", "delete")
ROLES = (
    *("anonymous", "viewer", "owner", "analyst", "admin", "stranger", "deactivated", "expired"),
    *("reader", "bound", "elsewhere"),
)

# Who gets what, in the order of ROLES: the owner and the stranger are traders; a deactivated
# owner's key and an expired one are as good as none. The last three are keys of the owner's: one that
# reads market data and portfolios only, one bound to the portfolio, one that works from other addresses.
OPEN = "200 200 200 200 200 200 200 200 200 200 200"
ANYBODY = "401 200 200 200 200 200 401 401 200 200 401"
SCOPED = "401 200 200 200 200 200 401 401 403 200 401"
OWN = "401 404 200 404 200 404 401 401 200 200 401"
UNBOUND = "401 404 200 404 200 404 401 401 200 404 401"
SCOPED_OWN = "401 404 200 404 200 404 401 401 403 404 401"
STAFF = "401 403 403 403 200 403 401 401 403 403 401"
DATA = "401 403 403 200 200 403 401 401 403 403 401"
# Asked by who is not logged in yet: what is sent along decides nothing, and an empty body is wrong.
STRANGERS = "400 400 400 400 400 400 400 400 400 400 400"
# By a log-in only: a key is none.
NO_KEYS = "401 401 401 401 401 401 401 401 401 401 401"
NEVER = "401 403 403 403 403 403 401 401 403 403 401"

LIMITS: dict[str, dict[str, Any]] = {
    "reader": {"scopes": ["marketdata:read", "portfolio:read"]},
    "elsewhere": {"allowed_addresses": ["192.0.2.0/24"]},
}
NEW_BAR = {"symbol": "SPY", "date": "2020-01-02", "open": 1, "high": 1, "low": 1, "close": 1}
NEW_ACTION = {"symbol": "SPY", "kind": "split", "ex_date": "2020-08-31", "ratio": "4:1"}
NEW_TICK = {"symbol": "SPY", "timestamp": "2020-01-02T14:30:00Z", "price": 1, "size": 1}
MAKE_BARS = {"symbols": ["SPY"], "timeframe": "1m", "start": "2020-01-02", "end": "2020-01-03"}
NEW_SIGNAL = {"symbol": "SPY", "date": "2020-01-02", "signal_type": "BUY"}

# route, method, path under /api/, body, statuses
MATRIX: list[tuple[str, str, str, Any, str]] = [
    ("schema", "get", "schema/", None, OPEN),
    ("docs", "get", "docs/", None, OPEN),
    ("bars", "get", "v1/bars/?symbols=SPY", None, ANYBODY),
    ("bars", "post", "v1/bars/?timeframe=1d", {"bars": [NEW_BAR]}, DATA),
    ("bars-latest", "get", "v1/bars/latest/?symbols=SPY", None, ANYBODY),
    ("bars-coverage", "get", "v1/bars/coverage/?symbols=SPY", None, ANYBODY),
    ("metadata-list", "get", "v1/metadata/", None, ANYBODY),
    ("metadata-list", "post", "v1/metadata/", {"symbol": "NEW"}, "401 403 403 201 201 403 401 401 403 403 401"),
    ("metadata-detail", "get", "v1/metadata/SPY/", None, ANYBODY),
    ("metadata-detail", "patch", "v1/metadata/SPY/", {"sector": "Funds"}, DATA),
    ("daily-data-list", "get", "v1/daily-data/", None, ANYBODY),
    ("daily-data-detail", "get", "v1/daily-data/{daily_bar}/", None, ANYBODY),
    ("intraday-data-list", "get", "v1/intraday-data/", None, ANYBODY),
    ("intraday-data-detail", "get", "v1/intraday-data/{intraday_bar}/", None, ANYBODY),
    ("ticks-list", "get", "v1/ticks/", None, ANYBODY),
    ("ticks-list", "post", "v1/ticks/", {"ticks": [NEW_TICK]}, DATA),
    ("ticks-bars", "post", "v1/ticks/bars/", MAKE_BARS, DATA),
    ("ingest-batches-list", "get", "v1/ingest-batches/", None, DATA),
    ("ingest-batches-detail", "get", "v1/ingest-batches/{batch}/", None, DATA),
    ("corporate-actions-list", "get", "v1/corporate-actions/", None, ANYBODY),
    ("corporate-actions-list", "post", "v1/corporate-actions/", NEW_ACTION, DATA.replace("200", "201")),
    ("corporate-actions-detail", "get", "v1/corporate-actions/{corporate_action}/", None, ANYBODY),
    (
        "corporate-actions-retract",
        "post",
        "v1/corporate-actions/{corporate_action}/retract/",
        {"reason": "it never was"},
        DATA,
    ),
    ("quarantines-list", "get", "v1/quarantines/", None, ANYBODY),
    ("quarantines-detail", "get", "v1/quarantines/{quarantine}/", None, ANYBODY),
    ("quarantines-accept", "post", "v1/quarantines/{quarantine}/accept/", {"note": "a real crash"}, DATA),
    ("portfolios-list", "get", "v1/portfolios/", None, ANYBODY),
    ("portfolios-list", "post", "v1/portfolios/", {"name": "New"}, "401 403 201 403 201 201 401 401 403 403 401"),
    ("portfolios-detail", "get", "v1/portfolios/{portfolio}/", None, OWN),
    # Seeing everybody's rows gives no right to change them.
    (
        "portfolios-detail",
        "patch",
        "v1/portfolios/{portfolio}/",
        {"name": "X"},
        "401 403 200 403 403 404 401 401 403 200 401",
    ),
    ("portfolios-positions", "get", "v1/portfolios/{portfolio}/positions/", None, OWN),
    ("portfolios-cash", "get", "v1/portfolios/{portfolio}/cash/", None, OWN),
    ("portfolios-performance", "get", "v1/portfolios/{portfolio}/performance/", None, OWN),
    ("watchlists-list", "get", "v1/watchlists/", None, ANYBODY),
    ("watchlists-list", "post", "v1/watchlists/", {"name": "New"}, "401 403 201 201 201 201 401 401 403 403 401"),
    ("watchlists-detail", "get", "v1/watchlists/{watchlist}/", None, UNBOUND),
    (
        "watchlists-detail",
        "patch",
        "v1/watchlists/{watchlist}/",
        {"name": "X"},
        "401 403 200 404 403 404 401 401 403 404 401",
    ),
    ("watchlists-detail", "delete", "v1/watchlists/{watchlist}/", None, "401 403 204 404 403 404 401 401 403 404 401"),
    ("watchlists-items", "get", "v1/watchlists/{watchlist}/items/", None, UNBOUND),
    (
        "watchlists-items",
        "post",
        "v1/watchlists/{watchlist}/items/",
        {"symbol": "SPY"},
        "401 403 201 404 403 404 401 401 403 404 401",
    ),
    (
        "watchlists-item",
        "delete",
        "v1/watchlists/{watchlist}/items/IBM/",
        None,
        "401 403 204 404 403 404 401 401 403 404 401",
    ),
    ("signals-list", "get", "v1/signals/", None, SCOPED),
    ("signals-list", "post", "v1/signals/", NEW_SIGNAL, "401 403 403 201 201 403 401 401 403 403 401"),
    ("signals-detail", "get", "v1/signals/{signal}/", None, SCOPED_OWN),
    ("system-events-list", "get", "v1/system-events/", None, STAFF),
    ("system-events-detail", "get", "v1/system-events/{event}/", None, STAFF),
    ("audit-logs-list", "get", "v1/audit-logs/", None, "401 403 200 200 200 200 401 401 403 200 401"),
    ("audit-logs-detail", "get", "v1/audit-logs/{audit_log}/", None, "401 403 200 404 200 404 401 401 403 404 401"),
    ("auth-me", "get", "v1/auth/me/", None, ANYBODY),
    # What people set for themselves: no key does, here all come with one.
    ("auth-me", "patch", "v1/auth/me/", {"first_name": "Ann"}, NEVER),
    ("auth-settings", "get", "v1/auth/settings/", None, ANYBODY),
    ("auth-settings", "patch", "v1/auth/settings/", {"theme": "dark"}, NEVER),
    ("auth-password-change", "post", "v1/auth/password/change/", {"current_password": "x", "new_password": "y"}, NEVER),
    (
        "auth-password-reset",
        "post",
        "v1/auth/password/reset/",
        {"email": "owner@example.com"},
        OPEN.replace("200", "202"),
    ),
    (
        "auth-password-reset-confirm",
        "post",
        "v1/auth/password/reset/confirm/",
        {"token": "1-x", "new_password": "a long password 1"},
        OPEN.replace("200", "400"),
    ),
    (
        "auth-register",
        "post",
        "v1/auth/register/",
        {"username": "ann", "email": "ann@example.com", "password": "a long password 1"},
        OPEN.replace("200", "403"),
    ),
    ("auth-register-confirm", "post", "v1/auth/register/confirm/", {"token": "x"}, OPEN.replace("200", "403")),
    (
        "auth-email-change",
        "post",
        "v1/auth/email/change/",
        {"email": "ann@example.com", "current_password": "x"},
        NEVER,
    ),
    ("auth-email-confirm", "post", "v1/auth/email/confirm/", {"token": "x"}, STRANGERS),
    ("invitations-list", "get", "v1/invitations/", None, STAFF),
    ("invitations-list", "post", "v1/invitations/", {"email": "ann@example.com"}, STAFF.replace("200", "201")),
    ("invitations-detail", "get", "v1/invitations/{invitation}/", None, STAFF),
    ("invitations-revoke", "post", "v1/invitations/{invitation}/revoke/", None, STAFF),
    ("auth-token", "post", "v1/auth/token/", {}, STRANGERS),
    ("auth-token-refresh", "post", "v1/auth/token/refresh/", {}, STRANGERS),
    ("auth-login", "post", "v1/auth/login/", {}, STRANGERS),
    ("auth-logout", "post", "v1/auth/logout/", {}, NO_KEYS),
    ("auth-logins-list", "get", "v1/auth/logins/", None, STAFF),
    ("auth-logins-detail", "get", "v1/auth/logins/{login}/", None, STAFF),
    ("auth-logins-end", "post", "v1/auth/logins/{login}/end/", None, STAFF),
    # A key never touches the second factor of a person (tests/accounts/api/test_second_factor.py).
    ("auth-totp", "get", "v1/auth/totp/", None, NEVER),
    ("auth-totp", "post", "v1/auth/totp/", {}, NEVER),
    ("auth-totp-confirm", "post", "v1/auth/totp/confirm/", {"code": "123456"}, NEVER),
    ("auth-totp-recovery-codes", "post", "v1/auth/totp/recovery-codes/", {"code": "123456"}, NEVER),
    ("auth-totp-remove", "post", "v1/auth/totp/remove/", {"code": "123456"}, NEVER),
    ("users-list", "get", "v1/users/", None, STAFF),
    ("users-detail", "get", "v1/users/{user}/", None, STAFF),
    ("users-deactivate", "post", "v1/users/{user}/deactivate/", {"reason": "left"}, STAFF),
    ("users-reactivate", "post", "v1/users/{user}/reactivate/", None, STAFF),
    ("roles-list", "get", "v1/roles/", None, STAFF),
    ("roles-detail", "get", "v1/roles/{role}/", None, STAFF),
    ("api-keys-list", "get", "v1/api-keys/", None, SCOPED),
    ("api-keys-detail", "get", "v1/api-keys/{api_key}/", None, SCOPED_OWN),
    ("api-keys-list", "post", "v1/api-keys/", {"name": "another"}, NEVER),
    (
        "api-keys-detail",
        "patch",
        "v1/api-keys/{api_key}/",
        {"name": "X"},
        "401 403 200 404 200 404 401 401 403 404 401",
    ),
    ("api-keys-rotate", "post", "v1/api-keys/{api_key}/rotate/", {}, NEVER),
    ("api-keys-revoke", "post", "v1/api-keys/{api_key}/revoke/", None, "401 404 200 404 200 404 401 401 403 404 401"),
]


@dataclass(frozen=True, slots=True)
class World:
    """The owner's rows and the shared ones, by the names that the matrix's paths use."""

    ids: dict[str, int]

    def path(self, template: str) -> str:
        return f"/api/{template.format(**self.ids)}"


@pytest.fixture
def world(owner: User, system: Actor, settings: Any) -> World:
    settings.REGISTRATION = "invite"
    spy, ibm = InstrumentFactory.create(symbol="SPY"), InstrumentFactory.create(symbol="IBM")
    portfolio = PortfolioFactory.create(owner=owner)
    for factory in (PortfolioCashFactory, PortfolioPositionFactory, PortfolioPerformanceFactory):
        factory.create(portfolio=portfolio)
    watchlist = WatchlistFactory.create(owner=owner)
    WatchlistItemFactory.create(watchlist=watchlist, symbol="IBM")
    rows = {
        "daily_bar": DailyBarFactory.create(instrument=spy),
        "intraday_bar": IntradayBarFactory.create(instrument=ibm),
        "batch": IngestBatchFactory.create(),
        "corporate_action": CorporateActionFactory.create(instrument=ibm),
        "quarantine": QuarantineFactory.create(instrument=ibm),
        "portfolio": portfolio,
        "watchlist": watchlist,
        "signal": SignalFactory.create(owner=owner),
        "event": SystemEventFactory.create(),
        "audit_log": AuditLog.objects.create(actor=owner, actor_label="owner", front="api", action="test.done"),
        "user": owner,
        "invitation": InvitationFactory.create(owner=owner),
        "role": owner.groups.get(),
        "login": LoginSessionFactory.create(user=owner),
        "api_key": create_api_key(actor=system, owner=owner, name="another").key,
    }
    return World({name: row.pk for name, row in rows.items()})


@pytest.fixture
def clients(owner: User, api_of: Callable[[User], APIClient], system: Actor) -> Callable[[str], APIClient]:
    """The client of each role in ROLES."""

    def user_of(role: str) -> User:
        match role:
            case "owner" | "deactivated" | "expired" | "reader" | "bound" | "elsewhere":
                return owner
            case "stranger":
                return UserFactory.create(role="trader")
            case _:
                return UserFactory.create(role=role)

    def make(role: str) -> APIClient:
        if role == "anonymous":
            return APIClient()
        user = user_of(role)
        client = api_of(user)
        become(role, user, client)
        return client

    return make


def become(role: str, user: User, client: APIClient) -> None:
    """Make the user's key, or the user, what the role says."""
    keys = ApiKey.objects.filter(name="tests")
    if role in LIMITS:
        keys.update(**LIMITS[role])
    if role == "elsewhere":
        # That such a key is used is told once, by a system event.
        client.get("/api/v1/auth/me/")
    if role == "bound":
        keys.update(portfolio=Portfolio.objects.get(owner=user))
    if role == "deactivated":
        User.objects.filter(pk=user.pk).update(is_active=False)
    if role == "expired":
        keys.update(expires_at=clock.now() - dt.timedelta(seconds=1))


def cases() -> Iterator[Any]:
    for route, method, path, body, statuses in MATRIX:
        for role, status in zip(ROLES, statuses.split(), strict=True):
            yield pytest.param(method, path, body, role, int(status), id=f"{route}-{method}-{role}")


@pytest.mark.parametrize(("method", "path", "body", "role", "status"), list(cases()))
def test_each_role_gets_its_answer(
    world: World, clients: Callable[[str], APIClient], method: str, path: str, body: Any, role: str, status: int
) -> None:
    client = clients(role)
    before = everything()
    answer = getattr(client, method)(world.path(path), body)
    assert answer.status_code == status, answer.content
    if status >= 400:
        assert_problem(answer, status)
        assert ("WWW-Authenticate" in answer) is (status == 401)
    if status >= 400 or method == "get":
        assert everything() == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param(method, path, body, id=f"{route}-{method}")
        for route, method, path, body, statuses in MATRIX
        if statuses.split()[ROLES.index("stranger")] == "404"
    ],
)
def test_a_strangers_id_answers_as_a_missing_one(
    world: World, clients: Callable[[str], APIClient], method: str, path: str, body: Any
) -> None:
    client = clients("stranger")
    missing = World({name: pk + 10**9 for name, pk in world.ids.items()})
    call = getattr(client, method)
    assert_same_answer(call(world.path(path), body), call(missing.path(path), body))


@pytest.mark.parametrize(
    "pk", ["0", "-1", "007", "1.0", "x", "9" * 19, "9" * 20, "9" * 5000, "\u0661", "1%20", "%F0%9F"]
)
@pytest.mark.parametrize(
    "path",
    sorted({path for _, _, path, _, _ in MATRIX if "{" in path}),
)
def test_an_id_that_is_none_is_missing(world: World, clients: Callable[[str], APIClient], path: str, pk: str) -> None:
    route = dict.fromkeys(world.ids, pk)
    client = clients("admin")
    posted = path.endswith(("revoke/", "rotate/", "activate/", "retract/", "accept/", "end/"))
    answer = client.post if posted else client.delete if "/items/I" in path else client.get
    assert_problem(answer(f"/api/{path.format(**route)}"), 404)


@pytest.mark.parametrize(("route", "path"), sorted({(route, path.split("?")[0]) for route, _, path, _, _ in MATRIX}))
def test_a_method_that_a_route_does_not_have_is_405_for_everybody_with_a_key(
    world: World, clients: Callable[[str], APIClient], route: str, path: str
) -> None:
    client = clients("viewer")
    known = {method for name, method, *_ in MATRIX if name == route}
    for method in set(METHODS) - known:
        answer = getattr(client, method)(world.path(path), {})
        assert_problem(answer, 405, "method_not_allowed")
        assert set(answer["Allow"].split(", ")) == {name.upper() for name in known} | (
            {"HEAD"} if "get" in known else set()
        )
    assert_problem(client.options(world.path(path)), 405)


def test_a_key_that_only_reads_writes_nowhere_and_one_from_elsewhere_is_none() -> None:
    for route, method, _, _, statuses in MATRIX:
        of = dict(zip(ROLES, statuses.split(), strict=True))
        if method != "get" and of["anonymous"] == "401":
            assert of["reader"] in ("401" if route == "auth-logout" else "403"), (route, method)
        if of["anonymous"] == "401":
            assert of["elsewhere"] == "401", (route, method)


def test_no_route_and_no_method_is_missing_here() -> None:
    assert {(route, method) for route, method, *_ in MATRIX} == set(served(get_resolver().url_patterns))


def served(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The name and method of each operation under /api/ in the URL conf."""
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from served(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and path.startswith("api/"):
            view: Any = pattern.callback
            actions = getattr(view, "actions", None)
            names = actions or [name for name in METHODS if hasattr(view.view_class, name)]
            for method in set(names) & set(METHODS):
                assert pattern.name is not None
                yield pattern.name, method
