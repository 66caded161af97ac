"""`Idempotency-Key`: a POST that comes again is answered as the first time and done once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.response import Response
from rest_framework.test import APIClient

from accounts.models import ApiKey, User
from accounts.services.api_keys import create_api_key
from accounts.services.key_limits import KeyLimits
from portfolio.models import Portfolio, PortfolioMember, Watchlist, WatchlistItem
from systemevents.models import AuditLog
from tests.answers import assert_problem
from tests.factories import (
    IdempotencyKeyFactory,
    InstrumentFactory,
    PortfolioFactory,
    PortfolioMemberFactory,
    WatchlistFactory,
)
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.api.viewsets import Endpoint
from tradingsite.core.idempotency import PURGE_AT_ONCE, Claim
from tradingsite.core.models import IdempotencyKey
from tradingsite.core.registry import registry

LISTS = "/api/v1/watchlists"
REPLAYED = "Idempotent-Replayed"
TECH = {"name": "Tech"}


def post(api: APIClient, key: str, body: Any = TECH, path: str = LISTS, **more: Any) -> Any:
    return api.post(path, body, headers={"Idempotency-Key": key}, **more)


def raw(api: APIClient, body: bytes, kind: str = "application/json", key: str = "a-1") -> Any:
    """A POST with exactly these bytes."""
    headers = {"Idempotency-Key": key}
    return api.generic("POST", LISTS, body, content_type=kind, headers=headers)  # type: ignore[arg-type]  # bytes go too


def plain(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    """An answer without what belongs to one request only."""
    own = ("X-Request-ID", REPLAYED)
    return answer.status_code, answer.content, {k: v for k, v in answer.headers.items() if k not in own}


def test_the_second_time_is_answered_as_the_first_and_done_not_at_all(owner_api: APIClient) -> None:
    first = post(owner_api, "a-1")
    entries = AuditLog.objects.count()
    second = post(owner_api, "a-1")

    assert first.status_code == 201
    assert REPLAYED not in first
    assert second[REPLAYED] == "true"
    assert plain(first) == plain(second)
    assert first["X-Request-ID"] != second["X-Request-ID"]
    assert Watchlist.objects.count() == 1
    assert AuditLog.objects.count() == entries


def test_a_slash_at_the_end_is_no_other_path(owner_api: APIClient) -> None:
    assert post(owner_api, "a-1").status_code == 201
    assert post(owner_api, "a-1", path=f"{LISTS}/")[REPLAYED] == "true"


def test_another_key_is_another_request(owner_api: APIClient) -> None:
    assert post(owner_api, "a-1").status_code == 201
    assert_problem(post(owner_api, "A-1"), 409, "conflict")
    assert post(owner_api, "A-1", {"name": "Other"}).status_code == 201, "what failed has left the key free"


def test_the_same_key_for_another_request_is_refused(owner_api: APIClient, owner: User) -> None:
    InstrumentFactory.create(symbol="SPY")
    items = f"{LISTS}/{WatchlistFactory.create(owner=owner).pk}/items"
    assert post(owner_api, "a-1").status_code == 201
    kept = IdempotencyKey.objects.get().fingerprint
    for body, path in (
        ({"name": "Tec"}, LISTS),
        ({"name": "Tech", "portfolio": None}, LISTS),
        (TECH, f"{LISTS}?format=json"),
        (TECH, "/api/v1/portfolios"),
        ({"symbol": "SPY"}, items),
    ):
        problem = assert_problem(post(owner_api, "a-1", body, path), 422, "idempotency_key_reused")
        assert "/api/v1/watchlists/" in problem["detail"]
    assert (Watchlist.objects.count(), Portfolio.objects.count(), WatchlistItem.objects.count()) == (2, 0, 0)
    assert IdempotencyKey.objects.get().fingerprint == kept


def test_the_body_is_taken_as_it_was_received(owner_api: APIClient) -> None:
    """Not by what it means: the same meaning in other bytes is another body."""
    for body, status in ((b'{"name":"Tech"}', 201), (b'{"name":"Tech"}', 201), (b'{"name": "Tech"}', 422)):
        assert raw(owner_api, body).status_code == status
    assert raw(owner_api, b'{"name":"Tech"}', "application/json; charset=utf-8").status_code == 422


def test_two_users_with_the_same_key_never_meet(
    owner_api: APIClient, stranger_api: APIClient, other_user: User
) -> None:
    first = post(owner_api, "same")
    second = post(stranger_api, "same")
    assert second.status_code == 201
    assert REPLAYED not in second
    assert second.json()["id"] != first.json()["id"]
    assert Watchlist.objects.get(pk=second.json()["id"]).owner == other_user
    assert post(stranger_api, "same", {"name": "Mine"}).status_code == 422


def test_the_key_that_follows_a_rotated_one_is_answered_too(
    owner: User, owner_api: APIClient, api_of: Callable[[User], APIClient]
) -> None:
    first = post(owner_api, "a-1")
    assert plain(post(api_of(owner), "a-1")) == plain(first)


def test_what_one_key_was_answered_is_not_for_one_that_is_bound_to_a_portfolio(owner: User, system: Actor) -> None:
    def bound_to(portfolio: Portfolio) -> APIClient:
        limits = KeyLimits(portfolio=portfolio.pk)
        text = create_api_key(actor=system, owner=owner, name=f"of {portfolio}", limits=limits).text
        return APIClient(HTTP_AUTHORIZATION=f"Bearer {text}")

    one, other = PortfolioFactory.create(owner=owner), PortfolioFactory.create(owner=owner)
    body = {"name": "Tech", "portfolio": one.pk}
    first = post(bound_to(one), "a-1", body)
    assert first.status_code == 201
    assert post(bound_to(one), "a-1", body)[REPLAYED] == "true"
    assert_problem(post(bound_to(other), "a-1", body), 404)


@pytest.mark.parametrize("body", [{"name": ""}, {"name": "Tech", "portfolio": 4711}, {"nom": "Tech"}])
def test_what_fails_leaves_no_trace_and_the_key_free(owner_api: APIClient, body: Any) -> None:
    entries = AuditLog.objects.count()
    first, second = post(owner_api, "a-1", body), post(owner_api, "a-1", body)
    assert first.status_code == second.status_code >= 400
    assert REPLAYED not in second
    assert AuditLog.objects.count() == entries
    assert not IdempotencyKey.objects.exists()
    assert post(owner_api, "a-1").status_code == 201


def test_a_failure_after_the_write_takes_the_write_back(owner_api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from portfolio.services.watchlists import create_watchlist as make

    def make_and_fail(**values: Any) -> None:
        make(**values)
        raise ZeroDivisionError

    monkeypatch.setattr("portfolio.api.views.create_watchlist", make_and_fail)
    owner_api.raise_request_exception = False
    assert_problem(post(owner_api, "a-1"), 500)
    assert not Watchlist.objects.exists()
    assert not IdempotencyKey.objects.exists()


def test_an_answer_that_is_no_success_takes_the_write_back_as_well(
    owner_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portfolio.api import views

    create = views.WatchlistViewSet.create

    def create_and_refuse(view: Any, request: Any) -> Response:
        create(view, request)
        return Response({}, status=409)

    monkeypatch.setattr(views.WatchlistViewSet, "create", create_and_refuse)
    assert post(owner_api, "a-1").status_code == 409
    assert not Watchlist.objects.exists()
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_waits_for_the_commit_is_done_once_and_after_it(
    owner_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portfolio.services.watchlists import create_watchlist as make

    committed: list[bool] = []

    def make_and_tell(**values: Any) -> Any:
        transaction.on_commit(lambda: committed.append(connection.in_atomic_block))
        return make(**values)

    monkeypatch.setattr("portfolio.api.views.create_watchlist", make_and_tell)
    assert post(owner_api, "a-1").status_code == post(owner_api, "a-1").status_code == 201
    assert committed == [False]


def test_a_day_later_it_is_a_new_request(owner_api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    began = clock.now()
    assert post(owner_api, "a-1").status_code == 201
    day = dt.timedelta(hours=24)
    monkeypatch.setattr(clock, "now", lambda: began + day - dt.timedelta(seconds=1))
    assert post(owner_api, "a-1")[REPLAYED] == "true"
    monkeypatch.setattr(clock, "now", lambda: began + day + dt.timedelta(minutes=1))
    assert_problem(post(owner_api, "a-1"), 409, "conflict")
    answer = post(owner_api, "a-1", {"name": "Next day"})
    assert (answer.status_code, REPLAYED in answer) == (201, False)
    assert post(owner_api, "a-1", {"name": "Next day"})[REPLAYED] == "true"


def test_the_purge_forgets_what_is_older_than_a_day_and_nothing_else(system: Actor, owner: User) -> None:
    past, future = clock.now() - dt.timedelta(seconds=1), clock.now() + dt.timedelta(minutes=1)
    kept = IdempotencyKeyFactory.create(user=owner, expires_at=future)
    old = [IdempotencyKeyFactory.build(user=owner, expires_at=past) for _ in range(PURGE_AT_ONCE + 1)]
    IdempotencyKey.objects.bulk_create(old)
    run = registry.jobs["purge_idempotency_keys"].run
    assert run(system) == f"Forgot {PURGE_AT_ONCE + 1} expired idempotency keys."
    assert run(system) == "Forgot 0 expired idempotency keys."
    assert IdempotencyKey.objects.get() == kept


def test_the_answer_stays_what_it_was_when_the_row_changes_or_goes(owner_api: APIClient) -> None:
    first = post(owner_api, "a-1")
    row = f"{LISTS}/{first.json()['id']}"
    assert owner_api.patch(row, {"name": "Renamed"}).status_code == 200
    assert plain(post(owner_api, "a-1")) == plain(first)
    assert owner_api.delete(row).status_code == 204
    assert plain(post(owner_api, "a-1")) == plain(first)
    assert not Watchlist.objects.exists()


def test_what_may_be_seen_no_more_is_not_replayed(stranger_api: APIClient, other_user: User, owner: User) -> None:
    InstrumentFactory.create(symbol="SPY")
    portfolio = PortfolioFactory.create(owner=owner)
    PortfolioMemberFactory.create(portfolio=portfolio, user=other_user, grant="trade")
    listed = WatchlistFactory.create(owner=owner, portfolio=portfolio)
    items = f"{LISTS}/{listed.pk}/items"
    assert post(stranger_api, "a-1", {"symbol": "SPY"}, items).status_code == 201
    assert post(stranger_api, "a-1", {"symbol": "SPY"}, items)[REPLAYED] == "true"

    PortfolioMember.objects.all().delete()
    fresh = stranger_api.post(items, {"symbol": "SPY"})
    replayed = post(stranger_api, "a-1", {"symbol": "SPY"}, items)
    assert assert_problem(replayed, 404)["detail"] == assert_problem(fresh, 404)["detail"]


def test_a_row_that_was_taken_away_is_not_replayed(owner_api: APIClient, other_user: User) -> None:
    first = post(owner_api, "a-1")
    Watchlist.objects.filter(pk=first.json()["id"]).update(owner=other_user)
    assert_problem(post(owner_api, "a-1"), 404)


def test_a_replay_asks_who_it_is_and_what_they_may(owner_api: APIClient, owner: User) -> None:
    assert post(owner_api, "a-1").status_code == 201
    owner.groups.clear()
    assert_problem(post(owner_api, "a-1"), 403)
    ApiKey.objects.filter(owner=owner).update(revoked_at=clock.now())
    assert_problem(post(owner_api, "a-1"), 401)


@pytest.mark.parametrize(
    "key", ["", " ", "a b", "x" * 256, "t\tab", "ü", "\u00a0", "\x7f", "a\x01", "日本".encode().decode("latin-1")]
)
def test_a_key_that_is_none_is_refused(owner_api: APIClient, key: str) -> None:
    answer = owner_api.post(LISTS, TECH, HTTP_IDEMPOTENCY_KEY=key)
    assert_problem(answer, 400, "invalid_idempotency_key", "Idempotency-Key")
    assert not Watchlist.objects.exists()


@pytest.mark.parametrize("key", ["!", "~" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "%00", "';DROP", "{}"])
def test_any_visible_ascii_is_a_key(owner_api: APIClient, key: str) -> None:
    assert post(owner_api, key).status_code == 201
    assert post(owner_api, key)[REPLAYED] == "true"
    assert len(IdempotencyKey.objects.get().digest) == 64


def test_a_hostile_body_is_refused_as_without_a_key(owner_api: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    for body, kind, status in (
        (b'{"name": "' + b"x" * 100 + b'"}', "application/json", 413),
        (b"[" * 90, "application/json", 400),
        (b"\xff\x00", "application/json", 400),
        (b"", "application/json", 400),
        (b"name=x", "application/x-www-form-urlencoded", 415),
        (b"{}", "x" * 50, 415),
    ):
        assert_problem(raw(owner_api, body, kind), status)
    assert not IdempotencyKey.objects.exists()


def test_other_methods_take_no_notice(owner_api: APIClient, owner: User) -> None:
    row = f"{LISTS}/{WatchlistFactory.create(owner=owner).pk}"
    for headers in ({"Idempotency-Key": "a-1"}, {"Idempotency-Key": "not one"}):
        assert owner_api.get(LISTS, headers=headers).status_code == 200
        assert owner_api.patch(row, TECH, headers=headers).status_code == 200
    assert owner_api.delete(row, headers={"Idempotency-Key": "a-1"}).status_code == 204
    assert not IdempotencyKey.objects.exists()


def test_of_who_is_nobody_nothing_is_kept(db: None) -> None:
    assert_problem(post(APIClient(), "a-1"), 401)
    assert not IdempotencyKey.objects.exists()


def test_a_claim_is_never_of_the_software_itself(system: Actor) -> None:
    with pytest.raises(ValueError, match="person"):
        Claim.of(actor=system, key="a", request=b"", path="/")


def statements(queries: CaptureQueriesContext) -> list[str]:
    """The statements but for those that begin, end or nest a transaction."""
    around = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    # The prepared question of who calls has no text on PostgreSQL.
    texts = [query["sql"] or "SELECT" for query in queries]
    return [text for text in texts if not text.startswith(around)]


def test_it_costs_three_statements_and_without_the_header_none(owner_api: APIClient) -> None:
    counts: dict[str, int] = {}
    for name, headers in (("warm", {}), ("without", {}), ("with", {"Idempotency-Key": "a-1"})):
        with CaptureQueriesContext(connection) as queries:
            assert owner_api.post(LISTS, {"name": name}, headers=headers).status_code == 201
        asked = statements(queries)
        counts[name] = len(asked)
        assert any("idempotency_keys" in sql for sql in asked) == (name == "with")
    assert counts["with"] - counts["without"] == 3


def test_a_replay_writes_nothing(owner_api: APIClient) -> None:
    post(owner_api, "a-1")
    with CaptureQueriesContext(connection) as queries:
        assert post(owner_api, "a-1")[REPLAYED] == "true"
    assert all(sql.startswith("SELECT") for sql in statements(queries))
    assert len(queries) <= 4


def test_no_two_parts_of_a_request_can_be_taken_for_another(rf: Any) -> None:
    from rest_framework.views import APIView

    from tradingsite.core.api.idempotency import as_received

    def seen(path: str, query: str, kind: str, body: bytes) -> bytes:
        request = rf.generic("POST", path, body, content_type=kind, QUERY_STRING=query)
        return as_received(APIView().initialize_request(request))

    asked = [
        seen("/a", "b", "c", b"d"),
        seen("/ab", "", "c", b"d"),
        seen("/a", "bc", "", b"d"),
        seen("/a", "b", "", b"cd"),
        seen("/a", '","b', "c", b"d"),
        seen("/a", "b", "c", b""),
    ]
    assert len(set(asked)) == len(asked)


# The POSTs that keep no answers: they tell secrets, say who somebody is, or load in steps what loads again as nothing.
NEVER_REPLAYED_BEGINNINGS = ("auth/",)
NEVER_REPLAYED = {"api-keys", "api-keys/{pk}/rotate", "invitations", "bars", "ticks", "ticks/bars"}


def posts() -> dict[str, bool]:
    """Every address of the API that takes POST, and whether it honours the header there."""
    found: dict[str, bool] = {}

    def walk(patterns: list[Any], before: str) -> None:
        for entry in patterns:
            path = before + str(entry.pattern)
            if isinstance(entry, URLResolver):
                walk(entry.url_patterns, path)
            elif isinstance(entry, URLPattern) and path.startswith("api/v1/"):
                note(entry.callback, path)

    def note(callback: Any, path: str) -> None:
        view: type[Endpoint] = getattr(callback, "cls", None) or callback.view_class
        actions: dict[str, str] = getattr(callback, "actions", None) or {}
        if "post" in actions or (not actions and hasattr(view, "post")):
            made = view()
            made.action = actions.get("post")  # type: ignore[attr-defined]  # as a viewset has it
            short = path.removeprefix("api/v1/").rstrip("/").replace("<str:pk>", "{pk}").replace("<pk>", "{pk}")
            found[short] = made.honours_idempotency_key()

    walk(get_resolver().url_patterns, "")
    return found


def test_every_post_but_those_with_secrets_and_streams_honours_it() -> None:
    honoured = posts()
    assert {"watchlists", "signals", "portfolios", "metadata", "api-keys"} <= set(honoured)
    wrong = {
        path: does
        for path, does in honoured.items()
        if does == (path.startswith(NEVER_REPLAYED_BEGINNINGS) or path in NEVER_REPLAYED)
    }
    assert wrong == {}


def test_the_schema_tells_of_it(db: None) -> None:
    schema: Any = yaml.safe_load(Client().get("/api/schema/").content)
    telling = {
        path.removeprefix("/api/v1/").rstrip("/").replace("{id}", "{pk}")
        for path, operations in schema["paths"].items()
        for held in operations.get("post", {}).get("parameters", [])
        if (held["in"], held["name"]) == ("header", "Idempotency-Key")
    }
    assert telling == {path for path, does in posts().items() if does}
    create = schema["paths"]["/api/v1/watchlists/"]["post"]
    header = next(held for held in create["parameters"] if held["name"] == "Idempotency-Key")
    assert header["schema"] == {"type": "string", "pattern": "^[!-~]{1,255}$"}
    assert "Idempotent-Replayed" in create["responses"]["201"]["headers"]
    assert {"409", "422"} <= set(create["responses"])
    assert "Idempotency-Key" not in str(schema["paths"]["/api/v1/watchlists/{id}/"])
