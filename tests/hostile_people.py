"""What people write about themselves, for the hostile corpus: endpoints that no key opens, and strangers' ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accounts.models import User
from accounts.one_time_tokens import digest_of
from accounts.services import emails, passwords
from accounts.services.second_factor import begin_second_factor
from tests.accounts.passwords import PASSWORD, log_in
from tests.factories import RegistrationFactory
from tests.second_factors import set_up
from tradingsite.core import clock
from tradingsite.core.actor import Actor, Front

NEW_PASSWORD = "quite another password 2"
REGISTRATION = "the token of a registration, long enough"

# As ENDPOINTS of tests/test_hostile_input.py; a text in braces stands for what FACTS makes.
PEOPLE: dict[str, tuple[str, str, str, dict[str, Any], dict[str, str]]] = {
    "own names": (
        "patch",
        "auth/me",
        "auth/me",
        {"first_name": "Ann"},
        {"first_name": "text", "last_name": "text"},
    ),
    "own settings": (
        "patch",
        "auth/settings",
        "auth/settings",
        {"theme": "dark"},
        {
            "time_zone": "text",
            "theme": "text",
            "default_portfolio": "id",
            "notifications": "on or off",
            "notifications.key_expiry": "flag",
        },
    ),
    "own password": (
        "post",
        "auth/password/change",
        "auth/me",
        {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
        {"current_password": "secret", "new_password": "secret"},
    ),
    "forgotten password, new": (
        "post",
        "auth/password/reset/confirm",
        "auth/me",
        {"token": "{reset}", "new_password": NEW_PASSWORD},
        {"token": "text", "new_password": "secret"},
    ),
    "own e-mail": (
        "post",
        "auth/email/change",
        "auth/me",
        {"email": "new@example.com", "current_password": PASSWORD},
        {"email": "text", "current_password": "secret"},
    ),
    "own e-mail, confirmed": ("post", "auth/email/confirm", "auth/me", {"token": "{new_email}"}, {"token": "text"}),
    "registration, confirmed": (
        "post",
        "auth/register/confirm",
        "users",
        {"token": "{registration}"},
        {"token": "text"},
    ),
    "log-in, again": (
        "post",
        "auth/token/refresh",
        "auth/logins",
        {"refresh": "{refresh}"},
        {"refresh": "secret"},
    ),
    "log-in to leave": (
        "post",
        "auth/logout",
        "auth/logins",
        {"everywhere": True},
        {"refresh": "secret", "everywhere": "flag"},
    ),
    "second factor to begin": ("post", "auth/totp", "auth/totp", {}, {}),
    "second factor, confirmed": ("post", "auth/totp/confirm", "auth/totp", {"code": "{begun}"}, {"code": "text"}),
    "second factor, recovery codes": (
        "post",
        "auth/totp/recovery-codes",
        "auth/totp",
        {"code": "{code}"},
        {"code": "text"},
    ),
    "second factor, removed": ("post", "auth/totp/remove", "auth/totp", {"code": "{code}"}, {"code": "text"}),
    "new key": (
        "post",
        "api-keys",
        "api-keys",
        {"name": "another"},
        {
            "name": "text",
            "scopes": "texts or null",
            "allowed_addresses": "texts or null",
            "portfolio": "id",
            "symbols": "symbols",
            "daily_notional": "number",
            "expires_at": "future",
            "never_expires": "flag",
        },
    ),
    "key": ("patch", "api-keys/{key}", "api-keys", {"name": "X"}, {"name": "text"}),
    "key to rotate": ("post", "api-keys/{key}/rotate", "api-keys", {"overlap_hours": 1}, {"overlap_hours": "count"}),
}
#: After these have succeeded the one who asked is logged in no more.
LEAVING = ("forgotten password, new", "own e-mail, confirmed", "log-in to leave")


def _begun(owner: User) -> str:
    from accounts.second_factor_codes import code_of_step, step_at

    secret = begin_second_factor(actor=Actor.of(owner, front=Front.ADMIN)).secret
    return code_of_step(secret, step_at(clock.now()))


def _registration(owner: User) -> str:
    RegistrationFactory.create(token_digest=digest_of(REGISTRATION))
    return REGISTRATION


def _new_email(owner: User) -> str:
    return emails._make_token(User.objects.get(pk=owner.pk), "new@example.com")


def _reset(owner: User) -> str:
    return f"{owner.pk}-{passwords._tokens.make_token(User.objects.get(pk=owner.pk))}"


#: What a good body needs that has to be made before.
FACTS: dict[str, Callable[[User], str]] = {
    "new_email": _new_email,
    "reset": _reset,
    "registration": _registration,
    "refresh": lambda owner: str(log_in(owner)["refresh"]),
    "begun": _begun,
    "code": lambda owner: set_up(owner).code,
}
