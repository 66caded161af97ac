"""Transactions as services use them: one outermost block, retried where the engine asks for it."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 5

# Serialization failure and deadlock (PostgreSQL), deadlock and lock wait timeout (MySQL).
_POSTGRES_RETRY = frozenset({"40001", "40P01"})
_MYSQL_RETRY = frozenset({1213, 1205})


def wants_retry(error: BaseException) -> bool:
    """Whether the engine gave up on a transaction that is worth trying again as it is."""
    cause = error.__cause__ or error
    if getattr(cause, "sqlstate", None) in _POSTGRES_RETRY:
        return True
    if cause.args and cause.args[0] in _MYSQL_RETRY:
        return True
    return "database is locked" in str(cause)


def back_off(attempt: int) -> None:
    """Wait before the next attempt, with full jitter: two who met do not meet again."""
    time.sleep(random.uniform(0, 0.05 * 2**attempt))


def in_transaction(function: Callable[P, R]) -> Callable[P, R]:
    """Run the service atomically; when it is the outermost transaction, retry on a deadlock.

    Inside another transaction it is a savepoint: only the outermost block may start over,
    because the engine has thrown away everything since its beginning.
    """

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        if connections[DEFAULT_DB_ALIAS].in_atomic_block:
            with transaction.atomic():
                return function(*args, **kwargs)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except OperationalError as error:
                if attempt == ATTEMPTS or not wants_retry(error):
                    raise
                back_off(attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    return wrapped


def require_outermost() -> None:
    """Raise RuntimeError inside of an open transaction: for what must stay written whatever becomes of the caller.

    Those that Django's tests open around each test do not count, as with `atomic(durable=True)`.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.in_atomic_block and not getattr(connection.atomic_blocks[-1], "_from_testcase", False):
        raise RuntimeError("This is not for the inside of a transaction, which could take back what it writes.")


@contextmanager
def read_snapshot(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Read several tables as of one moment, without making writers wait.

    PostgreSQL and MySQL: a REPEATABLE READ, read-only transaction. SQLite: a plain deferred
    BEGIN; `atomic()` would take the write lock there (`transaction_mode=IMMEDIATE`).
    Writing in it is an error on every engine. Inside another snapshot it is that snapshot, inside
    an open transaction that transaction's own view, whatever its level.
    """
    connection = connections[using]
    if connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        with _sqlite_snapshot(connection):
            yield
        return
    if connection.vendor == "mysql":
        # Holds for the next transaction only, and must stand before it begins.
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    with transaction.atomic(using=using):
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


@contextmanager
def _sqlite_snapshot(connection: Any) -> Iterator[None]:
    if connection.connection.in_transaction:
        yield
        return
    with connection.cursor() as cursor:
        # The roll-back at the end would lose a write without a word: refuse it, as the others do.
        cursor.execute("PRAGMA query_only = ON")
        cursor.execute("BEGIN DEFERRED")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
            cursor.execute("PRAGMA query_only = OFF")
