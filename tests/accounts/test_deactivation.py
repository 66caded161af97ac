"""Deactivating somebody: everything they came in by ends, what they kept goes to somebody else; all or nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import ApiKey, Invitation, LoginSession, User
from accounts.services.api_keys import create_api_key
from accounts.services.deactivation import deactivate_user, reactivate_user
from accounts.services.profiles import change_user
from portfolio.models import Portfolio
from systemevents.models import AuditLog, SystemEvent
from tests.factories import InvitationFactory, LoginSessionFactory, PortfolioFactory, UserFactory
from tests.models import everything
from tradingsite.core import clock
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput
from tradingsite.core.registry import Departure, registry

pytestmark = pytest.mark.django_db

ActorOf = Callable[[User], Actor]


@pytest.fixture
def with_everything(owner: User, system: Actor) -> User:
    """The owner with two keys, one of them revoked long ago, a log-in and an open invitation."""
    create_api_key(actor=system, owner=owner, name="bot")
    old = create_api_key(actor=system, owner=owner, name="old").key
    ApiKey.objects.filter(pk=old.pk).update(revoked_at=clock.now() - dt.timedelta(days=9))
    LoginSessionFactory.create(user=owner)
    InvitationFactory.create(owner=owner, email="friend@example.com")
    return owner


def test_everything_ends_in_one_transaction_and_the_trail_names_it(
    with_everything: User, staff: User, actor_of: ActorOf
) -> None:
    owner, long_ago = with_everything, ApiKey.objects.get(name="old").revoked_at
    departed = deactivate_user(actor=actor_of(staff), user=owner, reason=" left \n the desk ")

    owner.refresh_from_db()
    assert not owner.is_active
    assert not ApiKey.objects.filter(owner=owner, revoked_at=None).exists()
    assert ApiKey.objects.get(name="old").revoked_at == long_ago
    assert LoginSession.objects.get().end_reason == "deactivation"
    assert Invitation.objects.get().revoked_at is not None
    key = ApiKey.objects.get(name="bot")
    assert departed.ended == [
        f"API key tsk_{key.public_id} (bot)",
        "1 log-in and every session of the admin",
        "invitation of friend@example.com",
    ]
    entry: Any = AuditLog.objects.get(action="user.deactivated")
    assert entry.before == {"is_active": True}
    assert entry.after == {
        "is_active": False,
        "reason": "left the desk",
        "ended": departed.ended,
        "handed_over": [],
    }
    actions = set(AuditLog.objects.filter(actor=staff).values_list("action", flat=True))
    assert {"api_key.revoked", "user.logins_ended", "invitation.revoked", "user.deactivated"} <= actions
    event = SystemEvent.objects.get(event_type="user.deactivated")
    assert event.description == "owner was deactivated by staff: 3 things ended."


def test_the_key_and_the_admins_session_are_dead_with_the_next_request(
    owner: User, owner_api: APIClient, staff: User, actor_of: ActorOf, browser_of: Callable[[User], Client]
) -> None:
    browser = browser_of(owner)
    assert browser.get("/admin/").status_code == 200
    assert owner_api.get("/api/v1/auth/me").status_code == 200
    deactivate_user(actor=actor_of(staff), user=owner)
    assert owner_api.get("/api/v1/auth/me").status_code == 401
    assert browser.get("/admin/").status_code == 302


def test_nothing_comes_back_but_the_log_in(
    with_everything: User,
    owner_api: APIClient,
    staff: User,
    other_user: User,
    actor_of: ActorOf,
    browser_of: Callable[[User], Client],
) -> None:
    owner = with_everything
    browser = browser_of(owner)
    PortfolioFactory.create(owner=owner, name="Book")
    deactivate_user(actor=actor_of(staff), user=owner, hand_over_to=other_user)
    assert reactivate_user(actor=actor_of(staff), user=owner).is_active
    assert owner_api.get("/api/v1/auth/me").status_code == 401
    assert browser.get("/admin/").status_code == 302, "the old session is dead"
    assert browser_of(User.objects.get(pk=owner.pk)).get("/admin/").status_code == 200
    assert Portfolio.objects.get().owner == other_user
    assert Invitation.objects.get().revoked_at is not None
    assert LoginSession.objects.get().ended_at is not None


def test_doing_either_again_leaves_no_trace(owner: User, staff: User, actor_of: ActorOf) -> None:
    deactivate_user(actor=actor_of(staff), user=owner)
    before = everything()
    assert deactivate_user(actor=actor_of(staff), user=owner).ended == []
    assert everything() == before
    reactivate_user(actor=actor_of(staff), user=owner)
    before = everything()
    reactivate_user(actor=actor_of(staff), user=owner)
    assert everything() == before


def test_what_was_kept_is_handed_over_later_too(
    owner: User, other_user: User, staff: User, actor_of: ActorOf, system: Actor
) -> None:
    PortfolioFactory.create(owner=owner, name="Book")
    deactivate_user(actor=actor_of(staff), user=owner)
    # Made by a request that was already under way.
    ApiKey.objects.filter(owner=owner).update(revoked_at=None)
    departed = deactivate_user(actor=actor_of(staff), user=owner, hand_over_to=other_user)
    assert departed.handed_over == ["portfolio Book"]
    assert Portfolio.objects.get().owner == other_user
    entry: Any = AuditLog.objects.get(action="user.handed_over")
    assert entry.after["handed_over_to"] == "other"


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets an app fail at one of its parts, after everything else was done."""

    def register(part: str) -> None:
        def fail(*_: object) -> list[str]:
            raise Conflict("There is an order on its way.")

        departure = Departure("of the tests", **{part: fail})
        monkeypatch.setattr(registry, "departures", {**registry.departures, departure.name: departure})

    return register


@pytest.mark.parametrize("part", ["stop", "hand_over"])
def test_when_an_app_refuses_everything_is_as_it_was(
    part: str,
    failing: Callable[[str], None],
    with_everything: User,
    other_user: User,
    staff: User,
    actor_of: ActorOf,
) -> None:
    PortfolioFactory.create(owner=with_everything)
    failing(part)
    before = everything()
    with pytest.raises(Conflict, match="on its way"):
        deactivate_user(actor=actor_of(staff), user=with_everything, hand_over_to=other_user)
    assert everything() == before


def test_what_apps_stop_is_told(owner: User, staff: User, actor_of: ActorOf, monkeypatch: pytest.MonkeyPatch) -> None:
    departure = Departure("orders", stop=lambda actor, user: [f"order of {user} cancelled by {actor.label}"])
    monkeypatch.setattr(registry, "departures", {"orders": departure})
    departed = deactivate_user(actor=actor_of(staff), user=owner)
    assert departed.ended[-1] == "order of owner cancelled by staff"


# Who may


def test_nobody_deactivates_themselves(staff: User, actor_of: ActorOf) -> None:
    with pytest.raises(Conflict, match="your own access"):
        deactivate_user(actor=actor_of(staff), user=staff)
    with pytest.raises(Conflict, match="your own access"):
        change_user(actor=actor_of(staff), user=staff, values={"is_active": False})
    assert User.objects.get(pk=staff.pk).is_active


@pytest.mark.parametrize("door", ["deactivate", "change", "demote"])
def test_the_last_active_superuser_stays(system: Actor, door: str) -> None:
    boss = UserFactory.create(username="boss", is_superuser=True)
    UserFactory.create(username="gone", is_superuser=True, is_active=False)
    doors: dict[str, Callable[[], object]] = {
        "deactivate": lambda: deactivate_user(actor=system, user=boss),
        "change": lambda: change_user(actor=system, user=boss, values={"is_active": False}),
        "demote": lambda: change_user(actor=system, user=boss, values={"is_superuser": False}),
    }
    with pytest.raises(Conflict, match="last active superuser"):
        doors[door]()
    boss.refresh_from_db()
    assert (boss.is_active, boss.is_superuser) == (True, True)
    UserFactory.create(username="second", is_superuser=True)
    deactivate_user(actor=system, user=boss)
    assert not User.objects.get(pk=boss.pk).is_active


def test_nobody_deactivates_or_reactivates_people_with_more_rights(staff: User, actor_of: ActorOf) -> None:
    clerk = UserFactory.create(username="clerk", role="viewer")
    clerk.user_permissions.set(Permission.objects.filter(codename="change_user"))
    for actor, target in ((actor_of(clerk), staff), (actor_of(staff), UserFactory.create(is_superuser=True))):
        with pytest.raises(Forbidden, match="rights that you do not have"):
            deactivate_user(actor=actor, user=target)
        User.objects.filter(pk=target.pk).update(is_active=False)
        with pytest.raises(Forbidden, match="rights that you do not have"):
            reactivate_user(actor=actor, user=target)


def test_it_takes_the_permission(owner: User, other_user: User, actor_of: ActorOf) -> None:
    for service in (deactivate_user, reactivate_user):
        with pytest.raises(Forbidden, match=r"accounts\.change_user"):
            service(actor=actor_of(owner), user=other_user)


def test_who_does_not_see_everybodys_rows_hands_nothing_over(owner: User, other_user: User, actor_of: ActorOf) -> None:
    clerk = UserFactory.create(username="clerk", role="trader")
    clerk.user_permissions.set(Permission.objects.filter(codename="change_user"))
    before = everything()
    with pytest.raises(Forbidden, match="sees everybody's rows"):
        deactivate_user(actor=actor_of(clerk), user=owner, hand_over_to=other_user)
    assert everything() == before


@pytest.mark.parametrize("receiver", ["the same", "deactivated"])
def test_the_receiver_is_another_active_person(owner: User, staff: User, actor_of: ActorOf, receiver: str) -> None:
    to = owner if receiver == "the same" else UserFactory.create(is_active=False)
    before = everything()
    with pytest.raises(InvalidInput) as refused:
        deactivate_user(actor=actor_of(staff), user=owner, hand_over_to=to)
    assert [error.field for error in refused.value.errors] == ["hand_over_to"]
    assert everything() == before


@pytest.mark.parametrize("reason", ["x" * 501, "nul \x00", "\ud800"])
def test_a_reason_is_a_sentence(owner: User, staff: User, actor_of: ActorOf, reason: str) -> None:
    with pytest.raises(InvalidInput):
        deactivate_user(actor=actor_of(staff), user=owner, reason=reason)
    assert User.objects.get(pk=owner.pk).is_active


# The other doors


def test_changing_the_flag_goes_the_same_way(with_everything: User, staff: User, actor_of: ActorOf) -> None:
    values = {"is_active": False, "first_name": "Gone"}
    saved = change_user(actor=actor_of(staff), user=with_everything, values=values)
    assert (saved.is_active, saved.first_name) == (False, "Gone")
    with_everything.refresh_from_db()
    assert (with_everything.is_active, with_everything.first_name) == (False, "Gone")
    assert not ApiKey.objects.filter(revoked_at=None).exists()
    assert LoginSession.objects.get().ended_at is not None
    assert AuditLog.objects.filter(action="user.deactivated").exists()
    assert change_user(actor=actor_of(staff), user=with_everything, values={"is_active": True}).is_active
    assert AuditLog.objects.filter(action="user.reactivated").exists()


def test_a_key_can_not_be_made_by_who_read_the_owner_before(owner: User, staff: User, actor_of: ActorOf) -> None:
    """The object that the caller holds still says active: what counts is the row."""
    stale = User.objects.get(pk=owner.pk)
    deactivate_user(actor=actor_of(staff), user=owner)
    assert stale.is_active
    with pytest.raises(Conflict, match="deactivated"):
        create_api_key(actor=Actor.of(stale, front=Front.ADMIN), owner=stale, name="late")
