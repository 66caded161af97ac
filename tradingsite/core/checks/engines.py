"""Checks of the database servers; they run with `check --database default` and before `migrate`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  # Django's own name
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tradingsite.core import clock
from tradingsite.core.database import describe

# The oldest that the suite is expected to hold on: STRICT-like upserts, enforced CHECKs, skip locked.
OLDEST = {
    "SQLite": (3, 35, 0),
    "PostgreSQL": (14, 0),
    "MySQL": (8, 0, 16),
    "MariaDB": (10, 6, 0),
}
# https://sqlite.org/wal.html#walresetbug: two writers at once can corrupt the file.
WAL_RESET_BUG = ((3, 7, 0), (3, 51, 2))
CLOCK_SECONDS = 60


@register(Tags.database)
def check_engine(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Each database is new enough and set up as the software needs it.

    A server that does not answer raises OperationalError, which `manage.py` tells as one sentence.
    """
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        connection.ensure_connection()
        found += check_version(connection)
        match connection.vendor:
            case "postgresql":
                found += check_postgresql(connection)
            case "mysql":
                found += check_mysql(connection)
    return found


def engine_version(connection: BaseDatabaseWrapper) -> tuple[str, tuple[int, ...]]:
    """The engine's name and version, as in ("MariaDB", (10, 11, 6))."""
    version = tuple(int(part) for part in connection.get_database_version())
    match connection.vendor:
        case "sqlite":
            return "SQLite", version
        case "postgresql":
            return "PostgreSQL", version
        case _:
            return ("MariaDB" if connection.mysql_is_mariadb else "MySQL"), version  # type: ignore[attr-defined]  # MySQL's wrapper has it


def check_version(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
    name, version = engine_version(connection)
    if version >= OLDEST[name]:
        return []
    return [
        Error(
            f"{name} {dotted(version)} is too old; this needs {dotted(OLDEST[name])} or newer.",
            obj=describe(connection.settings_dict),
            id="desk.E040",
        )
    ]


def check_postgresql(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
    encoding, now = one_row(connection, "SELECT current_setting('server_encoding'), clock_timestamp()")
    found = check_clock(connection, now)
    if encoding != "UTF8":
        found.append(
            Error(
                f"The database's encoding is {encoding}; it must be UTF8.",
                hint="Make it anew with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.",
                obj=describe(connection.settings_dict),
                id="desk.E041",
            )
        )
    return found + check_isolation(connection)


def check_mysql(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
    charset, now = one_row(connection, "SELECT @@character_set_database, UTC_TIMESTAMP(6)")
    found = check_clock(connection, now.replace(tzinfo=UTC))
    if charset != "utf8mb4":
        found.append(
            Error(
                f"The database's character set is {charset}; it must be utf8mb4.",
                hint="ALTER DATABASE … CHARACTER SET utf8mb4, before the first migrate.",
                obj=describe(connection.settings_dict),
                id="desk.E042",
            )
        )
    return found + check_isolation(connection)


def check_isolation(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
    """Transactions see what others have committed, so that a read after a lock is not stale."""
    level = isolation_level(connection)
    if level.replace("-", " ") == "READ COMMITTED":
        return []
    return [
        Error(
            f"Transactions run at {level}; they must run at READ COMMITTED, or reads after a lock are stale.",
            obj=describe(connection.settings_dict),
            id="desk.E043",
        )
    ]


def check_clock(connection: BaseDatabaseWrapper, theirs: datetime) -> list[CheckMessage]:
    """The server's clock and ours agree, because both write times."""
    apart = abs((clock.now() - theirs).total_seconds())
    if apart <= CLOCK_SECONDS:
        return []
    return [
        Warning(
            f"The database server's clock and this machine's are {apart:.0f} seconds apart.",
            hint="Let both follow a time server.",
            obj=describe(connection.settings_dict),
            id="desk.W044",
        )
    ]


def isolation_level(connection: BaseDatabaseWrapper) -> str:
    """How transactions of this connection are kept apart, in the engine's own words."""
    match connection.vendor:
        case "sqlite":
            return "SERIALIZABLE"
        case "postgresql":
            return str(one_row(connection, "SELECT current_setting('transaction_isolation')")[0]).upper()
        case _:
            # MySQL 8 dropped one of the names, MariaDB before 11.1 lacks the other.
            query = "SHOW VARIABLES WHERE Variable_name IN ('transaction_isolation', 'tx_isolation')"
            return str(one_row(connection, query)[1])


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Whether this SQLite can corrupt a WAL file when several processes write; pure."""
    return WAL_RESET_BUG[0] <= version <= WAL_RESET_BUG[1]


def one_row(connection: BaseDatabaseWrapper, query: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        row: tuple[Any, ...] = cursor.fetchone()
    return row


def dotted(version: Iterable[int]) -> str:
    return ".".join(map(str, version))
