"""The locks of market data, in one place and one order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection

from tradingsite.core.transactions import in_transaction

P = ParamSpec("P")
R = TypeVar("R")

# "bars" in ASCII: any number that nothing else of ours takes.
_POSTGRES_KEY = 0x62617273
_MYSQL_NAME = "tradingsite.bars"
# MySQL's own number for a lock that does not come.
_LOCK_WAIT_TIMEOUT = 1205
_WAIT_SECONDS = 300


def as_bar_writer(function: Callable[P, R]) -> Callable[P, R]:
    """Run in a transaction (see `in_transaction`) while nobody else writes bars.

    Looking which bars are there and writing the others must not be interleaved with another
    load. PostgreSQL: an advisory lock to the end of the outermost transaction. MySQL: a named lock
    around the transaction (only to the end of this block when it is a savepoint: two loads that meet
    then wait for each other's rows and are tried again). SQLite: its transactions are IMMEDIATE,
    so a second writer waits at the start.
    """

    @in_transaction
    def locked(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_POSTGRES_KEY])
        return function(*args, **kwargs)

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.vendor != "mysql":
            return locked(*args, **kwargs)
        with _mysql_lock():
            return locked(*args, **kwargs)

    return wrapped


@contextmanager
def _mysql_lock() -> Iterator[None]:
    """The named lock, which outlives transactions and so stands around ours."""
    # One name for each database of the server.
    name = f"{_MYSQL_NAME}.{connection.settings_dict['NAME']}"[:64]
    with connection.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, %s)", [name, _WAIT_SECONDS])
        if cursor.fetchone() != (1,):
            raise OperationalError(_LOCK_WAIT_TIMEOUT, "Another load of bars did not make way.")
    try:
        yield
    finally:
        # The driver's own cursor: Django's refuses to work in a transaction that must be rolled back.
        # A lost connection has lost its locks as well.
        if connection.connection is not None and connection.is_usable():
            with connection.connection.cursor() as cursor:
                cursor.execute("SELECT RELEASE_LOCK(%s)", [name])
