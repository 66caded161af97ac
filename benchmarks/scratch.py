"""A database of its own for a benchmark, on the engine that DATABASE_URL names; never the user's."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_URL = "sqlite:///data/tradingsite.db"


@contextmanager
def scratch_database() -> Iterator[str]:
    """Set up Django on a new, migrated database; gives the engine's name and destroys the database after.

    Only once in a process, and before anything sets up Django.
    """
    url = urlsplit(os.environ.get("DATABASE_URL") or DEFAULT_URL)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        name = f"bench_{os.getpid()}"
        if url.scheme.startswith("sqlite"):
            scratch = f"sqlite:///{Path(folder) / name}.db"
        else:
            scratch = url._replace(path=f"/{name}").geturl()
            _administer(url.geturl(), f"CREATE DATABASE {name}")
        try:
            _set_up(scratch)
            yield _vendor()
        finally:
            _close()
            if not url.scheme.startswith("sqlite"):
                force = " WITH (FORCE)" if url.scheme.startswith("p") else ""
                _administer(url.geturl(), f"DROP DATABASE {name}{force}")


def _set_up(url: str) -> None:
    os.environ["DATABASE_URL"] = url
    os.environ["DJANGO_SETTINGS_MODULE"] = "tradingsite.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _vendor() -> str:
    from django.db import connection

    return connection.vendor


def _close() -> None:
    from django.apps import apps

    if not apps.ready:
        return
    from django.db import connection

    connection.close()
    if close_pool := getattr(connection, "close_pool", None):
        close_pool()


def _administer(url: str, statement: str) -> None:
    """One statement on the server, from a database that is always there."""
    parts = urlsplit(url)
    if parts.scheme.startswith("p"):
        import psycopg

        with psycopg.connect(parts._replace(scheme="postgresql", path="/postgres").geturl(), autocommit=True) as server:
            server.execute(statement.encode())
        return
    import pymysql

    with pymysql.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=parts.username or "root",
        password=parts.password or "",
    ) as server:
        server.cursor().execute(statement)
