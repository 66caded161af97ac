"""From a database URL to Django's `DATABASES`, the same safe choices for every engine.

Used by the settings module, so it imports nothing of Django's that needs settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

ENGINES = {
    "sqlite": "django.db.backends.sqlite3",
    "postgresql": "django.db.backends.postgresql",
    "mysql": "django.db.backends.mysql",
}
_SCHEMES = {
    "sqlite": "sqlite",
    "sqlite3": "sqlite",
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "pgsql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}
_DEFAULT_PORTS = {"postgresql": 5432, "mysql": 3306}
_OPTIONS = {
    "postgresql": frozenset(
        {
            "application_name",
            "channel_binding",
            "connect_timeout",
            "gssencmode",
            "options",
            "sslcert",
            "sslkey",
            "sslmode",
            "sslrootcert",
            "target_session_attrs",
        }
    ),
    "mysql": frozenset({"charset", "connect_timeout", "read_timeout", "ssl_ca", "ssl_cert", "ssl_key", "unix_socket"}),
}
_SECONDS = frozenset({"connect_timeout", "read_timeout"})

# How long a writer waits for another before SQLite says "database is locked".
SQLITE_BUSY_SECONDS = 20
SQLITE_INIT = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
PRAGMA foreign_keys=ON;
PRAGMA recursive_triggers=ON;
"""
# What describes a database instead of DATABASE_URL; see `url_from_parts`.
PARTS = (
    "DATABASE_TYPE",
    "DATABASE_PATH",
    "TRADING_DB_PATH",
    "DB_HOST",
    "DB_PORT",
    "DB_USER",
    "DB_PASSWORD",
    "DB_NAME",
)
DEFAULT_PATH = "data/tradingsite.db"
# psycopg.IsolationLevel.READ_COMMITTED, by number: the driver is not imported for a setting.
POSTGRES_READ_COMMITTED = 2
CONNECT_SECONDS = 10
KEEP_SECONDS = 600


class BadDatabaseUrl(ValueError):
    """The database setting can't be understood; the message says why, without the password."""


@dataclass(frozen=True, slots=True)
class PoolSize:
    """How many connections a process keeps, and how many more it may open under load."""

    size: int = 4
    overflow: int = 6


def parse_database_url(url: str, *, root: Path, pool: PoolSize | None = None) -> dict[str, Any]:
    """One entry of `DATABASES` for `sqlite:///path`, `postgres://...` or `mysql://...`.

    A relative SQLite path is anchored at `root`. Query parameters go to the driver's options.
    Raises BadDatabaseUrl.
    """
    try:
        parts = urlsplit(url)
        vendor = _SCHEMES.get(parts.scheme.lower())
        explicit_port = parts.port
    except ValueError:
        raise BadDatabaseUrl("its host or port can't be read; the port is a number from 1 to 65535") from None
    if vendor is None:
        # The scheme only: the rest may hold a password.
        raise BadDatabaseUrl(
            f"{parts.scheme or 'a text without ://'!r} is not a database this runs on: "
            "use sqlite:///path, or postgres:// or mysql:// followed by user:password@host:port/name"
        )
    if vendor == "sqlite":
        return _sqlite(parts.path, netloc=parts.netloc, root=root)
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise BadDatabaseUrl("it names no database: end it with /name")
    if not parts.hostname:
        raise BadDatabaseUrl("it names no host: write localhost for this machine")
    if parts.fragment:
        raise BadDatabaseUrl("it contains a #: write %23 where one belongs to the password")
    return _server(
        vendor,
        name=name,
        host=unquote(parts.hostname),
        port=explicit_port or _DEFAULT_PORTS[vendor],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        options=_driver_options(vendor, parts.query),
        pool=pool or PoolSize(),
    )


def url_from_parts(environment: Mapping[str, str]) -> str:
    """The URL that the names in `PARTS` describe; the default SQLite file when none is set."""
    kind = environment.get("DATABASE_TYPE", "").strip().lower() or "sqlite"
    vendor = _SCHEMES.get(kind)
    if vendor is None:
        raise BadDatabaseUrl(f"DATABASE_TYPE={kind!r} is none of sqlite, postgresql, mysql")
    if vendor == "sqlite":
        path = environment.get("DATABASE_PATH") or environment.get("TRADING_DB_PATH") or DEFAULT_PATH
        return f"sqlite:///{quote(path)}"
    user, password = environment.get("DB_USER", ""), environment.get("DB_PASSWORD", "")
    host = environment.get("DB_HOST") or "localhost"
    port = environment.get("DB_PORT") or _DEFAULT_PORTS[vendor]
    credentials = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    return f"{vendor}://{credentials}{host}:{port}/{quote(environment.get('DB_NAME', ''), safe='')}"


def _driver_options(vendor: str, query: str) -> dict[str, Any]:
    """The driver's options of a URL's query; raises BadDatabaseUrl naming one that it does not know."""
    options: dict[str, Any] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in _OPTIONS[vendor]:
            raise BadDatabaseUrl(f"the option {key[:40]!r} is none of {', '.join(sorted(_OPTIONS[vendor]))}")
        if key in _SECONDS and not value.isdigit():
            raise BadDatabaseUrl(f"the option {key} must be a number of seconds")
        options[key] = int(value) if key in _SECONDS else value
    if vendor == "mysql" and (tls := {key: options.pop(key) for key in tuple(options) if key.startswith("ssl_")}):
        # Both drivers take it as one mapping: ca, cert, key.
        options["ssl"] = {key.removeprefix("ssl_"): value for key, value in tls.items()}
    return options


def _sqlite(path: str, *, netloc: str, root: Path) -> dict[str, Any]:
    if netloc:
        raise BadDatabaseUrl("an SQLite URL has three slashes: sqlite:///data/tradingsite.db")
    # sqlite:///relative.db and sqlite:////absolute.db, as everywhere.
    text = unquote(path[1:])
    if not text:
        raise BadDatabaseUrl("it names no file: sqlite:///data/tradingsite.db")
    name = text if text == ":memory:" else str(root / text)
    return {
        "ENGINE": ENGINES["sqlite"],
        "NAME": name,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": SQLITE_BUSY_SECONDS,
            "init_command": SQLITE_INIT,
        },
        "CONN_MAX_AGE": KEEP_SECONDS,
    }


def _server(
    vendor: str,
    *,
    name: str,
    host: str,
    port: int,
    user: str,
    password: str,
    options: dict[str, Any],
    pool: PoolSize,
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "ENGINE": ENGINES[vendor],
        "NAME": name,
        "HOST": host,
        "PORT": port,
        "USER": user,
        "PASSWORD": password,
        "OPTIONS": options,
        "CONN_HEALTH_CHECKS": True,
    }
    if vendor == "postgresql":
        options.setdefault("connect_timeout", CONNECT_SECONDS)
        # Said with each BEGIN, because a server, database or role can have another default.
        options["isolation_level"] = POSTGRES_READ_COMMITTED
        # What `core/prepared.py` asks is prepared at once; Django's own cursors never prepare.
        options["prepare_threshold"] = 0
        # Django's pool and persistent connections exclude each other; the pool it is.
        options["pool"] = {
            "min_size": 0,
            "max_size": pool.size + pool.overflow,
            "timeout": CONNECT_SECONDS,
            "max_idle": KEEP_SECONDS,
            # The next request tries again. The pool's own tries come at ever longer intervals, up to
            # minutes, and nothing else would reach a server that is back meanwhile.
            "reconnect_timeout": 0,
            "reconnect_failed": fail_waiting,
        }
    else:
        # mariadb's own word for the host "localhost" is a Unix socket; here it is TCP.
        entry["HOST"] = "127.0.0.1" if host == "localhost" else host
        entry["CONN_MAX_AGE"] = KEEP_SECONDS
        options.setdefault("connect_timeout", CONNECT_SECONDS)
        options.setdefault("charset", "utf8mb4")
        options["isolation_level"] = "read committed"
        options["local_infile"] = True
        options["init_command"] = "SET sql_mode='STRICT_TRANS_TABLES'"
    return entry


def fail_waiting(pool: ConnectionPool[Any]) -> None:
    """Tell whoever waits for a connection that none can be had, instead of letting them wait for the timeout.

    Else a server that is gone would hold every thread, and nothing at all would be answered.
    """
    from psycopg_pool import PoolTimeout

    # The pool has no word of its own for this.
    with pool._lock:
        if pool._nconns > 0:
            # Some connections are in use, and may be given back.
            return
        waiting = list(pool._waiting)
    for client in waiting:
        client.fail(PoolTimeout("the server can't be reached"))


def for_one_thread(entry: dict[str, Any], *, root: Path) -> None:
    """Make an entry of `DATABASES` fit for a command, which is one process with one thread.

    No pool: it would start threads, and report a refused connection only after its timeout.
    The folder of an SQLite file inside the project is made, so that the first command works.
    """
    if entry["OPTIONS"].pop("pool", None) is not None:
        entry["CONN_MAX_AGE"] = KEEP_SECONDS
    if entry["ENGINE"] == ENGINES["sqlite"] and (file := Path(entry["NAME"])).is_relative_to(root):
        file.parent.mkdir(parents=True, exist_ok=True)


def describe(entry: Mapping[str, Any]) -> str:
    """A database in words for a person: engine, host, port and name, never the password."""
    if entry["ENGINE"] == ENGINES["sqlite"]:
        return f"SQLite file {entry['NAME']}"
    kind = "PostgreSQL" if entry["ENGINE"] == ENGINES["postgresql"] else "MySQL/MariaDB"
    return f"{kind} {entry['NAME']!r} at {entry['HOST']}:{entry['PORT']}"
