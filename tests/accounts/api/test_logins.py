"""auth/token, auth/token/refresh, auth/login, auth/logout and auth/logins over HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import LoginEnd, LoginSession, User
from accounts.second_factor_codes import code_of_step, step_at
from accounts.selectors import login_with_rights
from accounts.services.second_factor import begin_second_factor, confirm_second_factor
from systemevents.models import AuditLog, SystemEvent
from tests.accounts.passwords import (
    LOGIN,
    LOGINS,
    LOGOUT,
    ME,
    PASSWORD,
    TOKEN,
    log_in,
    logged_in,
    refresh,
    try_to_log_in,
    with_password,
    with_token,
)
from tests.answers import assert_problem, assert_same_answer, results
from tradingsite.core import clock
from tradingsite.core.actor import Actor, Front


@pytest.fixture
def person(owner: User) -> User:
    """The owner, with a password."""
    return with_password(owner)


def test_a_log_in_gives_two_tokens_and_says_until_when(person: User, settings: Any) -> None:
    settings.ACCESS_TOKEN_MINUTES, settings.REFRESH_TOKEN_DAYS = 3, 2
    with time_machine.travel("2026-11-20T12:00:00Z", tick=False):
        answer = try_to_log_in("  OWNER ")
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "no-store"
        body = answer.json()
        assert set(body) == {"access", "refresh", "access_expires_at", "refresh_expires_at", "token_type"}
        assert body["token_type"] == "Bearer"
        assert body["access_expires_at"] == "2026-11-20T12:03:00Z"
        assert body["refresh_expires_at"] == "2026-11-22T12:00:00Z"
        assert with_token(body["access"]).get(ME).json()["username"] == "owner"
    person.refresh_from_db()
    assert person.last_login == dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    entry = AuditLog.objects.get(action="login.started")
    assert (entry.actor, entry.front, entry.address) == (person, Front.API, "203.0.113.7")
    with time_machine.travel("2026-11-20T12:03:00Z", tick=False):
        assert_problem(with_token(body["access"]).get(ME), 401, "not_authenticated")


def test_a_person_has_all_their_rights(person: User) -> None:
    api = logged_in(person)
    me = api.get(ME).json()
    assert me["permissions"] == sorted(person.get_all_permissions())
    assert me["api_key"] is None
    made = api.post("/api/v1/api-keys/", {"name": "by hand"})
    assert made.status_code == 201
    rotated = api.post(f"/api/v1/api-keys/{made.json()['id']}/rotate/", {})
    assert rotated.status_code == 201
    assert_problem(api.get("/api/v1/users/"), 403)


def test_a_superuser_may_everything(person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_superuser=True)
    api = logged_in(person)
    assert api.get(ME).json()["sees_everything"] is True
    assert api.get("/api/v1/users/").status_code == 200


def test_who_calls_is_asked_in_one_query_with_their_rights(
    person: User, django_assert_num_queries: Callable[[int], Any]
) -> None:
    api = logged_in(person)
    with django_assert_num_queries(2):
        # The second one are the watchlists.
        assert api.get("/api/v1/watchlists/").status_code == 200
    login = LoginSession.objects.get()
    with django_assert_num_queries(1):
        found = login_with_rights(login.public_id)
        assert found is not None
        assert found.user.has_perm("portfolio.add_watchlist")
        assert not found.user.has_perm("core.view_all")
    with django_assert_num_queries(0):
        assert_problem(with_token("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl").get(ME), 401)


def test_every_failure_answers_alike(person: User, other_user: User, viewer: User) -> None:
    with_password(other_user)
    User.objects.filter(pk=other_user.pk).update(is_active=False)
    wrong = try_to_log_in("owner", "wrong")
    assert_problem(wrong, 401, "wrong_credentials")
    assert wrong["WWW-Authenticate"].startswith("Bearer")
    for name in ("nobody", "other", "viewer", "Öwner", "owner\u2028x".replace("\u2028", "")):
        assert_same_answer(try_to_log_in(name, "wrong"), wrong)
    assert_same_answer(try_to_log_in("other"), wrong)
    assert not LoginSession.objects.exists()


def test_the_password_is_taken_as_it_is(owner: User) -> None:
    with_password(owner, "  blanks  around it ")
    assert_problem(try_to_log_in("owner", "blanks  around it"), 401)
    assert try_to_log_in("owner", "  blanks  around it ").status_code == 200


def test_without_a_signing_key_nobody_logs_in_and_no_token_is_good(person: User, settings: Any) -> None:
    tokens = log_in(person)
    settings.JWT_SIGNING_KEY = ""
    assert "JWT_SIGNING_KEY" in assert_problem(try_to_log_in("owner"), 503, "unavailable")["detail"]
    assert_problem(refresh(tokens["refresh"]), 503)
    assert_problem(with_token(tokens["access"]).get(ME), 401)
    assert_problem(APIClient().post(LOGOUT, {"refresh": tokens["refresh"]}), 503)


def test_another_signing_key_ends_all_tokens(person: User, settings: Any) -> None:
    tokens = log_in(person)
    settings.JWT_SIGNING_KEY = settings.JWT_SIGNING_KEY[::-1]
    assert_problem(with_token(tokens["access"]).get(ME), 401)
    assert_problem(refresh(tokens["refresh"]), 401)


def test_a_refresh_token_gives_the_next_pair_once(person: User) -> None:
    first = log_in(person)
    second = refresh(first["refresh"]).json()
    assert second["refresh"] != first["refresh"]
    # The access token of before lives out its minutes.
    for pair in (first, second):
        assert with_token(pair["access"]).get(ME).status_code == 200
    third = refresh(second["refresh"])
    assert third.status_code == 200
    assert not SystemEvent.objects.exists()


def test_a_refresh_token_used_twice_ends_the_log_in(person: User) -> None:
    first = log_in(person)
    second = refresh(first["refresh"]).json()
    assert_problem(refresh(first["refresh"]), 401, "wrong_credentials")
    assert LoginSession.objects.get().end_reason == LoginEnd.REUSE
    event = SystemEvent.objects.get()
    assert (event.event_type, event.details["user"]) == ("login.token_reused", "owner")
    assert_problem(refresh(second["refresh"]), 401)
    for pair in (first, second):
        assert_problem(with_token(pair["access"]).get(ME), 401)
    # Told once; and it is no reason to end another log-in.
    assert SystemEvent.objects.count() == 1
    assert log_in(person)


def test_neither_token_passes_for_the_other(person: User) -> None:
    tokens = log_in(person)
    assert_problem(with_token(tokens["refresh"]).get(ME), 401)
    assert_problem(refresh(tokens["access"]), 401)
    assert with_token(tokens["access"]).get(ME).status_code == 200


def test_a_refresh_token_ends_by_itself(person: User) -> None:
    with time_machine.travel("2026-11-20T12:00:00Z", tick=False):
        tokens = log_in(person)
    with time_machine.travel("2026-11-27T12:00:00Z", tick=False):
        assert_problem(refresh(tokens["refresh"]), 401)


@pytest.mark.parametrize(
    "text", ["x", "a.b.c", "eyJ", ".", "..", "\u0661.\u0661.\u0661", "x" * 1024, "tsk_x", "a.b.c\n", " a.b.c"]
)
def test_what_is_no_token_is_401(person: User, text: str) -> None:
    assert_problem(refresh(text), 401)
    assert_problem(APIClient().get(ME, headers={"Authorization": f"Bearer {text.strip()}"}), 401)
    assert_problem(APIClient().post(LOGOUT, {"refresh": text}), 401)


@pytest.mark.parametrize(
    "body", [{}, {"refresh": 1}, {"refresh": None}, {"refresh": "x" * 1025}, {"x": 1}, {"refresh": ""}]
)
def test_a_refresh_body_that_is_none_is_400(person: User, body: Any) -> None:
    assert_problem(APIClient().post("/api/v1/auth/token/refresh/", body), 400)


def test_logging_out_ends_the_log_in_at_once(person: User) -> None:
    tokens, other = log_in(person), log_in(person)
    api = with_token(tokens["access"])
    assert api.post(LOGOUT).status_code == 204
    assert_problem(api.get(ME), 401)
    assert_problem(refresh(tokens["refresh"]), 401)
    assert with_token(other["access"]).get(ME).status_code == 200
    assert AuditLog.objects.get(action="login.ended").after == {"reason": "logout"}
    # Not as if a stolen token had come.
    assert not SystemEvent.objects.exists()


def test_logging_out_by_the_refresh_token(person: User) -> None:
    tokens = log_in(person)
    assert APIClient().post(LOGOUT, {"refresh": tokens["refresh"]}).status_code == 204
    assert_problem(with_token(tokens["access"]).get(ME), 401)
    assert_problem(APIClient().post(LOGOUT, {"refresh": tokens["refresh"]}), 401)
    both = log_in(person)
    assert with_token(both["access"]).post(LOGOUT, {"refresh": both["refresh"]}).status_code == 204
    assert AuditLog.objects.filter(action="login.ended").count() == 2


def test_logging_out_everywhere_ends_log_ins_and_the_admin(person: User, other_user: User) -> None:
    browser = Client()
    browser.force_login(person)
    assert browser.get("/admin/").status_code == 200
    one, another = log_in(person), log_in(person)
    stranger = logged_in(with_password(other_user))
    assert with_token(one["access"]).post(LOGOUT, {"everywhere": True}).status_code == 204
    for tokens in (one, another):
        assert_problem(with_token(tokens["access"]).get(ME), 401)
    assert browser.get("/admin/").status_code == 302
    assert stranger.get(ME).status_code == 200


def test_a_key_is_no_log_in(owner_api: APIClient) -> None:
    assert_problem(owner_api.post(LOGOUT, {"everywhere": True}), 401)
    assert owner_api.get(ME).status_code == 200


# The session of a browser


def browser_log_in(client: APIClient, **headers: str) -> Any:
    return client.post(LOGIN, {"username": "owner", "password": PASSWORD}, headers=headers)


def test_a_session_opens_the_admin_and_not_the_api(person: User) -> None:
    browser = APIClient(enforce_csrf_checks=True)
    answer = browser_log_in(browser)
    assert answer.status_code == 200
    assert (answer.json()["username"], answer.json()["roles"]) == ("owner", ["trader"])
    assert browser.get("/admin/").status_code == 200
    assert_problem(browser.get(ME), 401)
    assert AuditLog.objects.get(action="session.started").actor == person
    assert_problem(browser.post(LOGOUT), 403)
    token = browser.cookies["csrftoken"].value
    assert browser.post(LOGOUT, headers={"X-CSRFToken": token}).status_code == 204
    assert browser.get("/admin/").status_code == 302
    assert AuditLog.objects.get(action="session.ended").actor == person


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://testserver"}, 200),
        ({"Origin": "https://trusted.example.com"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://evil.example.com"}, 403),
        ({"Origin": "https://testserver"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
    ids=str,
)
def test_no_page_of_another_site_logs_a_browser_in(
    person: User, settings: Any, headers: dict[str, str], status: int
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://trusted.example.com"]
    browser = APIClient()
    answer = browser_log_in(browser, **headers)
    assert answer.status_code == status
    assert ("sessionid" in answer.cookies) is (status == 200)


def test_a_form_logs_nobody_in(person: User) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        answer = Client().post(LOGIN, b'{"username": "owner", "password": "a long password 1"}', content_type)
        assert_problem(answer, 415)
        assert not answer.cookies


# One's own log-ins


def test_one_sees_ones_own_log_ins_and_ends_one(person: User, other_user: User) -> None:
    api, elsewhere = logged_in(person), log_in(person)
    logged_in(with_password(other_user))
    rows = results(api.get(LOGINS))
    assert [row["user"] for row in rows] == ["owner", "owner"]
    assert [row["is_current"] for row in rows] == [False, True]
    assert {row["state"] for row in rows} == {"active"}
    ended = api.post(f"{LOGINS}{rows[0]['id']}/end/")
    assert (ended.status_code, ended.json()["state"], ended.json()["end_reason"]) == (200, "ended", "logout")
    assert_problem(with_token(elsewhere["access"]).get(ME), 401)
    again = api.post(f"{LOGINS}{rows[0]['id']}/end/")
    assert again.json() == ended.json()
    assert [row["id"] for row in results(api.get(LOGINS, {"ended": "false"}))] == [rows[1]["id"]]


def test_a_strangers_log_in_answers_as_one_that_does_not_exist(person: User, other_user: User) -> None:
    api = logged_in(person)
    logged_in(with_password(other_user))
    foreign = LoginSession.objects.get(user=other_user)
    for path in (f"{LOGINS}{{}}/", f"{LOGINS}{{}}/end/"):
        call = api.post if path.endswith("end/") else api.get
        assert_same_answer(call(path.format(foreign.pk)), call(path.format(foreign.pk + 10**6)))
    foreign.refresh_from_db()
    assert foreign.ended_at is None


def test_staff_see_and_end_anybodys(person: User, staff: User) -> None:
    hers = logged_in(person)
    login = LoginSession.objects.get()
    api = logged_in(with_password(staff))
    assert {row["user"] for row in results(api.get(LOGINS))} == {"owner", "staff"}
    assert api.post(f"{LOGINS}{login.pk}/end/").status_code == 200
    assert_problem(hers.get(ME), 401)


def test_nothing_secret_of_a_log_in_is_answered(person: User) -> None:
    api = logged_in(person)
    login = LoginSession.objects.get()
    answers = api.get(LOGINS).content + api.get(f"{LOGINS}{login.pk}/").content + api.get("/api/v1/audit-logs/").content
    assert login.refresh_id.encode() not in answers
    assert login.public_id.encode() not in answers


# The second factor


def with_second_factor(user: User) -> tuple[str, list[str]]:
    """The secret of the user's app and the recovery codes."""
    actor = Actor.of(user, front=Front.ADMIN)
    secret = begin_second_factor(actor=actor).secret
    step = step_at(clock.now()) - 1
    return secret, confirm_second_factor(actor=actor, code=code_of_step(secret, step))


def test_a_code_is_asked_for_once_the_password_was_right(person: User) -> None:
    secret, codes = with_second_factor(person)
    assert_problem(try_to_log_in("owner"), 401, "otp_required")
    assert_problem(try_to_log_in("owner", "wrong"), 401, "wrong_credentials")
    assert_problem(try_to_log_in("owner", otp="000000"), 401, "otp_wrong")
    code = code_of_step(secret, step_at(clock.now()))
    assert try_to_log_in("owner", otp=code).status_code == 200
    assert_problem(try_to_log_in("owner", otp=code), 401, "otp_wrong")
    assert try_to_log_in("owner", otp=codes[0]).status_code == 200


def test_wrong_codes_lock_out_as_wrong_passwords_do(person: User, settings: Any) -> None:
    settings.LOGIN_ATTEMPTS = 3
    _, codes = with_second_factor(person)
    for _ in range(3):
        assert_problem(try_to_log_in("owner", otp="aaaa-aaaa-aaaa-aaaa"), 401, "otp_wrong")
    assert_problem(try_to_log_in("owner", otp=codes[0]), 429)
    assert try_to_log_in("owner", otp=codes[0], address="198.51.100.1").status_code == 200


def test_tokens_are_asked_for_by_post_only(db: None) -> None:
    assert_problem(APIClient().get(TOKEN), 405)
