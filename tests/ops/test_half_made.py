"""A first migrate that was killed on an engine that can't undo changes of tables."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from tradingsite.ops.services.half_made import drop_half_made_tables

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def half_made(transactional_db: None) -> Iterator[str]:
    """A MySQL/MariaDB database with the first tables of a migrate; its name."""
    if connection.vendor != "mysql":
        pytest.skip("about engines that can't undo changes of tables")
    name = f"{connection.settings_dict['NAME']}_half"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            cursor.execute(
                f"CREATE TABLE {name}.django_migrations "
                "(id bigint AUTO_INCREMENT PRIMARY KEY, app varchar(255), name varchar(255), applied datetime(6))"
            )
            cursor.execute(f"CREATE TABLE {name}.metadata (colour varchar(9))")
            yield name
        finally:
            cursor.execute(f"DROP DATABASE {name}")


def bootstrap(name: str) -> subprocess.CompletedProcess[str]:
    entry = connection.settings_dict
    url = f"mysql://{quote(entry['USER'])}:{quote(entry['PASSWORD'], safe='')}@{entry['HOST']}:{entry['PORT']}/{name}"
    return subprocess.run(
        [sys.executable, "manage.py", "bootstrap"],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": url,
            "SECRET_KEY": "of the tests, long enough to be a key: 0123456789abcdef-0123456789",
            "JWT_SIGNING_KEY": "of the tests too, and long enough: 9876543210fedcba-9876543210",
            "API_KEY_PEPPERS": "1:a pepper of the tests that is long enough",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_empty_tables_are_made_anew(half_made: str) -> None:
    ran = bootstrap(half_made)
    assert (ran.returncode, ran.stderr) == (0, "")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {half_made}.auth_group")
        assert cursor.fetchone() == (4,)


def test_a_table_that_holds_something_stays(half_made: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {half_made}.metadata VALUES ('blue')")
    ran = bootstrap(half_made)
    assert ran.returncode == 1
    assert "could not be migrated: Table 'metadata' already exists" in ran.stderr
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT colour FROM {half_made}.metadata")
        assert cursor.fetchall() == (("blue",),)


def test_another_softwares_database_stays(half_made: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {half_made}.django_migrations (app, name) VALUES ('blog', '0001_initial')")
    assert bootstrap(half_made).returncode == 1
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW TABLES FROM {half_made} LIKE 'metadata'")
        assert len(cursor.fetchall()) == 1


def test_a_finished_migrate_is_left_alone(db: None) -> None:
    before = set(connection.introspection.table_names())
    assert drop_half_made_tables() == []
    assert set(connection.introspection.table_names()) == before
