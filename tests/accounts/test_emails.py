"""One's own e-mail, changed by a link in a mail to the new one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail, signing
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import LoginSession, User
from accounts.services.emails import LONGEST_TOKEN
from systemevents.models import AuditLog
from tests.accounts.mails import Mailbox, mailbox  # noqa: F401  # a fixture
from tests.accounts.passwords import PASSWORD, logged_in, with_password
from tests.answers import assert_problem, assert_same_answer
from tests.factories import LoginSessionFactory, UserFactory
from tradingsite.core import clock

pytestmark = pytest.mark.django_db

CONFIRM, NEW = "/api/v1/auth/email/confirm/", "new@example.com"


@pytest.fixture
def ann(db: None) -> User:
    return with_password(UserFactory.create(username="ann", role="trader"))


@pytest.fixture
def api(ann: User) -> APIClient:
    return logged_in(ann)


def ask(api: APIClient, email: str = NEW, password: str = PASSWORD, **more: Any) -> Any:
    return api.post("/api/v1/auth/email/change/", {"email": email, "current_password": password}, **more)


def confirm(token: str) -> Any:
    return APIClient().post(CONFIRM, {"token": token})


def token_for(mailbox: Mailbox, api: APIClient, email: str = NEW) -> str:  # noqa: F811
    mail.outbox.clear()
    with mailbox.open():
        assert ask(api, email).status_code == 202
    return str(mail.outbox[0].body).partition("token=")[2].split()[0]


@pytest.fixture
def token(api: APIClient, mailbox: Mailbox) -> str:  # noqa: F811
    return token_for(mailbox, api)


def email_of(user: User) -> str | None:
    return User.objects.get(pk=user.pk).email


def assert_no_good(answer: Any) -> None:
    assert_problem(answer, 400, "bad_token", field="token")


def test_the_link_goes_to_the_new_e_mail_and_a_notice_to_the_old_one(
    ann: User,
    api: APIClient,
    mailbox: Mailbox,  # noqa: F811
) -> None:
    token = token_for(mailbox, api, " New@Example.com")
    assert [message.to for message in mail.outbox] == [[NEW], ["ann@example.com"]]
    assert token not in str(mail.outbox[1].body)
    assert email_of(ann) == "ann@example.com"
    with mailbox.open():
        assert confirm(token).status_code == 204
    assert email_of(ann) == NEW
    assert mail.outbox[-1].to == ["ann@example.com"]
    assert "was changed" in mail.outbox[-1].subject
    entry = AuditLog.objects.get(action="user.email_changed")
    assert (entry.actor, entry.before, entry.after) == (ann, {"email": "ann@example.com"}, {"email": NEW})
    assert AuditLog.objects.filter(action="user.email_change_requested", actor=ann).exists()
    assert not any(token in str([row.before, row.after]) for row in AuditLog.objects.all())


def test_a_new_e_mail_ends_all_log_ins(ann: User, api: APIClient, token: str) -> None:
    LoginSessionFactory.create(user=ann)
    assert confirm(token).status_code == 204
    assert set(LoginSession.objects.values_list("end_reason", flat=True)) == {"email"}
    assert api.get("/api/v1/auth/me/").status_code == 401


def test_the_link_is_good_once_even_when_the_e_mail_is_as_before_again(
    ann: User,
    token: str,
    mailbox: Mailbox,  # noqa: F811
) -> None:
    assert confirm(token).status_code == 204
    assert_no_good(confirm(token))
    assert confirm(token_for(mailbox, logged_in(ann), "ann@example.com")).status_code == 204
    assert_no_good(confirm(token))
    assert email_of(ann) == "ann@example.com"


def test_it_ends_with_the_day(ann: User, token: str) -> None:
    with time_machine.travel(clock.now() + timedelta(hours=24, seconds=2), tick=False):
        assert_no_good(confirm(token))
    with time_machine.travel(clock.now() + timedelta(hours=23, minutes=59), tick=False):
        assert confirm(token).status_code == 204


def test_it_ends_with_another_password(ann: User, api: APIClient, token: str) -> None:
    body = {"current_password": PASSWORD, "new_password": "another long passphrase"}
    assert api.post("/api/v1/auth/password/change/", body).status_code == 204
    assert_no_good(confirm(token))
    assert email_of(ann) == "ann@example.com"


def test_of_two_links_the_one_that_is_used_ends_the_other(
    ann: User,
    api: APIClient,
    mailbox: Mailbox,  # noqa: F811
) -> None:
    first, second = (token_for(mailbox, api, email) for email in (NEW, "other@example.com"))
    assert confirm(first).status_code == 204
    assert_no_good(confirm(second))
    assert email_of(ann) == NEW


def test_it_ends_with_the_account_and_when_somebody_takes_the_e_mail(ann: User, token: str) -> None:
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert_no_good(confirm(token))
    User.objects.filter(pk=ann.pk).update(is_active=True)
    UserFactory.create(username="bob", email=NEW)
    assert_no_good(confirm(token))
    assert email_of(ann) == "ann@example.com"


def test_nobody_learns_who_has_an_e_mail(ann: User, api: APIClient, mailbox: Mailbox) -> None:  # noqa: F811
    UserFactory.create(username="bob")
    with mailbox.open():
        known, unknown, own = [ask(api, f"{name}@example.com") for name in ("bob", "nobody", "ann")]
    assert known.status_code == 202
    for answer in (unknown, own):
        assert_same_answer(known, answer)
    notices = [message for message in mail.outbox if message.subject == "Another e-mail was asked for"]
    assert [message.to for message in notices] == [["ann@example.com"]] * 3
    to_bob = [str(message.body) for message in mail.outbox if message.to == ["bob@example.com"]]
    assert len(to_bob) == 1
    assert "token=" not in to_bob[0]
    assert "ann" not in to_bob[0]


def test_a_wrong_password_is_refused_and_counted(
    ann: User,
    api: APIClient,
    settings: Any,
    mailbox: Mailbox,  # noqa: F811
) -> None:
    settings.LOGIN_ATTEMPTS = 2
    with mailbox.open():
        for _ in range(2):
            assert_problem(ask(api, password="wrong"), 400, "wrong_password", field="current_password")
        assert_problem(ask(api), 429)
    assert mail.outbox == []


def test_no_key_changes_its_owners_e_mail(ann: User, api_of: Callable[[User], APIClient]) -> None:
    assert_problem(ask(api_of(ann)), 403)
    assert_problem(ask(APIClient()), 401)
    assert not AuditLog.objects.filter(action="user.email_change_requested").exists()


@pytest.mark.parametrize(
    "email", ["", "x", "a@b", "a b@example.com", f"{'a' * 250}@example.com", "a@example.com\nBcc: x"]
)
def test_what_is_no_e_mail_is_refused(api: APIClient, email: str) -> None:
    assert_problem(ask(api, email), 400, field="email")


def test_where_no_mail_is_set_up_an_administrator_is_asked(api: APIClient, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    assert_problem(ask(api), 403)


def test_a_token_that_is_sent_again_with_its_key_is_not_replayed(api: APIClient) -> None:
    key = {"Idempotency-Key": "the same one"}
    answers = [ask(api, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert "Idempotent-Replayed" not in answers[1]
    assert AuditLog.objects.filter(action="user.email_change_requested").count() == 2


@pytest.mark.parametrize("token", ["x", "a:b:c", "١:١:١", "::", ":" * 600, "e30:1tXxXx:sig"])
def test_a_token_that_is_none_is_refused(ann: User, token: str) -> None:
    assert_no_good(confirm(token))


def test_a_token_of_another_kind_or_with_another_e_mail_is_refused(ann: User, token: str) -> None:
    said = signing.loads(token, salt="accounts.services.emails")
    assert_no_good(confirm(signing.dumps(said, salt="elsewhere")))
    body, rest = token.split(":", 1)
    assert_no_good(confirm(f"{signing.dumps({**said, 'email': 'me@example.com'}).split(':', 1)[0]}:{rest}"))
    assert_no_good(confirm(f"{body}:{rest[:-1]}{'A' if rest[-1] != 'A' else 'B'}"))
    assert email_of(ann) == "ann@example.com"


def test_the_longest_e_mail_fits_into_its_link(api: APIClient, ann: User, mailbox: Mailbox) -> None:  # noqa: F811
    domain = ".".join(["d" * 63] * 2 + ["d" * 57, "com"])
    email = f"{'a' * (254 - 1 - len(domain))}@{domain}"
    token = token_for(mailbox, api, email)
    assert len(token) <= LONGEST_TOKEN
    assert confirm(token).status_code == 204
    assert email_of(ann) == email


def test_the_page_has_a_button_and_following_the_link_changes_nothing(ann: User, token: str) -> None:
    page = "/admin/email/confirm/"
    browser = Client()
    shown = browser.get(f"{page}?token={token}")
    assert token in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    assert email_of(ann) == "ann@example.com"
    assert Client(enforce_csrf_checks=True).post(page, {"token": token}).status_code == 403
    assert browser.post(page, {"token": token})["Location"] == "/admin/login/"
    assert email_of(ann) == NEW
    again = browser.post(page, {"token": token})
    assert "not good any more" in again.content.decode()
