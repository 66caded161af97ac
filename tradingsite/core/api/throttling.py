"""How often the API may be asked: by a key, by its owner, by an address without either.

Counted in fixed windows in the cache, which `CACHE_URL` shares between processes and machines.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.throttling import BaseThrottle

from tradingsite.core import clock
from tradingsite.core.addresses import place_of_address
from tradingsite.core.errors import TooManyAttempts
from tradingsite.core.rates import Rate

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request

_GOOD_SECONDS = 3600

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Whose requests are counted together, and how many they may be."""

    name: str
    ident: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class Count:
    """Where a bucket stands in its window."""

    bucket: Bucket
    used: int
    resets_in: int

    @property
    def is_over(self) -> bool:
        return self.used > self.bucket.rate.limit

    @property
    def remaining(self) -> int:
        return max(0, self.bucket.rate.limit - self.used)


class RequestThrottle(BaseThrottle):
    """Counts a request and refuses it with 429 and `Retry-After` when a limit is passed.

    THROTTLE_KEY holds for each key, THROTTLE_USER for all that a user does, with however many keys,
    THROTTLE_ANON for an address without either. Every answer carries `RateLimit` and
    `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
    """

    _wait: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        counts = [counted for bucket in buckets_of(request) if (counted := count(bucket)) is not None]
        show(request, counts)
        over = [counted.resets_in for counted in counts if counted.is_over]
        self._wait = max(over, default=None)
        # Once a window is often enough.
        if request.auth is not None and any(counted.used == 1 for counted in counts):
            remember_good(request)
        return not over

    def wait(self) -> float | None:
        return self._wait


def buckets_of(request: Request) -> Iterator[Bucket]:
    """The buckets that a request is counted in."""
    user = request.user
    if user is None or not user.is_authenticated:
        if settings.THROTTLE_ANON:
            yield Bucket("anon", place_of(request), settings.THROTTLE_ANON)
        return
    key_id = getattr(request.auth, "public_id", "")
    if key_id and settings.THROTTLE_KEY:
        yield Bucket("key", key_id, settings.THROTTLE_KEY)
    if settings.THROTTLE_USER:
        yield Bucket("user", str(user.pk), settings.THROTTLE_USER)


def refuse_flood(request: HttpRequest) -> None:
    """Count one more attempt of this address to get in by a page. Raises TooManyAttempts over THROTTLE_ANON."""
    if settings.THROTTLE_ANON:
        counted = count(Bucket("anon", place_of(request), settings.THROTTLE_ANON))
        if counted is not None and counted.is_over:
            raise TooManyAttempts(
                "Too many attempts from your address. Try again later.", retry_after=counted.resets_in
            )


@contextmanager
def failures_counted(request: Request) -> Iterator[None]:
    """Around an authentication: each that fails costs its address one of THROTTLE_ANON.

    An address that has none left is refused before its key is looked at. Raises Throttled. A key that was
    good from there within the hour is looked at all the same, so that one wrong bot
    does not lock out the right ones beside it.
    """
    rate = settings.THROTTLE_ANON
    if not rate:
        yield
        return
    bucket = Bucket("failed", place_of(request), rate)
    before = count(bucket, cost=0)
    if before is not None and before.used >= rate.limit and credential_of(request) and not was_good(request):
        show(request, [before])
        raise Throttled(wait=before.resets_in, detail="Too many failed authentications.")
    try:
        yield
    except AuthenticationFailed:
        failed = count(bucket)
        show(request, [] if failed is None else [failed])
        raise


def count(bucket: Bucket, *, cost: int = 1) -> Count | None:
    """Count one more in a bucket, or look at it with `cost=0`; None when the cache is gone.

    A cache that does not answer lets everybody pass: limits protect the service, they are not
    what keeps strangers out.
    """
    now = clock.now().timestamp()
    window, passed = divmod(now, bucket.rate.seconds)
    name = f"throttle:{bucket.name}:{bucket.ident}:{bucket.rate.seconds}:{int(window)}"
    try:
        used = _add(name, cost, bucket.rate.seconds) if cost else int(cache.get(name, 0))
    except Exception as error:  # noqa: BLE001  # whatever the cache's driver raises
        logger.error("The cache does not answer, so nothing is throttled: %s", error)
        return None
    # Whole seconds, rounded up: who comes back then is in the next window.
    return Count(bucket, used, max(1, int(bucket.rate.seconds - passed) + 1))


def _add(name: str, cost: int, seconds: int) -> int:
    try:
        return int(cache.incr(name, cost))
    except ValueError:
        # Not there yet. Of several who see that, one adds it.
        cache.add(name, 0, seconds + 1)
    try:
        return int(cache.incr(name, cost))
    except ValueError:
        return cost


def show(request: Request, counts: list[Count]) -> None:
    """Have the answer say where these buckets stand."""
    if not counts:
        return
    policy = ", ".join(f'"{c.bucket.name}";q={c.bucket.rate.limit};w={c.bucket.rate.seconds}' for c in counts)
    state = ", ".join(f'"{c.bucket.name}";r={c.remaining};t={c.resets_in}' for c in counts)
    # On Django's request: SecurityHeadersMiddleware writes them, also where a view failed.
    request._request.rate_limit_headers = {  # type: ignore[attr-defined]  # ours
        "RateLimit-Policy": policy,
        "RateLimit": state,
    }


def place_of(request: Request | HttpRequest) -> str:
    """The caller's address; of IPv6 its network."""
    return place_of_address(getattr(request, "client_address", None))


def credential_of(request: Request) -> str:
    """What the caller offers to be known by."""
    return str(request.headers.get("X-API-Key") or request.headers.get("Authorization") or "")


def was_good(request: Request) -> bool:
    """Whether this credential was good from this place within the hour."""
    return bool(cache.get(_good_name(request)))


def remember_good(request: Request) -> None:
    """This credential is good from this place."""
    try:
        cache.set(_good_name(request), 1, _GOOD_SECONDS)
    except Exception as error:  # noqa: BLE001  # whatever the cache's driver raises
        logger.error("The cache does not answer: %s", error)


def _good_name(request: Request) -> str:
    # Hashed: a secret is kept nowhere, not in a cache either.
    digest = hashlib.sha256(f"{place_of(request)} {credential_of(request)}".encode("utf-8", "replace")).hexdigest()
    return f"throttle:good:{digest}"
