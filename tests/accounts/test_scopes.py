"""What scopes let through: the table, its edges, and that no permission of the API is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from accounts.roles import permissions_of
from accounts.scopes import ADMIN, SCOPES, UNNAMED, KeyRights, lets_through
from accounts.services.custom_roles import save_role
from accounts.services.users import create_user, set_roles
from tests.factories import UserFactory
from tradingsite.core.actor import VIEW_ALL, Actor, Front
from tradingsite.core.api.permissions import needed_permission
from tradingsite.core.errors import Forbidden

#: Of what roles below the administrator hold, what no key may ever do.
NEVER_BY_KEY = {"accounts.add_apikey"}

names = st.sets(st.sampled_from(sorted(SCOPES)))
permissions = st.sampled_from(
    ["marketdata.view_dailybar", "marketdata.add_dailybar", "portfolio.add_watchlist", "core.view_all", "x.y", ""]
)


@pytest.fixture
def existing(db: None) -> set[str]:
    held = Permission.objects.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in held}


def by_key(user: User, *scopes: str, held: frozenset[str] | None = None) -> Actor:
    rights = KeyRights(held=held, scopes=frozenset(scopes) or None)
    return Actor.of(user, front=Front.API, key_id="k", rights=rights)


def asked_for(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """The permission of each operation under /api/v1/ that asks for one."""
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from asked_for(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and path.startswith("api/v1/"):
            callback: Any = pattern.callback
            for method, action in (getattr(callback, "actions", None) or {}).items():
                view = callback.cls(**callback.initkwargs)
                view.action = action
                yield needed_permission(method.upper(), view)


def test_every_permission_that_the_api_asks_for_is_let_through_by_a_scope(db: None) -> None:
    asked = set(asked_for(get_resolver().url_patterns))
    assert len(asked) > 15
    assert {name for name in asked if not lets_through(SCOPES, name)} == set()


@pytest.mark.parametrize("role", ["viewer", "trader", "analyst"])
def test_a_key_without_scopes_has_all_that_its_owners_role_has(existing: set[str], role: str) -> None:
    """A model whose permissions no scope but `admin` knows is found here."""
    lost = {name for name in permissions_of(role, existing) if not lets_through(None, name)}
    assert lost == NEVER_BY_KEY & permissions_of(role, existing)


def test_administration_is_let_through_by_its_own_scope_only(existing: set[str]) -> None:
    administration = {name for name in existing if not lets_through(None, name)}
    assert {VIEW_ALL, "accounts.add_user", "accounts.change_user", "accounts.change_role"} <= administration
    assert all(lets_through([ADMIN], name) for name in existing)


def test_what_only_reads_lets_nothing_else_through(existing: set[str]) -> None:
    for scope in ("marketdata:read", "trading:read", "portfolio:read"):
        through = {name for name in existing if lets_through([scope], name)}
        assert through, scope
        assert all(name.partition(".")[2].startswith("view_") for name in through), scope


@given(names, names, permissions)
def test_more_scopes_never_take_a_right_away(some: set[str], more: set[str], permission: str) -> None:
    assert lets_through(some | more, permission) == lets_through(some, permission) | lets_through(more, permission)


@given(names, st.sets(permissions), permissions)
def test_the_rights_are_the_intersection(scopes: set[str], held: set[str], permission: str) -> None:
    rights = KeyRights(held=frozenset(held), scopes=frozenset(scopes))
    assert (permission in rights) == (permission in held and lets_through(scopes, permission))
    assert rights.administers == (ADMIN in scopes)


def test_an_unknown_scope_and_none_at_all_let_nothing_through() -> None:
    assert not lets_through(["nonsense"], "marketdata.view_dailybar")
    assert not lets_through([], "marketdata.view_dailybar")
    assert ADMIN not in UNNAMED


def test_a_key_without_rights_may_nothing(owner: User) -> None:
    assert not Actor.of(owner, front=Front.API, key_id="k").may("portfolio.view_portfolio")


def test_a_superusers_key_is_unlimited_by_scope_only(db: None) -> None:
    root = UserFactory.create(is_superuser=True)
    for actor in (by_key(root), by_key(root, "portfolio:write")):
        assert not actor.is_unlimited
        assert not actor.sees_everything
    assert by_key(root).may("portfolio.add_portfolio")
    assert by_key(root, ADMIN).is_unlimited
    assert by_key(root, ADMIN).sees_everything


def test_the_scope_gives_nobody_what_they_lack(owner: User) -> None:
    actor = by_key(owner, ADMIN, held=frozenset({"portfolio.view_portfolio"}))
    assert not actor.is_unlimited
    assert not actor.sees_everything
    assert not actor.may("accounts.add_user")


def test_services_refuse_a_key_of_an_administrator_without_the_scope(staff: User, owner: User) -> None:
    held = frozenset(staff.get_all_permissions())
    actor = by_key(staff, held=held)
    with pytest.raises(Forbidden, match="scopes"):
        create_user(actor=actor, username="new")
    with pytest.raises(Forbidden, match="scopes"):
        set_roles(actor=actor, user=owner, roles=["admin"])
    with pytest.raises(Forbidden, match="scopes"):
        save_role(actor=actor, name="mine")
    create_user(actor=by_key(staff, ADMIN, held=held), username="new")
