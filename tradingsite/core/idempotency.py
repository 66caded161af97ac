"""One effect for a request that comes several times: the claim, the effect and the answer commit together.

The rules are in `docs/api.md` ("Sending it again"), why it is done so in ADR 0011.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import DEFAULT_DB_ALIAS, IntegrityError, OperationalError, connections, transaction

from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import IdempotencyInFlight, IdempotencyKeyReused
from tradingsite.core.models import IdempotencyKey
from tradingsite.core.transactions import ATTEMPTS, back_off, wants_retry

#: How long a second request waits for the first to end.
WAIT_SECONDS = 10.0
#: Rows that one statement of the purge deletes, so that none holds its locks for long.
PURGE_AT_ONCE = 500

# On SQLite, which has one writer at a time, any of them can be the one that was waited for.
_IN_FLIGHT = (
    "A request with this Idempotency-Key, or another long write, has not ended yet, and nothing was done for this one. "
    "Send it again, with the same key."
)

# lock_not_available (PostgreSQL), lock wait timeout (MySQL).
_POSTGRES_WAITED = "55P03"
_MYSQL_WAITED = 1205


@dataclass(frozen=True, slots=True)
class Claim:
    """A key as one caller sent it with one request."""

    digest: str
    fingerprint: str
    user_id: int
    path: str

    @classmethod
    def of(cls, *, actor: Actor, key: str, request: bytes, path: str) -> Claim:
        """The actor's claim of the key for what the bytes of `request` ask.

        Two users never meet, nor do two keys that are bound to different portfolios: what one
        was answered is not for the other. A key and the one that follows it do.
        """
        if actor.user_id is None:
            raise ValueError("Only a person's request can come again.")
        whose = f"{actor.user_id}:{'' if actor.portfolio_id is None else actor.portfolio_id}:{key}"
        return cls(
            digest=hashlib.sha256(whose.encode()).hexdigest(),
            fingerprint=hashlib.sha256(request).hexdigest(),
            user_id=actor.user_id,
            path=path[:255],
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered; `replayed` when it was stored already and nothing was done now."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    replayed: bool = False

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class _Taken(Exception):
    """Somebody else's claim of the same key was committed first."""


class _Deadlocked(Exception):
    """Several waited for a claim that was taken back, and the engine let another one have it."""


def answer_once(claim: Claim, work: Callable[[], Answer]) -> Answer:
    """What `work` answers, or what it answered when it succeeded under this claim before.

    `work` runs in a transaction that commits what it wrote together with the claim and its
    answer. Where it raises, or answers no success, nothing of it stays and the key is free.
    When the database gives up on the transaction for a deadlock, `work` is called again.

    Raises IdempotencyKeyReused when the key stands for another request, IdempotencyInFlight when
    the first one still has not ended after WAIT_SECONDS.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    attempt = 1
    while True:
        stored = IdempotencyKey.objects.filter(pk=claim.digest).first()
        if stored is not None and stored.expires_at > clock.now():
            return _replay(stored, claim)
        try:
            return _attempt(claim, work, expired=stored, deadline=deadline)
        except (_Taken, _Deadlocked) as lost:
            # The winner's answer is there now, or the key is free again.
            if time.monotonic() >= deadline:
                raise IdempotencyInFlight(_IN_FLIGHT) from None
            if isinstance(lost, _Deadlocked):
                back_off(1)
        except OperationalError as error:
            # Within somebody else's transaction only they can start over.
            inner = connections[DEFAULT_DB_ALIAS].in_atomic_block
            if inner or attempt == ATTEMPTS or not wants_retry(error):
                raise
            back_off(attempt)
            attempt += 1


def purge_idempotency_keys(actor: Actor) -> str:
    """Forget the answers that are older than a day; answers how many they were, in a sentence."""
    count = 0
    while True:
        expired = IdempotencyKey.objects.filter(expires_at__lte=clock.now()).order_by("expires_at")
        digests = list(expired.values_list("pk", flat=True)[:PURGE_AT_ONCE])
        if not digests:
            return f"Forgot {count} expired idempotency keys."
        count += IdempotencyKey.objects.filter(pk__in=digests, expires_at__lte=clock.now()).delete()[0]


def _replay(stored: IdempotencyKey, claim: Claim) -> Answer:
    if stored.fingerprint != claim.fingerprint:
        raise IdempotencyKeyReused(
            f"This Idempotency-Key was used for another request, to {stored.path}. Take a new key for a new request."
        )
    return Answer(stored.status_code, bytes(stored.answer), stored.headers, replayed=True)


def _attempt(claim: Claim, work: Callable[[], Answer], *, expired: IdempotencyKey | None, deadline: float) -> Answer:
    with ExitStack() as stack:
        with _bounded_wait(deadline):
            # On SQLite this is where one waits, on the others at the INSERT.
            stack.enter_context(transaction.atomic())
            if expired is not None:
                IdempotencyKey.objects.filter(pk=expired.pk, expires_at=expired.expires_at).delete()
            _insert(claim)
        answer = work()
        if answer.is_success:
            IdempotencyKey.objects.filter(pk=claim.digest).update(
                status_code=answer.status, headers=dict(answer.headers), answer=answer.body
            )
        else:
            transaction.set_rollback(True)
    return answer


def _insert(claim: Claim) -> None:
    row = IdempotencyKey(digest=claim.digest, fingerprint=claim.fingerprint, user_id=claim.user_id, path=claim.path)
    try:
        row.save(force_insert=True)
    except IntegrityError:
        raise _Taken from None


@contextmanager
def _bounded_wait(deadline: float) -> Iterator[None]:
    """Within it nobody waits for another transaction beyond the deadline; then IdempotencyInFlight."""
    connection = connections[DEFAULT_DB_ALIAS]
    seconds = max(0.001, deadline - time.monotonic())
    limit = {"sqlite": _limit_sqlite, "postgresql": _limit_postgres, "mysql": _limit_mysql}[connection.vendor]
    try:
        with limit(connection, seconds):
            yield
    except OperationalError as error:
        cause = error.__cause__ or error
        if (
            getattr(cause, "sqlstate", None) == _POSTGRES_WAITED
            or cause.args[:1] == (_MYSQL_WAITED,)
            or "database is locked" in str(cause)
        ):
            raise IdempotencyInFlight(_IN_FLIGHT) from None
        if wants_retry(error):
            # Nothing was done yet, so this does not count as an attempt of the work.
            raise _Deadlocked from None
        raise


@contextmanager
def _limit_sqlite(connection: Any, seconds: float) -> Iterator[None]:
    connection.ensure_connection()
    usual = int(connection.settings_dict["OPTIONS"].get("timeout", 5) * 1000)
    # By the driver: it is no question to a server, and must not begin a transaction.
    connection.connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
    try:
        yield
    finally:
        connection.connection.execute(f"PRAGMA busy_timeout = {usual}")


@contextmanager
def _limit_postgres(connection: Any, seconds: float) -> Iterator[None]:
    """Said with the INSERT and taken back with it, in the same message: it costs no round trip."""

    def insert(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT"):
            sql = f"SET LOCAL lock_timeout = {int(seconds * 1000) or 1}; {sql}; SET LOCAL lock_timeout = DEFAULT"
        return execute(sql, params, many, context)

    with connection.execute_wrapper(insert):
        yield


@contextmanager
def _limit_mysql(connection: Any, seconds: float) -> Iterator[None]:
    """MariaDB takes the limit with the statement; MySQL by the session only. Whole seconds, one at least."""
    whole = max(1, round(seconds))
    if connection.mysql_is_mariadb:

        def insert(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if sql.startswith("INSERT"):
                sql = f"SET STATEMENT innodb_lock_wait_timeout = {whole} FOR {sql}"
            return execute(sql, params, many, context)

        with connection.execute_wrapper(insert):
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {whole}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = DEFAULT")
