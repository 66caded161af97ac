"""Deactivating people in the admin: what will end is said first, and what is theirs can be handed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import ApiKey, Role, User
from accounts.services.api_keys import create_api_key
from portfolio.models import Portfolio
from tests.admin.conftest import path_of
from tests.admin.forms import actions, errors_of
from tests.factories import PortfolioFactory, UserFactory
from tests.models import everything
from tradingsite.core.actor import Actor


def text(response: Any) -> str:
    assert response.status_code == 200, response
    return str(response.content.decode())


@pytest.fixture
def leaver(owner: User, system: Actor) -> User:
    create_api_key(actor=system, owner=owner, name="bot")
    PortfolioFactory.create(owner=owner, name="<script>alert(1)</script>")
    return owner


def test_the_page_says_what_ends_and_what_can_be_handed_over(
    leaver: User, other_user: User, staff_browser: Client
) -> None:
    UserFactory.create(username="long-gone", is_active=False)
    before = everything()
    page = text(staff_browser.get(path_of(User, leaver.pk, "leave")))
    assert "1 API key<" in page
    assert "0 open invitations" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    assert f'<option value="{other_user.pk}"' in page
    assert f'<option value="{leaver.pk}"' not in page
    assert "long-gone" not in page
    assert everything() == before, "looking changes nothing"


def test_deactivating_with_a_receiver(leaver: User, other_user: User, staff_browser: Client) -> None:
    values = {"hand_over_to": other_user.pk, "reason": "left the desk"}
    answer = staff_browser.post(path_of(User, leaver.pk, "leave"), values, follow=True)
    assert f"{leaver.username} is deactivated." in text(answer)
    leaver.refresh_from_db()
    assert not leaver.is_active
    assert Portfolio.objects.get().owner == other_user
    assert not ApiKey.objects.filter(revoked_at=None).exists()
    assert actions() == [
        "api_key.revoked",
        "user.logins_ended",
        "portfolio.handed_over",
        "user.deactivated",
        "system_event.recorded",
    ]


def test_the_actions_are_those_that_the_person_is_ready_for(leaver: User, staff: User, staff_browser: Client) -> None:
    page = text(staff_browser.get(path_of(User, leaver.pk, "change")))
    assert "Deactivate…" in page
    assert "Reactivate…" not in page
    assert "Deactivate…" not in text(staff_browser.get(path_of(User, staff.pk, "change"))), (
        "nobody shuts themselves out"
    )
    staff_browser.post(path_of(User, leaver.pk, "leave"))
    page = text(staff_browser.get(path_of(User, leaver.pk, "change")))
    assert "Deactivate…" not in page
    assert "Reactivate…" in page
    assert "Hand over…" in page
    for name, target in (("hand-over", "leave"), ("reactivate", "return")):
        answer: Any = staff_browser.get(path_of(User, leaver.pk, name))
        assert (answer.status_code, answer.url) == (302, path_of(User, leaver.pk, target))


def test_handing_over_later_and_coming_back(leaver: User, other_user: User, staff_browser: Client) -> None:
    staff_browser.post(path_of(User, leaver.pk, "leave"))
    assert Portfolio.objects.get().owner == leaver
    assert "deactivated already" in text(staff_browser.get(path_of(User, leaver.pk, "leave")))
    staff_browser.post(path_of(User, leaver.pk, "leave"), {"hand_over_to": other_user.pk})
    assert Portfolio.objects.get().owner == other_user
    assert "stay revoked" in text(staff_browser.get(path_of(User, leaver.pk, "return")))
    staff_browser.post(path_of(User, leaver.pk, "return"))
    leaver.refresh_from_db()
    assert leaver.is_active
    assert actions()[-1] == "user.reactivated"


def test_the_flag_is_no_box_of_the_form(leaver: User, staff_browser: Client) -> None:
    role = Role.objects.get(name="trader")
    values = {"username": leaver.username, "email": leaver.email, "roles": [role.pk]}
    answer = staff_browser.post(path_of(User, leaver.pk, "change"), values)
    assert answer.status_code == 302, errors_of(answer)
    leaver.refresh_from_db()
    assert leaver.is_active
    assert 'name="is_active"' not in text(staff_browser.get(path_of(User, leaver.pk, "change")))


@pytest.mark.parametrize(
    "values",
    [{"hand_over_to": "987123456789"}, {"hand_over_to": "9" * 400}, {"hand_over_to": "x"}, {"reason": "x" * 501}],
)
def test_what_is_wrong_comes_back_in_the_form(leaver: User, staff_browser: Client, values: dict[str, str]) -> None:
    before = everything()
    assert "error" in text(staff_browser.post(path_of(User, leaver.pk, "leave"), values))
    assert everything() == before


def test_what_the_service_refuses_is_said(staff: User, staff_browser: Client) -> None:
    boss = UserFactory.create(username="boss", is_superuser=True)
    for target, sentence in ((staff, "own access"), (boss, "rights that you do not have")):
        assert sentence in text(staff_browser.post(path_of(User, target.pk, "leave")))
        assert User.objects.get(pk=target.pk).is_active


@pytest.mark.parametrize("page", ["leave", "return", "deactivate", "hand-over", "reactivate"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_others_learn_nothing_and_change_nothing(
    leaver: User, other_user: User, browser_of: Callable[[User], Client], page: str, method: str
) -> None:
    browser = browser_of(other_user)
    before = everything()
    answers = [getattr(browser, method)(path_of(User, pk, page)) for pk in (leaver.pk, 987_123_456_789)]
    assert [answer.status_code for answer in answers] in ([403, 403], [404, 404])
    assert everything() == before
