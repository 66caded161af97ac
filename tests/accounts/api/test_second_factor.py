"""`auth/totp/`: one's own second factor over the API, and what a log-in without a demanded one may reach."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from rest_framework.test import APIClient

from accounts.models import User
from accounts.second_factor_codes import code_of_step, step_at
from accounts.second_factor_state import has_second_factor
from accounts.services.api_keys import create_api_key
from tests.answers import assert_problem
from tests.factories import UserFactory
from tests.second_factors import App, set_up
from tests.test_endpoint_matrix import MATRIX
from tradingsite.core import clock
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Conflict

pytestmark = pytest.mark.django_db

TOTP = "/api/v1/auth/totp/"
POSTS = ("", "confirm/", "recovery-codes/", "remove/")
PASSWORD = "correct horse battery staple"
CODE = re.compile(r"([a-z2-7]{4}-){3}[a-z2-7]{4}")


@pytest.fixture(autouse=True)
def signing_key(settings: Any) -> None:
    settings.JWT_SIGNING_KEY = "a signing key of the tests, long enough to sign with: 0123456789"


@pytest.fixture
def person(db: None) -> User:
    """A trader with a password."""
    return UserFactory.create(username="person", role="trader", password=make_password(PASSWORD))


def log_in(**more: str) -> Any:
    return APIClient().post("/api/v1/auth/token/", {"username": "person", "password": PASSWORD, **more})


@pytest.fixture
def api(person: User) -> APIClient:
    """The person, logged in over the API."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {log_in().json()['access']}")
    return client


def test_it_is_set_up_confirmed_used_renewed_and_removed(person: User, api: APIClient) -> None:
    assert api.get(TOTP).json() == {
        "is_on": False,
        "is_begun": False,
        "is_missing": False,
        "recovery_codes_left": 0,
    }
    begun = api.post(TOTP)
    assert begun.status_code == 201
    assert begun.headers["Cache-Control"] == "no-store"
    secret = begun.json()["secret"]
    assert begun.json()["uri"].startswith("otpauth://totp/Trading%20desk:person?secret=" + secret)
    assert api.get(TOTP).json()["is_begun"] is True
    confirmed = api.post(f"{TOTP}confirm/", {"code": code_of_step(secret, step_at(clock.now()))})
    assert confirmed.headers["Cache-Control"] == "no-store"
    codes = confirmed.json()["recovery_codes"]
    assert len(codes) == 10
    assert all(CODE.fullmatch(code) for code in codes)
    assert_problem(log_in(), 401, "otp_required")
    assert_problem(log_in(otp=codes[0] + "a"), 401, "otp_wrong")
    assert log_in(otp=codes[0]).status_code == 200
    assert_problem(log_in(otp=codes[0]), 401, "otp_wrong")
    assert api.get(TOTP).json()["recovery_codes_left"] == 9
    fresh = api.post(f"{TOTP}recovery-codes/", {"code": codes[1]}).json()["recovery_codes"]
    assert api.post(f"{TOTP}remove/", {"code": fresh[0]}).status_code == 204
    assert log_in().status_code == 200


def test_a_secret_is_answered_once(person: User, api: APIClient) -> None:
    set_up(person)
    assert_problem(api.post(TOTP), 409, "conflict")
    assert "secret" not in api.get(TOTP).json()


def test_an_idempotency_key_keeps_no_secret(person: User, api: APIClient) -> None:
    first = api.post(TOTP, headers={"Idempotency-Key": "the same"})
    again = api.post(TOTP, headers={"Idempotency-Key": "the same"})
    assert first.json()["secret"] != again.json()["secret"]


@pytest.mark.parametrize("path", POSTS)
def test_an_api_key_may_nothing(person: User, api_of: Callable[[User], APIClient], path: str) -> None:
    app = set_up(person)
    body = {"code": app.code} if path else {}
    assert_problem(api_of(person).post(TOTP + path, body), 403, "forbidden")
    assert_problem(api_of(person).get(TOTP), 403, "forbidden")
    assert has_second_factor(person)


@pytest.mark.parametrize("path", POSTS)
def test_nobody_may_nothing(client: APIClient, path: str) -> None:
    assert_problem(APIClient().post(TOTP + path, {}), 401)


@pytest.mark.parametrize("is_on", [False, True])
@pytest.mark.parametrize("path", POSTS)
def test_a_hostile_body_is_a_problem(person: User, api: APIClient, path: str, is_on: bool) -> None:
    if is_on:
        set_up(person)
    else:
        api.post(TOTP)
    values: tuple[Any, ...] = (
        *(None, 1, 123456, 1.5, True, [], {}, ["123456"], {"$gt": ""}, "", " ", "\t", "12345", "1234567", "१२३४५६"),
        *(
            "١٢٣٤٥٦",
            "0" * 64,
            "1" * 65,
            "x" * 1_000_000,
            "' OR 1=1 --",
            "<script>",
            "abcd-efgh-2345-wxyz",
            "\u212a" * 16,
        ),
    )
    for value in values:
        answer = api.post(TOTP + path, {"code": value})
        assert 400 <= answer.status_code < 500, value
        assert_problem(answer, answer.status_code)
    for raw in ('{"code": "\\u0000"}', '{"code": "\\ud800"}', '{"code": NaN}', "[", '"123456"', "[]"):
        answer = api.generic("POST", TOTP + path, raw, content_type="application/json")
        assert_problem(answer, 400)
    assert_problem(api.post(f"{TOTP}confirm/", {"code": "123456", "more": 1}), 400)
    assert has_second_factor(person) is is_on
    assert api.get(TOTP).status_code == 200


def test_guessing_with_the_password_locks_out_before_it_gets_far(person: User) -> None:
    app = set_up(person)
    statuses = [log_in(otp=app.wrong_code).status_code for _ in range(8)]
    assert statuses[:4] == [401] * 4
    assert statuses[5:] == [429] * 3
    # From another address too the right code is refused for now, the recovery code is not.
    elsewhere = APIClient(REMOTE_ADDR="198.51.100.7")
    body = {"username": "person", "password": PASSWORD}
    refused = elsewhere.post("/api/v1/auth/token/", {**body, "otp": app.code})
    assert_problem(refused, 401, "otp_wrong")
    assert "refused until" in refused.json()["detail"]
    assert elsewhere.post("/api/v1/auth/token/", {**body, "otp": app.recovery_codes[0]}).status_code == 200


# Where it is demanded


def test_a_log_in_without_a_demanded_one_reaches_nothing_else(person: User, api: APIClient, settings: Any) -> None:
    settings.TOTP_REQUIRED = "everybody"
    reached = set()
    for route, method, path, body, _ in MATRIX:
        if route == "auth-logout":
            continue
        answer = getattr(api, method)("/api/" + re.sub(r"\{\w+\}", "1", path), body)
        if answer.status_code != 403 or answer.json()["code"] != "totp_required":
            reached.add(route)
    strangers = {route for route, *_, statuses in MATRIX if not statuses.startswith("401")}
    assert reached - strangers == {
        *("auth-me", "auth-totp", "auth-totp-confirm", "auth-totp-recovery-codes", "auth-totp-remove")
    }
    assert api.get(TOTP).json()["is_missing"] is True
    assert api.post("/api/v1/auth/logout/").status_code == 204


def test_with_it_the_same_log_in_goes_on(person: User, api: APIClient, settings: Any) -> None:
    settings.TOTP_REQUIRED = "everybody"
    assert_problem(api.get("/api/v1/portfolios/"), 403, "totp_required")
    secret = api.post(TOTP).json()["secret"]
    api.post(f"{TOTP}confirm/", {"code": code_of_step(secret, step_at(clock.now()))})
    assert api.get("/api/v1/portfolios/").status_code == 200


def test_keys_made_before_go_on_and_new_ones_of_ones_own_are_refused(
    person: User, staff: User, api_of: Callable[[User], APIClient], settings: Any
) -> None:
    by_key = api_of(person)
    settings.TOTP_REQUIRED = "everybody"
    assert by_key.get("/api/v1/portfolios/").status_code == 200
    actor = Actor.of(person, front=Front.ADMIN)
    with pytest.raises(Conflict):
        create_api_key(actor=actor, owner=person, name="refused")
    # For an account of a bot, which has no app, who may change users makes them.
    assert create_api_key(actor=Actor.of(staff, front=Front.ADMIN), owner=person, name="by staff").text
    app: App = set_up(person)
    assert app.code
    assert create_api_key(actor=actor, owner=person, name="own").text
