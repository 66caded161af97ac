"""One's own password, changed or forgotten; one's own settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from rest_framework.test import APIClient

from accounts.models import LoginSession, User
from accounts.services.profiles import set_password
from systemevents.models import AuditLog
from tests.accounts.mails import Mailbox, mailbox  # noqa: F401  # a fixture
from tests.answers import assert_problem, assert_same_answer
from tests.factories import LoginSessionFactory, PortfolioFactory, UserFactory
from tradingsite.core import clock
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Forbidden

pytestmark = pytest.mark.django_db

OLD, NEW = "a long enough passphrase", "another long passphrase"


@pytest.fixture
def ann(db: None) -> User:
    user = UserFactory.create(username="ann", role="trader")
    user.set_password(OLD)
    user.save()
    return user


@pytest.fixture
def api(ann: User) -> APIClient:
    """A person, logged in without a key."""
    client = APIClient()
    client.force_authenticate(ann)
    return client


def post(path: str, body: dict[str, str]) -> Any:
    return APIClient().post(f"/api/v1/auth/password/{path}/", body)


def change(api: APIClient, current: str = OLD, new: str = NEW) -> Any:
    return api.post("/api/v1/auth/password/change/", {"current_password": current, "new_password": new})


@pytest.fixture
def token(ann: User, mailbox: Mailbox) -> str:  # noqa: F811
    with mailbox.open():
        assert post("reset", {"email": "Ann@Example.com"}).status_code == 202
    return mailbox.token


def test_who_knows_the_password_changes_it_and_other_log_ins_end(ann: User, api: APIClient) -> None:
    login = LoginSessionFactory.create(user=ann)
    assert change(api).status_code == 204
    ann.refresh_from_db()
    login.refresh_from_db()
    assert ann.check_password(NEW)
    assert login.end_reason == "password"
    assert "user.password_changed" in set(AuditLog.objects.values_list("action", flat=True))


def test_a_wrong_password_is_refused_and_counted(ann: User, api: APIClient, settings: Any) -> None:
    settings.LOGIN_ATTEMPTS = 2
    for _ in range(2):
        assert_problem(change(api, current="wrong"), 400, "wrong_password", field="current_password")
    assert_problem(change(api), 429)
    ann.refresh_from_db()
    assert ann.check_password(OLD)


def test_a_weak_one_is_refused(ann: User, api: APIClient) -> None:
    assert_problem(change(api, new="12345678"), 400, "weak_password", field="new_password")


def test_no_key_changes_its_owners_password(ann: User, api_of: Callable[[User], APIClient]) -> None:
    assert_problem(change(api_of(ann)), 403)
    with pytest.raises(Forbidden):
        set_password(actor=Actor.of(ann, front=Front.API, key_id="x"), user=ann, password=NEW)
    ann.refresh_from_db()
    assert ann.check_password(OLD)


def test_the_link_sets_a_password_once_and_ends_all_log_ins(ann: User, token: str) -> None:
    LoginSessionFactory.create(user=ann)
    assert post("reset/confirm", {"token": token, "new_password": NEW}).status_code == 204
    ann.refresh_from_db()
    assert ann.check_password(NEW)
    assert not LoginSession.objects.filter(ended_at=None).exists()
    assert_problem(post("reset/confirm", {"token": token, "new_password": OLD}), 400, "bad_token", field="token")


def test_a_link_ends_with_the_hour_and_with_any_change(ann: User, api: APIClient, token: str) -> None:
    with time_machine.travel(clock.now() + timedelta(seconds=3602), tick=False):
        assert_problem(post("reset/confirm", {"token": token, "new_password": NEW}), 400, "bad_token")
    assert change(api).status_code == 204
    assert_problem(post("reset/confirm", {"token": token, "new_password": OLD}), 400, "bad_token")


@pytest.mark.parametrize("token", ["", "x", "1", "-", "1-", "0-x", f"{'9' * 30}-x", "١-x", "1-x-y"])
def test_a_token_that_is_none_is_refused(ann: User, token: str) -> None:
    assert post("reset/confirm", {"token": token, "new_password": NEW}).status_code == 400


def test_anothers_token_is_not_ones_own(ann: User, token: str) -> None:
    other = UserFactory.create(password=ann.password)
    stolen = f"{other.pk}-{token.partition('-')[2]}"
    assert_problem(post("reset/confirm", {"token": stolen, "new_password": NEW}), 400, "bad_token")


def test_nobody_learns_who_has_an_e_mail_and_who_may_not_log_in_gets_nothing(
    ann: User,
    mailbox: Mailbox,  # noqa: F811
) -> None:
    User.objects.filter(pk=UserFactory.create(username="gone", password=ann.password).pk).update(is_active=False)
    UserFactory.create(username="bot", password="!")
    with mailbox.open():
        known, *others = [post("reset", {"email": f"{name}@example.com"}) for name in ("ann", "gone", "bot", "nobody")]
    for answer in others:
        assert_same_answer(known, answer)
        assert {name for name, _ in answer.items()} == {name for name, _ in known.items()}
    assert [message.to for message in mail.outbox] == [["ann@example.com"]]


def test_settings_are_ones_own_and_change_by_their_version(ann: User, api: APIClient) -> None:
    shown = api.get("/api/v1/auth/settings/")
    assert shown.json()["theme"] == "auto"
    values = {"theme": "dark", "time_zone": "Asia/Tokyo", "notifications": {"daily_summary": True}}
    changed = api.patch("/api/v1/auth/settings/", values, headers={"If-Match": shown["ETag"]})
    assert changed.status_code == 200
    assert changed.json()["notifications"]["daily_summary"] is True
    assert changed.json()["notifications"]["risk_halt"] is True
    stale = api.patch("/api/v1/auth/settings/", {"theme": "light"}, headers={"If-Match": shown["ETag"]})
    assert_problem(stale, 412)
    assert api.get("/api/v1/auth/settings/", headers={"If-None-Match": changed["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    "values",
    [
        {"time_zone": "Mars/Base"},
        {"time_zone": "../../etc/passwd"},
        {"theme": "pink"},
        {"notifications": {"pigeon": True}},
        {"notifications": {"risk_halt": 1}},
        {"notifications": None},
        {"default_portfolio": "1"},
        {"user": 1},
        {},
    ],
)
def test_settings_that_are_none_are_refused(api: APIClient, values: dict[str, Any]) -> None:
    assert_problem(api.patch("/api/v1/auth/settings/", values), 400)


def test_a_foreign_portfolio_is_a_missing_one(ann: User, api: APIClient) -> None:
    foreign = PortfolioFactory.create()
    answers = [
        api.patch("/api/v1/auth/settings/", {"default_portfolio": pk}) for pk in (foreign.pk, foreign.pk + 10**9)
    ]
    assert_problem(answers[0], 404)
    assert_same_answer(*answers)
    own = PortfolioFactory.create(owner=ann)
    assert api.patch("/api/v1/auth/settings/", {"default_portfolio": own.pk}).json()["default_portfolio"] == own.pk


def test_people_change_their_names_and_nothing_else_about_themselves(ann: User, api: APIClient) -> None:
    assert api.patch("/api/v1/auth/me/", {"first_name": "Ann"}).json()["first_name"] == "Ann"
    assert_problem(api.patch("/api/v1/auth/me/", {"is_superuser": True}), 400)
    assert_problem(api.patch("/api/v1/auth/me/", {"username": "root"}), 400)
