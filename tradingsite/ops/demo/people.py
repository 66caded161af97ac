"""The demo's logins and the first API key."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from accounts.models import User
from accounts.services.api_keys import NewKey, create_api_key
from accounts.services.users import create_user
from tradingsite.core.actor import Actor
from tradingsite.ops.demo.parts import KEY, PEOPLE, find_made, mark_made

DEMO = "demo"
#: User names with their roles.
PEOPLE_AND_ROLES = {
    "admin": "admin",
    "analyst": "analyst",
    DEMO: "trader",
    "trader": "trader",
    "viewer": "viewer",
}
# 12 random bytes: 16 characters that can be typed.
_PASSWORD_BYTES = 12


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody who can log in; the password is known only now."""

    username: str
    role: str
    password: str


def make_people(actor: Actor) -> list[Login]:
    """The demo's users, once; those of these names that are there already stay as they are."""
    if find_made(PEOPLE):
        return []
    taken = set(User.objects.filter(username__in=PEOPLE_AND_ROLES).values_list("username", flat=True))
    logins = [
        Login(username, role, secrets.token_urlsafe(_PASSWORD_BYTES))
        for username, role in PEOPLE_AND_ROLES.items()
        if username not in taken
    ]
    for login in logins:
        create_user(actor=actor, username=login.username, password=login.password, roles=[login.role])
    mark_made(actor, PEOPLE, usernames=[login.username for login in logins])
    return logins


def make_key(actor: Actor, owner: User) -> NewKey | None:
    """The demo user's first API key, once."""
    if find_made(KEY):
        return None
    made = create_api_key(actor=actor, owner=owner, name="first steps")
    mark_made(actor, KEY, made.key)
    return made
