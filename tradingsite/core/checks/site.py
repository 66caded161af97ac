"""Checks of the settings that say how the site is reached and by whom."""

from __future__ import annotations

import re
from importlib.util import find_spec
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from tradingsite.core.errors import InvalidInput
from tradingsite.core.logging import FORMATS as LOG_FORMATS
from tradingsite.core.symbols import normalise_symbol

REGISTRATIONS = ("closed", "invite", "open")
#: Of whom TOTP_REQUIRED can demand a second factor.
DEMANDS = ("nobody", "staff", "everybody")
_DUMMY_MAIL = "django.core.mail.backends.dummy.EmailBackend"
_REDIS = "django.core.cache.backends.redis.RedisCache"


@register(Tags.security)
def check_addresses(**kwargs: Any) -> list[CheckMessage]:
    """PUBLIC_URL, CSRF_TRUSTED_ORIGINS and TRUSTED_PROXIES can be read, and DEBUG is off in public."""
    found: list[CheckMessage] = []
    if not is_web_address(settings.PUBLIC_URL) or urlsplit(settings.PUBLIC_URL).path:
        found.append(
            Error(
                f"PUBLIC_URL is {settings.PUBLIC_URL!r}, which is not the address of a site.",
                hint="Write http:// or https:// and a host, as in https://desk.example.com.",
                id="desk.E020",
            )
        )
    elif settings.DEBUG and settings.PUBLIC_URL.startswith("https://"):
        found.append(
            Error(
                "DEBUG is on although PUBLIC_URL is https: error pages would show secrets to the public.",
                hint="Remove DEBUG.",
                id="desk.E021",
            )
        )
    found += [
        Error(
            f"TRUSTED_PROXIES contains {entry!r}, which is not an address or network.",
            hint="Write addresses or CIDR networks, as in 10.0.0.1,192.168.0.0/24.",
            id="desk.E022",
        )
        for entry in settings.TRUSTED_PROXIES
        if not is_network(entry)
    ]
    found += [
        Error(
            f"CORS_ALLOWED_ORIGINS contains {entry!r}, which is not an origin.",
            hint="Write http:// or https:// and a host, nothing after it, as in https://app.example.com.",
            id="desk.E027",
        )
        for entry in settings.CORS_ALLOWED_ORIGINS
        if not is_origin(entry)
    ]
    return found


@register()
def check_log_format(**kwargs: Any) -> list[CheckMessage]:
    """LOG_FORMAT is one of its words."""
    if settings.LOG_FORMAT in LOG_FORMATS:
        return []
    return [Error(f"LOG_FORMAT is {settings.LOG_FORMAT!r}; it must be {' or '.join(LOG_FORMATS)}.", id="desk.E028")]


@register(Tags.security)
def check_registration(**kwargs: Any) -> list[CheckMessage]:
    """REGISTRATION is one of its words, and open only where mail can be sent."""
    if settings.REGISTRATION not in REGISTRATIONS:
        return [
            Error(
                f"REGISTRATION is {settings.REGISTRATION!r}; it must be {', '.join(REGISTRATIONS[:-1])} or open.",
                id="desk.E023",
            )
        ]
    if settings.REGISTRATION == "open" and settings.EMAIL_BACKEND == _DUMMY_MAIL:
        return [
            Error(
                "REGISTRATION is open, which goes on by e-mail, but no mail is set up: nobody can register.",
                hint="Set EMAIL_URL, or REGISTRATION=invite, where staff hand the links over themselves.",
                id="desk.E024",
            )
        ]
    return []


@register()
def check_welcome(**kwargs: Any) -> list[CheckMessage]:
    """What new users are given can be given."""
    found: list[CheckMessage] = []
    if not re.fullmatch(r"[A-Z]{3}", settings.STARTING_CURRENCY, re.ASCII):
        found.append(
            Error(
                f"STARTING_CURRENCY is {settings.STARTING_CURRENCY!r}; it must be an ISO 4217 code, as in USD.",
                id="desk.E034",
            )
        )
    for symbol in settings.DEFAULT_WATCHLIST:
        try:
            normalise_symbol(symbol)
        except InvalidInput as error:
            found.append(Error(f"DEFAULT_WATCHLIST contains {symbol!r}: {error.detail}", id="desk.E035"))
    return found


@register(Tags.security)
def check_second_factor(**kwargs: Any) -> list[CheckMessage]:
    """TOTP_REQUIRED is one of its words."""
    if settings.TOTP_REQUIRED in DEMANDS:
        return []
    return [
        Error(
            f"TOTP_REQUIRED is {settings.TOTP_REQUIRED!r}; it must be {', '.join(DEMANDS[:-1])} or {DEMANDS[-1]}.",
            hint="Until then it is demanded of everybody.",
            id="desk.E029",
        )
    ]


@register(Tags.caches)
def check_cache(**kwargs: Any) -> list[CheckMessage]:
    """The cache's driver is installed."""
    if settings.CACHES["default"]["BACKEND"] == _REDIS and find_spec("redis") is None:
        return [
            Error(
                "CACHE_URL names a Redis server, but the Python package redis is not installed.",
                hint="Install it with `.venv/bin/pip install redis`.",
                id="desk.E025",
            )
        ]
    return []


@register(Tags.security)
def check_market_data_database(**kwargs: Any) -> list[CheckMessage]:
    """Nobody believes that market data goes to a database of its own while it does not."""
    if settings.MARKETDATA_DATABASE_URL:
        return [
            Error(
                "MARKETDATA_DATABASE_URL is set, but this version keeps market data in the one database.",
                hint="Remove it.",
                id="desk.E026",
            )
        ]
    return []


def is_web_address(text: str) -> bool:
    """Whether this is an http or https URL with a host and, if any, a valid port; pure."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_origin(text: str) -> bool:
    """Whether this is exactly what a browser sends as Origin: scheme, host and perhaps a port; pure."""
    if not is_web_address(text):
        return False
    parts = urlsplit(text)
    return text == f"{parts.scheme}://{parts.netloc}" == text.lower() and not set("*@") & set(parts.netloc)


def is_network(text: str) -> bool:
    """Whether this is an IP address or a network in CIDR form; pure."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
