"""Registering by e-mail: what a stranger can do, and what they can not find out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Registration, User
from accounts.services import mails, registration
from accounts.services.users import create_user
from systemevents.models import AuditLog, SystemEvent
from tests.accounts.mails import Mailbox, mailbox  # noqa: F401  # a fixture
from tests.answers import assert_problem
from tests.factories import RegistrationFactory, UserFactory
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.registry import registry

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough passphrase"
ANN = {"username": "Ann", "email": "Ann@Example.com", "password": PASSWORD}


@pytest.fixture(autouse=True)
def open_registration(settings: Any) -> None:
    settings.REGISTRATION = "open"


def post(path: str, body: dict[str, str]) -> Any:
    return APIClient().post(f"/api/v1/auth/{path}/", body)


def test_who_confirms_the_mail_becomes_a_viewer_who_can_log_in(mailbox: Mailbox) -> None:  # noqa: F811
    with mailbox.open():
        assert post("register", ANN).status_code == 202
    assert not User.objects.exists()
    assert mail.outbox[-1].to == ["ann@example.com"]
    answer = post("register/confirm", {"token": mailbox.token})
    assert (answer.status_code, answer.json()) == (201, {"username": "ann", "roles": ["viewer"]})
    user = User.objects.get()
    assert (user.email, user.check_password(PASSWORD)) == ("ann@example.com", True)
    assert not Registration.objects.exists()


def test_a_token_is_good_once_and_stored_nowhere(mailbox: Mailbox) -> None:  # noqa: F811
    with mailbox.open():
        post("register", ANN)
    token = mailbox.token
    stored = str(list(Registration.objects.values())) + str(list(AuditLog.objects.values()))
    assert token not in stored
    assert PASSWORD not in stored
    assert post("register/confirm", {"token": token}).status_code == 201
    assert_problem(post("register/confirm", {"token": token}), 400, "bad_token", field="token")
    assert User.objects.count() == 1


def test_a_token_ends_after_a_day(mailbox: Mailbox) -> None:  # noqa: F811
    with mailbox.open():
        post("register", ANN)
    with time_machine.travel(clock.now() + timedelta(hours=24), tick=False):
        assert_problem(post("register/confirm", {"token": mailbox.token}), 400, "bad_token")
    assert not User.objects.exists()


@pytest.mark.parametrize("known", [{"email": "ann@example.com"}, {"username": "ann"}])
def test_nobody_finds_out_who_is_registered(
    mailbox: Mailbox,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    known: dict[str, str],
) -> None:
    hashes: list[str] = []

    def counted(text: str) -> str:
        hashes.append(text)
        return make_password(text)

    monkeypatch.setattr(registration, "make_password", counted)

    def asked() -> tuple[Any, ...]:
        hashes.clear()
        before = len(mail.outbox)
        with mailbox.open(), CaptureQueriesContext(connection) as queries:
            answer = post("register", ANN)
        headers = {name: value for name, value in answer.items() if name != "X-Request-ID"}
        statements = [query["sql"].split()[0] for query in queries.captured_queries]
        return answer.status_code, answer.content, headers, len(hashes), statements, len(mail.outbox) - before

    unknown = asked()
    Registration.objects.all().delete()
    UserFactory.create(**known)
    assert asked() == unknown
    assert unknown[3] == unknown[5] == 1


def test_a_known_address_is_told_so_and_its_token_confirms_nothing(mailbox: Mailbox) -> None:  # noqa: F811
    UserFactory.create(username="old", email="ann@example.com")
    with mailbox.open():
        post("register", ANN)
    assert mailbox.subjects == ["You are registered already"]
    assert "old" in mailbox.body
    assert "token=" not in mailbox.body
    assert Registration.objects.get().expires_at <= clock.now()


def test_a_taken_name_is_told_by_mail_only(mailbox: Mailbox) -> None:  # noqa: F811
    UserFactory.create(username="ann", email="other@example.com")
    with mailbox.open():
        post("register", ANN)
    assert mailbox.subjects == ["This user name is taken"]
    assert "token=" not in mailbox.body


@pytest.mark.parametrize("taken", [{"username": "ann"}, {"email": "ann@example.com"}])
def test_what_was_taken_meanwhile_is_refused_at_the_confirmation(
    mailbox: Mailbox,  # noqa: F811
    taken: dict[str, str],
) -> None:
    with mailbox.open():
        post("register", ANN)
    UserFactory.create(**taken)
    assert_problem(post("register/confirm", {"token": mailbox.token}), 400)
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"username": "-x"}, "username"),
        ({"username": "änn"}, "username"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b.c\r\nBcc: x@y.z"}, "email"),
        ({"password": "12345678"}, "password"),
        ({"password": "ann@example.com"}, "password"),
    ],
)
def test_what_is_wrong_whoever_exists_is_said(
    mailbox: Mailbox,  # noqa: F811
    wrong: dict[str, str],
    field: str,
) -> None:
    with mailbox.open():
        answer = post("register", {**ANN, **wrong})
    problem = assert_problem(answer, 400)
    assert field in {error["field"] for error in problem["errors"]}
    assert not mail.outbox
    assert not Registration.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"REGISTRATION": "closed"},
        {"REGISTRATION": "invite"},
        {"REGISTRATION": "nonsense"},
        {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"},
    ],
)
def test_it_is_closed_unless_it_is_open_and_mail_is_set_up(settings: Any, values: dict[str, str]) -> None:
    for name, value in values.items():
        setattr(settings, name, value)
    assert_problem(post("register", ANN), 403, "registration_closed")
    assert_problem(post("register/confirm", {"token": "x"}), 403, "registration_closed")
    assert not Registration.objects.exists()


def test_a_mail_server_that_fails_changes_no_answer_and_leaves_an_event(
    mailbox: Mailbox,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(mails, "send_mail", fail)
    with mailbox.open():
        assert post("register", ANN).status_code == 202
    event = SystemEvent.objects.get(event_type="mail.failed")
    assert event.details["to"] == "ann@example.com"
    assert "token" not in str(event.details) + event.description


def test_an_address_gets_a_few_mails_an_hour(mailbox: Mailbox) -> None:  # noqa: F811
    with mailbox.open():
        for _ in range(mails.MOST_TO_ONE + 3):
            assert post("register", ANN).status_code == 202
    assert len(mail.outbox) == mails.MOST_TO_ONE


def test_the_job_throws_away_what_nobody_confirmed(system: Actor) -> None:
    old, new = RegistrationFactory.create(expires_at=clock.now()), RegistrationFactory.create()
    assert registry.jobs["purge_registrations"].run(system).startswith("1 ")
    assert list(Registration.objects.all()) == [new]
    assert old.pk != new.pk


def test_only_the_software_purges(staff: User, owner: User, actor_of: Callable[[User], Actor]) -> None:
    with pytest.raises(Exception, match="permission"):
        registration.purge_registrations(actor=actor_of(owner))


def test_a_new_user_finds_a_paper_portfolio_and_a_watchlist(system: Actor, settings: Any) -> None:
    user = create_user(actor=system, username="ann")
    portfolio = user.portfolios.get()
    assert user.settings.default_portfolio == portfolio
    assert [(cash.currency, cash.balance) for cash in portfolio.cash.all()] == [("USD", settings.STARTING_CASH)]
    assert user.watchlists.get().name == "Default"
    assert [role.name for role in user.groups.all()] == ["viewer"]


def test_no_starting_cash_is_no_portfolio(system: Actor, settings: Any) -> None:
    settings.STARTING_CASH = 0
    user = create_user(actor=system, username="ann")
    assert not user.portfolios.exists()
    assert user.settings.default_portfolio is None
