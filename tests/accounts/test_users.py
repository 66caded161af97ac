"""Making people and giving them roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.auth.password_validation import validate_password

from accounts.models import User
from accounts.services.profiles import change_user, set_password
from accounts.services.users import create_user, save_user, set_roles
from systemevents.models import AuditLog
from tests.factories import UserFactory
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput

pytestmark = pytest.mark.django_db

ActorOf = Callable[[User], Actor]
PASSWORD = "a long enough passphrase"


def test_a_user_is_made_in_the_normal_form_and_can_log_in(system: Actor) -> None:
    user = create_user(actor=system, username=" Ann ", password=PASSWORD, email="Ann@Example.com", roles=["trader"])
    user.refresh_from_db()
    assert (user.username, user.email) == ("ann", "ann@example.com")
    assert user.check_password(PASSWORD)
    assert [group.name for group in user.groups.all()] == ["trader"]


def test_a_user_without_a_password_can_not_log_in(system: Actor) -> None:
    user = create_user(actor=system, username="bot")
    assert not user.has_usable_password()
    assert user.email is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "-dash"}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": "änn"}, "username"),
        ({"username": "x" * 151}, "username"),
        ({"username": "OWNER"}, "username"),
        ({"username": "ann", "email": "no address"}, "email"),
        ({"username": "ann", "email": "OWNER@example.com"}, "email"),
        ({"username": "ann", "password": "12345678"}, "password"),
        ({"username": "ann", "password": ""}, "password"),
        ({"username": "ann", "roles": ["king"]}, "roles"),
    ],
)
def test_wrong_values_are_refused_by_field_and_nobody_is_made(
    system: Actor, owner: User, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_user(actor=system, **values)
    assert field in {error.field for error in refused.value.errors}
    assert list(User.objects.all()) == [owner]


def test_a_name_taken_between_look_and_write_is_a_conflict(monkeypatch: pytest.MonkeyPatch, owner: User) -> None:
    monkeypatch.setattr(User, "full_clean", lambda _: None)
    with pytest.raises(Conflict):
        save_user(User(username="owner"))
    assert User.objects.count() == 1


def test_the_trail_tells_who_made_whom_but_no_password(staff: User, actor_of: ActorOf) -> None:
    create_user(actor=actor_of(staff), username="ann", password=PASSWORD, roles=["viewer"])
    made, given = AuditLog.objects.order_by("id").filter(actor=staff)
    assert (made.action, made.object_label, made.after) == ("user.created", "ann", {"username": "ann", "email": None})
    assert (given.action, given.before, given.after) == ("user.roles_set", {"roles": []}, {"roles": ["viewer"]})


def test_only_who_may_makes_users(owner: User, actor_of: ActorOf) -> None:
    with pytest.raises(Forbidden, match=r"accounts\.add_user"):
        create_user(actor=actor_of(owner), username="ann")


@pytest.fixture
def clerk() -> User:
    """May change people, but holds little else."""
    clerk = UserFactory.create(username="clerk", role="viewer")
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["add_user", "change_user"]))
    return clerk


@pytest.mark.parametrize("role", ["trader", "analyst", "admin"])
def test_nobody_grants_rights_that_they_lack(clerk: User, owner: User, actor_of: ActorOf, role: str) -> None:
    before = set(owner.groups.all())
    target = UserFactory.create()
    with pytest.raises(Forbidden, match="rights that you do not have"):
        set_roles(actor=actor_of(clerk), user=target, roles=[role])
    with pytest.raises(Forbidden):
        create_user(actor=actor_of(clerk), username="friend", roles=[role])
    assert not target.groups.exists()
    assert not User.objects.filter(username="friend").exists(), "the user went with the refused role"
    assert set(owner.groups.all()) == before


def test_nobody_raises_themselves(clerk: User, actor_of: ActorOf) -> None:
    with pytest.raises(Forbidden):
        set_roles(actor=actor_of(clerk), user=clerk, roles=["viewer", "admin"])


def test_rights_that_one_has_can_be_given(clerk: User, actor_of: ActorOf) -> None:
    target = UserFactory.create()
    set_roles(actor=actor_of(clerk), user=target, roles=["viewer"])
    assert [group.name for group in target.groups.all()] == ["viewer"]


def test_roles_that_a_user_has_already_can_be_kept_by_anybody_who_may_change_users(
    clerk: User, owner: User, actor_of: ActorOf
) -> None:
    set_roles(actor=actor_of(clerk), user=owner, roles=["trader", "viewer"])
    assert {group.name for group in owner.groups.all()} == {"trader", "viewer"}


def test_the_same_roles_again_leave_no_trace(system: Actor, owner: User) -> None:
    set_roles(actor=system, user=owner, roles=["trader"])
    assert not AuditLog.objects.filter(action="user.roles_set").exists()


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("how", ["role", "permission", "superuser"])
def test_who_may_change_people_does_not_take_over_somebody_with_more_rights(
    clerk: User, actor_of: ActorOf, how: str, is_active: bool
) -> None:
    """A deactivated administrator counts as one: whoever sets the password could switch the account on again."""
    target = UserFactory.create(is_active=is_active, is_superuser=how == "superuser", email="target@example.com")
    match how:
        case "role":
            target.groups.add(Group.objects.get(name="admin"))
        case "permission":
            target.user_permissions.add(Permission.objects.get(codename="add_instrument"))
    with pytest.raises(Forbidden, match="rights that you do not have"):
        set_password(actor=actor_of(clerk), user=target, password=PASSWORD)
    with pytest.raises(Forbidden, match="rights that you do not have"):
        change_user(actor=actor_of(clerk), user=target, values={"email": "clerk@example.com"})
    target.refresh_from_db()
    assert not target.check_password(PASSWORD)
    assert target.email == "target@example.com"


def test_the_passwords_of_the_tests_are_good_ones() -> None:
    validate_password(PASSWORD)
