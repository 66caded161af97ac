"""What ends the log-ins of a person and their sessions of the admin, at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import LoginEnd, LoginSession, User
from accounts.services.custom_roles import save_role
from accounts.services.profiles import change_user, set_password
from accounts.services.sessions import end_logins
from accounts.services.users import set_roles
from systemevents.models import AuditLog
from tests.accounts.passwords import LOGINS, ME, PASSWORD, log_in, logged_in, refresh, with_password, with_token
from tests.answers import assert_problem, results
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Forbidden

NEW = "another long password 2"


class Person:
    """A user who is logged in over the API and in the admin."""

    def __init__(self, user: User) -> None:
        self.user = with_password(user)
        self.tokens = log_in(user)
        self.api = with_token(self.tokens["access"])
        self.browser = Client()
        self.browser.force_login(user)
        assert self.is_in() == (200, 200)

    def is_in(self) -> tuple[int, int]:
        """The statuses of `auth/me` and of the admin's first page."""
        return self.api.get(ME).status_code, self.browser.get("/admin/").status_code

    def assert_out(self, reason: LoginEnd) -> None:
        assert self.is_in() == (401, 302)
        assert_problem(refresh(self.tokens["refresh"]), 401)
        assert LoginSession.objects.get(user=self.user).end_reason == reason
        entry = AuditLog.objects.get(action="user.logins_ended")
        assert entry.object_id == str(self.user.pk)
        assert entry.after == {"reason": reason, "logins": 1}


@pytest.fixture
def person(owner: User) -> Person:
    return Person(owner)


def custom_role(system: Actor, *names: str) -> Any:
    permissions = list(Permission.objects.filter(codename__in=names))
    assert len(permissions) == len(names)
    return save_role(actor=system, name="Custom", permissions=permissions)


def test_a_new_password_by_staff(person: Person, system: Actor) -> None:
    set_password(actor=system, user=person.user, password=NEW)
    person.assert_out(LoginEnd.PASSWORD)
    assert_problem(APIClient().post("/api/v1/auth/token/", {"username": "owner", "password": PASSWORD}), 401)
    assert log_in(person.user, NEW)


def test_a_role_taken_away(person: Person, system: Actor) -> None:
    set_roles(actor=system, user=person.user, roles=["viewer"])
    person.assert_out(LoginEnd.DEMOTION)


def test_a_role_given_ends_nothing(person: Person, system: Actor) -> None:
    set_roles(actor=system, user=person.user, roles=["trader", "analyst"])
    assert person.is_in() == (200, 200)
    assert "marketdata.add_instrument" in person.api.get(ME).json()["permissions"]


def test_a_right_taken_from_a_custom_role_ends_its_holders_only(
    person: Person, other_user: User, system: Actor
) -> None:
    role = custom_role(system, "add_instrument", "change_instrument")
    person.user.groups.add(role)
    stranger = Person(other_user)
    kept = [held for held in role.permissions.all() if held.codename == "add_instrument"]
    save_role(actor=system, role=role, permissions=kept)
    person.assert_out(LoginEnd.DEMOTION)
    assert stranger.is_in() == (200, 200)


def test_another_name_or_one_more_right_of_a_role_ends_nothing(person: Person, system: Actor) -> None:
    role = custom_role(system, "add_instrument")
    person.user.groups.add(role)
    save_role(actor=system, role=role, name="Renamed")
    more = Permission.objects.filter(codename__in=["add_instrument", "change_instrument"])
    save_role(actor=system, role=role, permissions=more)
    assert person.is_in() == (200, 200)


def test_a_superuser_who_is_one_no_more(owner: User, system: Actor) -> None:
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    owner.refresh_from_db()
    person = Person(owner)
    User.objects.create(username="left", is_superuser=True)
    change_user(actor=system, user=owner, values={"is_superuser": False})
    person.assert_out(LoginEnd.DEMOTION)


def test_deactivation(person: Person, system: Actor) -> None:
    change_user(actor=system, user=person.user, values={"is_active": False})
    person.assert_out(LoginEnd.DEACTIVATION)
    change_user(actor=system, user=person.user, values={"is_active": True})
    # Nothing of before comes back.
    assert person.is_in() == (401, 302)


def test_other_changes_end_nothing(person: Person, system: Actor) -> None:
    change_user(actor=system, user=person.user, values={"first_name": "Ada", "email": "ada@example.com"})
    assert person.is_in() == (200, 200)


def test_the_account_behind_a_token_counts_as_it_is_now(person: Person) -> None:
    """Even where no service said so: rights and standing are read with every request."""
    User.objects.filter(pk=person.user.pk).update(is_active=False)
    assert_problem(person.api.get(ME), 401)
    assert_problem(refresh(person.tokens["refresh"]), 401)
    User.objects.filter(pk=person.user.pk).update(is_active=True)
    person.user.groups.clear()
    assert person.api.get(ME).json()["permissions"] == []


def test_who_changes_their_own_password_in_the_admin_keeps_that_session(person: Person) -> None:
    elsewhere = Client()
    elsewhere.force_login(person.user)
    form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert person.browser.post("/admin/password_change/", form).status_code == 302
    assert person.is_in() == (401, 200)
    assert elsewhere.get("/admin/").status_code == 302


def test_who_changes_their_own_password_over_the_api_keeps_that_log_in(person: Person) -> None:
    elsewhere = logged_in(person.user)
    login = LoginSession.objects.order_by("pk")[0]
    actor = Actor.of(person.user, front=Front.API, login_id=login.public_id)
    set_password(actor=actor, user=person.user, password=NEW)
    assert person.is_in() == (200, 302)
    assert_problem(elsewhere.get(ME), 401)
    assert refresh(person.tokens["refresh"]).status_code == 200


def test_staff_keep_nothing_of_others_by_their_own_log_in(
    person: Person, staff: User, actor_of: Callable[[User], Actor]
) -> None:
    kept = log_in(with_password(staff))
    end_logins(actor=actor_of(staff), user=person.user, reason=LoginEnd.PASSWORD)
    assert person.is_in() == (401, 302)
    assert with_token(kept["access"]).get(ME).status_code == 200


def test_a_key_sees_and_ends_log_ins_only_by_the_right_to(
    person: Person, api_of: Callable[[User], APIClient], staff: User
) -> None:
    login = LoginSession.objects.get()
    key = api_of(person.user)
    for answer in (key.get(LOGINS), key.get(f"{LOGINS}{login.pk}/"), key.post(f"{LOGINS}{login.pk}/end/")):
        assert_problem(answer, 403)
    assert [row["id"] for row in results(api_of(staff).get(LOGINS))] == [login.pk]


def test_logging_out_is_not_for_keys(owner: User) -> None:
    from accounts.services.sessions import log_out

    with pytest.raises(Forbidden):
        log_out(actor=Actor.of(owner, front=Front.API, key_id="x" * 16), everywhere=True)
    with pytest.raises(Forbidden):
        log_out(actor=Actor.system("tests"))
