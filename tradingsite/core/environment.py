"""Typed reads of the environment and `.env`; a value of the wrong type is one sentence.

Used by the settings module, so it imports nothing of Django's that needs settings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from tradingsite.core.rates import Rate, parse_rate

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_MONEY = re.compile(r"[0-9]{1,11}(\.[0-9]{1,4})?", re.ASCII)


class Environment:
    """Named values with types; an empty value counts as not set.

    `names` are the ones that were asked for, so that a test can hold `.env.example` to them.
    Every read raises ImproperlyConfigured, naming the name, when the value is of another type.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.names: set[str] = set()

    def text(self, name: str, *, default: str = "") -> str:
        """The value without blanks around it."""
        self.names.add(name)
        return self._values.get(name, "").strip() or default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A yes or a no, in the usual words."""
        word = self.text(name).lower()
        if not word:
            return default
        if word not in _TRUE | _FALSE:
            raise ImproperlyConfigured(f"{name} must be true or false, not {word!r}.")
        return word in _TRUE

    def number(self, name: str, *, default: int, minimum: int, maximum: int) -> int:
        """A whole number within bounds."""
        text = self.text(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit()) or not minimum <= int(text[:12]) <= maximum:
            raise ImproperlyConfigured(f"{name} must be a whole number from {minimum} to {maximum}, not {text[:40]!r}.")
        return int(text)

    def money(self, name: str, *, default: str) -> Decimal:
        """An amount from 0 to a hundred billion, with at most four places."""
        text = self.text(name, default=default)
        if not _MONEY.fullmatch(text):
            raise ImproperlyConfigured(f"{name} must be an amount, as in 10000 or 2500.50, not {text[:40]!r}.")
        return Decimal(text)

    def words(self, name: str, *, default: Sequence[str] = ()) -> list[str]:
        """A list, separated by commas."""
        return [word for part in self.text(name).split(",") if (word := part.strip())] or list(default)

    def rate(self, name: str, *, default: str) -> Rate | None:
        """How often something may happen, as in 600/min; None for 0, which sets no limit."""
        text = self.text(name, default=default)
        try:
            return parse_rate(text)
        except ValueError:
            raise ImproperlyConfigured(
                f"{name} must be a number by second, minute, hour or day, as in 600/min, or 0 for no limit; "
                f"not {text[:40]!r}."
            ) from None

    def cache(self, name: str, *, default: str) -> dict[str, Any]:
        """An entry of `CACHES` from a URL."""
        try:
            return dict(environ.Env.cache_url_config(self.text(name, default=default)))
        except (ImproperlyConfigured, ValueError):
            raise ImproperlyConfigured(
                f"{name} can't be used: write locmemcache://, redis://host:6379/0, dbcache://table or filecache:///path."
            ) from None

    def mail(self, name: str) -> dict[str, Any]:
        """Django's EMAIL_ settings from a URL; the backend that refuses to send, without one."""
        url = self.text(name)
        if not url:
            return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
        try:
            config = environ.Env.email_url_config(url)
        except (ImproperlyConfigured, ValueError):
            # The URL is not shown: it holds a password.
            raise ImproperlyConfigured(
                f"{name} can't be used: write smtp+tls://user:password@host:587 or smtp+ssl://user:password@host:465."
            ) from None
        return {key: value for key, value in config.items() if key.startswith("EMAIL_") and value is not None}


def load_environment(file: Path) -> Environment:
    """The process's environment, with what the file says for names that it does not have."""
    try:
        environ.Env.read_env(file)
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{file} is not a text file in UTF-8.") from None
    return Environment(os.environ)
