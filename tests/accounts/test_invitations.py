"""Inviting people: who may, to what, and what a link is good for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.models import Invitation, User
from accounts.services.invitations import invite, revoke_invitation
from tests.accounts.mails import Mailbox, mailbox  # noqa: F401  # a fixture
from tests.answers import assert_problem
from tests.factories import UserFactory
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput

pytestmark = pytest.mark.django_db

ActorOf = Callable[[User], Actor]
PASSWORD = "a long enough passphrase"
DUMMY = "django.core.mail.backends.dummy.EmailBackend"


@pytest.fixture(autouse=True)
def by_invitation(settings: Any) -> None:
    settings.REGISTRATION = "invite"


def accept(token: str, **values: str) -> Any:
    body = {"username": "ann", "password": PASSWORD, "invitation": token, **values}
    return APIClient().post("/api/v1/auth/register/", body)


@pytest.fixture
def token(staff: User, actor_of: ActorOf, mailbox: Mailbox) -> str:  # noqa: F811
    with mailbox.open():
        invite(actor=actor_of(staff), email="Ann@example.com", roles=["trader"])
    return mailbox.token


def test_who_is_invited_becomes_a_user_with_the_roles_at_once(token: str, staff: User) -> None:
    answer = accept(token)
    assert (answer.status_code, answer.json()) == (201, {"username": "ann", "roles": ["trader"]})
    user = User.objects.get(username="ann")
    assert (user.email, user.check_password(PASSWORD)) == ("ann@example.com", True)
    assert Invitation.objects.get().accepted_by == user


def test_it_is_good_once(token: str) -> None:
    accept(token)
    assert_problem(accept(token, username="bob"), 400, "bad_token", field="invitation")


def test_it_is_for_the_invited_address_only(token: str) -> None:
    assert_problem(accept(token, email="bob@example.com"), 400, "not_invited", field="email")
    assert accept(token, email="ANN@example.com").status_code == 201


def test_it_ends_after_a_week(token: str) -> None:
    with time_machine.travel(clock.now() + timedelta(days=7), tick=False):
        assert_problem(accept(token), 400, "bad_token")


def test_one_that_was_taken_back_is_good_no_more(token: str, staff: User, actor_of: ActorOf) -> None:
    revoke_invitation(actor=actor_of(staff), invitation=Invitation.objects.get())
    assert_problem(accept(token), 400, "bad_token")


def test_who_was_demoted_or_deactivated_leaves_no_back_door(token: str, staff: User) -> None:
    staff.groups.clear()
    assert_problem(accept(token), 400, "bad_token")
    assert not User.objects.filter(username="ann").exists()


def test_without_a_good_token_nobody_learns_which_names_are_taken(staff: User) -> None:
    taken, free = accept("x", username="staff"), accept("x", username="free")
    assert_problem(taken, 400, "bad_token")
    assert {**taken.json(), "request_id": ""} == {**free.json(), "request_id": ""}


def test_a_name_that_is_taken_leaves_the_invitation_good(token: str) -> None:
    UserFactory.create(username="ann", email=None)
    assert_problem(accept(token), 400, field="username")
    assert accept(token, username="ann2").status_code == 201


def test_nobody_invites_to_rights_that_they_lack(owner: User, staff: User, actor_of: ActorOf) -> None:
    with pytest.raises(Forbidden, match=r"accounts\.add_invitation"):
        invite(actor=actor_of(owner), email="ann@example.com")
    from django.contrib.auth.models import Permission

    owner.user_permissions.add(Permission.objects.get(codename="add_invitation"))
    again = User.objects.get(pk=owner.pk)
    with pytest.raises(Forbidden, match="rights that you do not have"):
        invite(actor=actor_of(again), email="ann@example.com", roles=["admin"])
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("values", [{"email": "x"}, {"email": ""}, {"email": "a@b.org", "roles": ["king"]}])
def test_wrong_values_are_refused(staff: User, actor_of: ActorOf, values: Any) -> None:
    with pytest.raises(InvalidInput):
        invite(actor=actor_of(staff), **values)


def test_without_mail_the_link_is_answered_once(staff: User, actor_of: ActorOf, settings: Any) -> None:
    settings.EMAIL_BACKEND = DUMMY
    new = invite(actor=actor_of(staff), email="ann@example.com")
    assert accept(new.link.partition("token=")[2]).json()["roles"] == ["viewer"]


def test_where_registration_is_closed_nobody_is_invited(
    token: str, staff: User, actor_of: ActorOf, settings: Any
) -> None:
    settings.REGISTRATION = "closed"
    with pytest.raises(Conflict):
        invite(actor=actor_of(staff), email="bob@example.com")
    assert_problem(accept(token), 403, "registration_closed")


def test_an_accepted_one_can_not_be_taken_back(token: str, staff: User, actor_of: ActorOf) -> None:
    accept(token)
    with pytest.raises(Conflict, match="accepted"):
        revoke_invitation(actor=actor_of(staff), invitation=Invitation.objects.get())
