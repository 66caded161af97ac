"""Locking out who guesses passwords: by user name and address together, never by the name alone.

By the name alone anybody could lock anybody out. What is counted is kept in the database, so that
all processes and machines count together, and decided under a row lock, so that guesses made at
once are counted one after another (docs/adr/0012).
"""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import LoginFailures, User
from accounts.services.callers import Caller
from systemevents.models import Severity
from systemevents.services.events import record_event
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.addresses import place_of_address
from tradingsite.core.errors import TooManyAttempts
from tradingsite.core.locking import lock_all
from tradingsite.core.transactions import in_transaction

# How many rows that count no more are thrown away with each new one: the table can't grow by guessing for long.
_SWEPT = 20


def refuse_locked_out(caller: Caller, name: str) -> None:
    """Raise TooManyAttempts while this name is locked out from there; one query, whether anybody has it or not."""
    failures = _rows(caller, name).first()
    if failures is not None:
        _refuse(failures, clock.now())


def count_failure(caller: Caller, name: str, user: User | None) -> None:
    """One more failed log-in under this name from there; the last one allowed begins a lock and leaves a system event.

    Raises TooManyAttempts when it was locked meanwhile: of many guesses made at once, as many are
    answered as of guesses made one after another.
    """
    _count(caller, name, user)


@in_transaction
def _count(caller: Caller, name: str, user: User | None) -> None:
    now = clock.now()
    failures = _locked_row(caller, name, now)
    _refuse(failures, now)
    if _is_over(failures, now):
        failures.failures, failures.locked_until = 0, None
    failures.failures += 1
    failures.last_failed_at = now
    if failures.failures >= settings.LOGIN_ATTEMPTS:
        failures.locked_until = now + _lock_time()
        _tell(caller, failures, user)
    failures.save(update_fields=["failures", "last_failed_at", "locked_until"])


def forget_failures(caller: Caller, name: str) -> None:
    """A good log-in: start counting anew. In the log-in's transaction; raises TooManyAttempts when it was locked."""
    for failures in lock_all(LoginFailures, _rows(caller, name).values_list("pk", flat=True)):
        _refuse(failures, clock.now())
        failures.delete()


def _tell(caller: Caller, failures: LoginFailures, user: User | None) -> None:
    # A name that nobody has is not written down: it may well be a password.
    whose = "a user name that nobody has" if user is None else user.username
    until = failures.locked_until
    record_event(
        actor=Actor(label="system:log_in", front=caller.front, request_id=caller.request_id, address=caller.address),
        event_type="login.locked",
        source="accounts",
        severity=Severity.WARNING,
        description=(
            f"{failures.failures} log-ins in a row failed for {whose} from {caller.address or 'an unknown address'}: "
            f"no more from there until {until:%Y-%m-%d %H:%M:%S} UTC."
        ),
        details={
            "user": None if user is None else user.username,
            "address": caller.address,
            "failures": failures.failures,
            "locked_until": until,
        },
    )


def _refuse(failures: LoginFailures, now: datetime) -> None:
    if failures.locked_until is not None and now < failures.locked_until:
        wait = math.ceil((failures.locked_until - now).total_seconds())
        raise TooManyAttempts(
            "Too many failed log-ins under this name from your address. Try again later.", retry_after=wait
        )


def _is_over(failures: LoginFailures, now: datetime) -> bool:
    """Whether what was counted lies too far back, or was paid for with a lock."""
    return failures.locked_until is not None or failures.last_failed_at < now - _lock_time()


def _lock_time() -> timedelta:
    return timedelta(minutes=settings.LOGIN_LOCKOUT_MINUTES)


def _rows(caller: Caller, name: str) -> QuerySet[LoginFailures]:
    return LoginFailures.objects.filter(name_digest=_digest(name), place=place_of_address(caller.address))


def _locked_row(caller: Caller, name: str, now: datetime) -> LoginFailures:
    pks = list(_rows(caller, name).values_list("pk", flat=True))
    if not pks:
        _sweep(now)
        with transaction.atomic():
            row, _ = LoginFailures.objects.get_or_create(
                name_digest=_digest(name), place=place_of_address(caller.address), defaults={"last_failed_at": now}
            )
        pks = [row.pk]
    locked = lock_all(LoginFailures, pks)
    # A good log-in may have taken it away between the look and the lock.
    return locked[0] if locked else _locked_row(caller, name, now)


def _sweep(now: datetime) -> None:
    old = LoginFailures.objects.filter(last_failed_at__lt=now - 2 * _lock_time()).order_by("last_failed_at")
    # Their keys first: MySQL deletes from no sliced subquery.
    LoginFailures.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:_SWEPT])).delete()


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
