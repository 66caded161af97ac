"""Checks of the secrets; here, above the apps, because the form of the peppers is that of `accounts`."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from accounts.key_format import parse_peppers

SHORTEST = {"SECRET_KEY": 50, "JWT_SIGNING_KEY": 43, "AUDIT_SEAL_KEY": 43, "API_KEY_PEPPERS": 32}
FEWEST_CHARACTERS = 5
_COPIED = ("django-insecure-", "change-me", "changeme", "your-secret", "replace-me")
_HINT = "`python -m tradingsite.ops.environment` writes a .env with fresh ones; `make run` does that too."


@register(Tags.security)
def check_secrets(**kwargs: Any) -> list[CheckMessage]:
    """Every secret is there, strong, and none of the others.

    Only what can't work is an error, which stops every command. A weak secret is a warning: the
    operator who is mending it needs the commands; `check --deploy --fail-level WARNING` refuses it.
    """
    found: list[CheckMessage] = []
    if not secret_key():
        found.append(Error("SECRET_KEY is not set.", hint=_HINT, id="desk.E001"))
    if not settings.API_KEY_PEPPERS:
        found.append(
            checks.Warning("API_KEY_PEPPERS is not set: no API key can be made or used.", hint=_HINT, id="desk.W001")
        )
    if not settings.JWT_SIGNING_KEY:
        found.append(
            checks.Warning("JWT_SIGNING_KEY is not set: nobody can log in over the API.", hint=_HINT, id="desk.W002")
        )
    try:
        secrets = named_secrets()
    except ValueError as error:
        return [*found, Error(f"API_KEY_PEPPERS can't be read: {error}.", hint=_HINT, id="desk.E002")]
    for name, secret in secrets.items():
        if fault := weakness(secret, shortest=SHORTEST[name.partition(" ")[0]]):
            found.append(checks.Warning(f"{name} is weak: {fault}.", hint=_HINT, id="desk.W003"))
    found += [
        checks.Warning(f"{first} and {second} are the same; each needs one of its own.", hint=_HINT, id="desk.W004")
        for (first, secret), (second, other) in combinations(secrets.items(), 2)
        if secret == other
    ]
    return found


def named_secrets() -> dict[str, str]:
    """The secrets that are set, each pepper on its own. Raises ValueError when the peppers can't be read."""
    secrets = {
        "SECRET_KEY": secret_key(),
        "JWT_SIGNING_KEY": settings.JWT_SIGNING_KEY,
        "AUDIT_SEAL_KEY": settings.AUDIT_SEAL_KEY,
    }
    for number, pepper in parse_peppers(settings.API_KEY_PEPPERS).items():
        secrets[f"API_KEY_PEPPERS {number}"] = pepper
    return {name: secret for name, secret in secrets.items() if secret}


def secret_key() -> str:
    """SECRET_KEY, or nothing: Django raises when it is asked for an empty one."""
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return ""


def weakness(secret: str, *, shortest: int) -> str:
    """What makes a secret guessable, or nothing; pure."""
    if any(secret.lower().startswith(word) for word in _COPIED):
        return "it was copied from an example"
    if len(secret) < shortest:
        return f"it has {len(secret)} characters, and should have {shortest}"
    if len(set(secret)) < FEWEST_CHARACTERS:
        return "it repeats the same few characters"
    return ""
