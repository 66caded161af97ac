"""Tokens that come by mail, used by several at the very same moment: one gets through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from accounts.one_time_tokens import digest_of, make_token
from accounts.services import emails, passwords
from systemevents.models import AuditLog
from tests.factories import InvitationFactory, RegistrationFactory, UserFactory
from tests.portability.processes import database_url, environment, in_processes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def open_site(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registration is open where the processes run, and tokens are signed here as they check them."""
    monkeypatch.setenv("REGISTRATION", "open")
    monkeypatch.setenv("EMAIL_URL", "memorymail://")
    settings.SECRET_KEY = environment(database_url())["SECRET_KEY"].strip()


def a_registration() -> str:
    token = make_token()
    RegistrationFactory.create(username="ann", email="ann@example.com", token_digest=digest_of(token))
    return token


def an_invitation() -> str:
    token = make_token()
    inviter = UserFactory.create(username="boss", role="admin")
    InvitationFactory.create(owner=inviter, token_digest=digest_of(token))
    return token


def a_person() -> User:
    user = UserFactory.create(username="ann")
    user.set_password("the password before")
    user.save(update_fields=["password"])
    return user


def a_reset() -> str:
    user = a_person()
    return f"{user.pk}-{passwords._tokens.make_token(user)}"


def a_new_email() -> str:
    return emails._make_token(a_person(), "new@example.com")


@pytest.mark.parametrize(
    ("what", "make", "action"),
    [
        ("registration", a_registration, "registration.confirmed"),
        ("invitation", an_invitation, "invitation.accepted"),
        ("password", a_reset, "user.password_reset"),
        ("email", a_new_email, "user.email_changed"),
    ],
)
def test_of_several_who_use_one_token_at_once_one_gets_through(what: str, make: Callable[[], str], action: str) -> None:
    token = make()
    people = User.objects.count()
    assert sorted(in_processes("take_once", 3, what, token)) == ["bad_token", "bad_token", "done"]
    assert AuditLog.objects.filter(action=action).count() == 1
    assert User.objects.count() == people + (what in ("registration", "invitation"))
