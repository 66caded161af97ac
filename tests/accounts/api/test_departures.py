"""users/{id}/deactivate and reactivate over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from accounts.models import ApiKey, User
from accounts.services.api_keys import create_api_key
from accounts.services.key_limits import KeyLimits
from portfolio.models import Portfolio
from tests.answers import assert_problem, assert_same_answer
from tests.factories import PortfolioFactory, UserFactory
from tests.models import everything
from tradingsite.core.actor import Actor

MISSING = 987_123_456_789


def path(user: User | int, what: str = "deactivate") -> str:
    return f"/api/v1/users/{user.pk if isinstance(user, User) else user}/{what}"


def test_a_user_is_deactivated_and_the_answer_says_what_ended(
    owner: User, other_user: User, owner_api: APIClient, staff_api: APIClient
) -> None:
    PortfolioFactory.create(owner=owner, name="Book")
    key = ApiKey.objects.get(owner=owner)
    answer = staff_api.post(path(owner), {"hand_over_to": other_user.pk, "reason": "left"})
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["username"], body["is_active"], body["roles"]) == ("owner", False, ["trader"])
    assert body["ended"] == [f"API key tsk_{key.public_id} (tests)", "0 log-ins and every session of the admin"]
    assert body["handed_over"] == ["portfolio Book"]
    assert Portfolio.objects.get().owner == other_user
    assert owner_api.get("/api/v1/auth/me").status_code == 401
    assert staff_api.post(path(owner, "reactivate")).json()["is_active"] is True
    assert owner_api.get("/api/v1/auth/me").status_code == 401


def test_a_receiver_that_is_missing_is_named_by_its_field(owner: User, staff_api: APIClient) -> None:
    before = everything()
    assert_problem(staff_api.post(path(owner), {"hand_over_to": MISSING}), 404, field="hand_over_to")
    assert_problem(staff_api.post(path(owner), {"hand_over_to": owner.pk}), 400, field="hand_over_to")
    assert everything() == before


@pytest.fixture
def clerk_api(db: None, system: Actor) -> APIClient:
    """May change people, and sees nobody but themselves."""
    clerk = UserFactory.create(username="clerk", role="trader")
    clerk.user_permissions.set(Permission.objects.filter(codename="change_user"))
    client = APIClient()
    key = create_api_key(actor=system, owner=clerk, name="clerk", limits=KeyLimits(scopes=["admin"]))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")
    return client


@pytest.mark.parametrize("what", ["deactivate", "reactivate"])
def test_a_foreign_id_is_a_missing_one(owner: User, clerk_api: APIClient, what: str) -> None:
    before = everything()
    assert_same_answer(clerk_api.post(path(owner, what)), clerk_api.post(path(MISSING, what)))
    assert everything() == before


def test_a_foreign_receiver_is_a_missing_one(clerk_api: APIClient, owner: User) -> None:
    clerk = User.objects.get(username="clerk")
    answers = [clerk_api.post(path(clerk), {"hand_over_to": pk}) for pk in (owner.pk, MISSING)]
    assert_same_answer(*answers)
    assert_problem(answers[0], 404)


def test_nobody_shuts_themselves_out(staff: User, staff_api: APIClient) -> None:
    assert_problem(staff_api.post(path(staff)), 409, "conflict")
    assert User.objects.get(pk=staff.pk).is_active


def test_a_superuser_is_out_of_an_administrators_reach(staff_api: APIClient) -> None:
    boss = UserFactory.create(is_superuser=True)
    UserFactory.create(is_superuser=True)
    assert_problem(staff_api.post(path(boss)), 403)
    assert User.objects.get(pk=boss.pk).is_active


def test_a_key_without_the_scope_does_not(
    owner: User, staff: User, system: Actor, api_of: Callable[[User], APIClient]
) -> None:
    api = api_of(staff)
    ApiKey.objects.filter(owner=staff).update(scopes=None)
    assert_problem(api.post(path(owner)), 403)
    assert User.objects.get(pk=owner.pk).is_active
