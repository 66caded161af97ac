"""The endpoint matrix for people who are logged in: as with a key of theirs, but where keys are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import LoginSession, User
from tests.accounts.passwords import logged_in, with_password
from tests.answers import assert_problem
from tests.factories import UserFactory
from tests.models import everything
from tests.test_endpoint_matrix import MATRIX, NEVER, NO_KEYS, ROLES, World, world
from tradingsite.core import clock

__all__ = ["world"]

PEOPLE = ("owner", "admin", "stranger", "viewer")
# What only people do for themselves, and what they see of themselves: the answers to PEOPLE.
THEIR_OWN: dict[tuple[str, str], str] = {
    ("auth-me", "patch"): "200 200 200 200",
    ("auth-settings", "patch"): "200 200 200 200",
    # The matrix sends no right password and no right code.
    ("auth-password-change", "post"): "400 400 400 400",
    ("auth-email-change", "post"): "400 400 400 400",
    ("auth-logout", "post"): "204 204 204 204",
    ("auth-logins-list", "get"): "200 200 200 200",
    ("auth-logins-detail", "get"): "200 200 404 404",
    ("auth-logins-end", "post"): "200 200 404 404",
    ("auth-totp", "get"): "200 200 200 200",
    ("auth-totp", "post"): "201 201 201 201",
    ("auth-totp-confirm", "post"): "409 409 409 409",
    ("auth-totp-recovery-codes", "post"): "409 409 409 409",
    ("auth-totp-remove", "post"): "409 409 409 409",
    # Viewers make no keys (accounts/roles.py).
    ("api-keys-list", "post"): "201 201 201 403",
    ("api-keys-rotate", "post"): "201 201 404 403",
}
# A wrong password is counted: that is a change of its own.
COUNTED = {"auth-password-change", "auth-email-change"}


def statuses_of(route: str, method: str, by_key: str) -> dict[str, int]:
    """What each of PEOPLE is answered."""
    own = THEIR_OWN.get((route, method))
    if own is not None:
        return dict(zip(PEOPLE, map(int, own.split()), strict=True))
    with_key = dict(zip(ROLES, map(int, by_key.split()), strict=True))
    return {person: with_key[person] for person in PEOPLE}


@pytest.fixture
def person(owner: User) -> Callable[[str], APIClient]:
    """Somebody of PEOPLE, logged in."""

    def make(role: str) -> APIClient:
        if role == "owner":
            return logged_in(with_password(owner))
        return logged_in(with_password(UserFactory.create(role="trader" if role == "stranger" else role)))

    return make


def cases() -> Iterator[Any]:
    for route, method, path, body, by_key in MATRIX:
        for role, status in statuses_of(route, method, by_key).items():
            yield pytest.param(route, method, path, body, role, status, id=f"{route}-{method}-{role}")


@pytest.mark.parametrize(("route", "method", "path", "body", "role", "status"), list(cases()))
def test_each_person_gets_their_answer(
    world: World,
    person: Callable[[str], APIClient],
    route: str,
    method: str,
    path: str,
    body: Any,
    role: str,
    status: int,
) -> None:
    client = person(role)
    before = everything()
    answer = getattr(client, method)(world.path(path), body)
    assert answer.status_code == status, answer.content
    if status >= 400:
        assert_problem(answer, status)
        assert ("WWW-Authenticate" in answer) is (status == 401)
    if (status >= 400 and route not in COUNTED) or method == "get":
        assert everything() == before


@pytest.mark.parametrize("why", ["ended", "deactivated"])
def test_who_is_logged_in_no_more_is_nobody(
    world: World, person: Callable[[str], APIClient], owner: User, why: str
) -> None:
    client = person("owner")
    if why == "ended":
        LoginSession.objects.filter(user=owner).update(ended_at=clock.now())
    else:
        User.objects.filter(pk=owner.pk).update(is_active=False)
    before = everything()
    for _, method, path, body, by_key in MATRIX:
        if by_key.split()[ROLES.index("anonymous")] == "401":
            assert_problem(getattr(client, method)(world.path(path), body), 401)
    assert everything() == before


def test_what_no_key_does_is_said_here_of_people() -> None:
    no_key = {(route, method) for route, method, _, _, statuses in MATRIX if statuses in (NEVER, NO_KEYS)}
    assert no_key <= set(THEIR_OWN)
