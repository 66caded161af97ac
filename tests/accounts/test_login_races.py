"""Log-ins that meet each other, or a change of the password, at the very same moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.errors import WrongCredentials
from accounts.models import LoginEnd, LoginSession, User
from accounts.services.callers import Caller
from accounts.services.login import Credentials, begin_session, check_credentials, let_in
from accounts.services.profiles import set_password
from accounts.services.web_logins import refresh_tokens
from systemevents.models import SystemEvent
from tests.accounts.passwords import ME, PASSWORD, log_in, with_password, with_token
from tests.portability.processes import in_processes, start_elsewhere
from tradingsite.core.actor import Actor, Front

pytestmark = pytest.mark.django_db(transaction=True)

CALLER = Caller(Front.API, "203.0.113.7")
NEW = "another long password 2"


@pytest.fixture
def person(owner: User) -> User:
    return with_password(owner)


def test_of_two_who_refresh_at_once_one_wins_and_the_log_in_ends(person: User) -> None:
    tokens = log_in(person)
    answered = in_processes("refresh_once", 2, tokens["refresh"])
    won = [access for access in answered if access]
    assert len(won) == 1
    assert LoginSession.objects.get().end_reason == LoginEnd.REUSE
    assert with_token(won[0]).get(ME).status_code == 401
    assert SystemEvent.objects.filter(event_type="login.token_reused").count() == 1


def test_of_many_guesses_at_once_as_many_are_answered_as_one_after_another(person: User) -> None:
    assert sum(in_processes("guess", 4, "owner", 5)) == 5
    assert SystemEvent.objects.filter(event_type="login.locked").count() == 1


def test_a_password_changed_while_the_old_one_is_looked_at_lets_nobody_in(person: User, system: Actor) -> None:
    user = check_credentials(credentials=Credentials("owner", PASSWORD), caller=CALLER)
    set_password(actor=system, user=person, password=NEW)
    with pytest.raises(WrongCredentials):
        let_in(caller=CALLER, user=user, begin=begin_session)
    assert not LoginSession.objects.exists()


def test_a_user_deactivated_meanwhile_is_not_let_in(person: User) -> None:
    user = check_credentials(credentials=Credentials("owner", PASSWORD), caller=CALLER)
    User.objects.filter(pk=person.pk).update(is_active=False)
    with pytest.raises(WrongCredentials):
        let_in(caller=CALLER, user=user, begin=begin_session)


def test_a_password_changed_while_a_log_in_begins_waits_for_it_and_ends_it(person: User, system: Actor) -> None:
    waiting: list[Callable[[], Any]] = []

    def begin(actor: Actor, user: User) -> LoginSession:
        # The other connection waits for the user's row (SQLite: for the writer) until this commits.
        waiting.append(start_elsewhere(lambda: set_password(actor=system, user=person, password=NEW)))
        return LoginSession.objects.create(
            user=user, public_id="a" * 32, refresh_id="b" * 32, expires_at="2100-01-01T00:00:00Z"
        )

    user = check_credentials(credentials=Credentials("owner", PASSWORD), caller=CALLER)
    login = let_in(caller=CALLER, user=user, begin=begin)
    waiting[0]()
    login.refresh_from_db()
    assert login.end_reason == LoginEnd.PASSWORD


def test_a_refresh_after_the_password_changed_is_refused_though_it_was_under_way(person: User, system: Actor) -> None:
    tokens = log_in(person)
    set_password(actor=system, user=person, password=NEW)
    with pytest.raises(WrongCredentials):
        refresh_tokens(refresh=tokens["refresh"], caller=CALLER)
    assert LoginSession.objects.get().end_reason == LoginEnd.PASSWORD
