"""From a database URL to Django's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tradingsite.core.database import (
    BadDatabaseUrl,
    PoolSize,
    describe,
    for_one_thread,
    parse_database_url,
    url_from_parts,
)

ROOT = Path("/srv/desk")


def parsed(url: str, **options: Any) -> dict[str, Any]:
    return parse_database_url(url, root=ROOT, **options)


def test_a_relative_sqlite_path_begins_at_the_root() -> None:
    assert parsed("sqlite:///data/desk.db")["NAME"] == "/srv/desk/data/desk.db"


def test_an_absolute_sqlite_path_has_four_slashes() -> None:
    assert parsed("sqlite:////var/lib/desk.db")["NAME"] == "/var/lib/desk.db"


def test_a_password_is_decoded() -> None:
    entry = parsed("postgres://me:p%40ss%23w%2Frd@db.example:6000/desk")
    assert (entry["USER"], entry["PASSWORD"]) == ("me", "p@ss#w/rd")
    assert (entry["HOST"], entry["PORT"], entry["NAME"]) == ("db.example", 6000, "desk")


@pytest.mark.parametrize(("url", "port"), [("postgresql://h/d", 5432), ("mysql://h/d", 3306), ("mariadb://h/d", 3306)])
def test_each_engine_has_its_usual_port(url: str, port: int) -> None:
    assert parsed(url)["PORT"] == port


def test_the_pool_is_as_large_as_both_numbers() -> None:
    entry = parsed("postgres://h/d", pool=PoolSize(size=3, overflow=5))
    assert entry["OPTIONS"]["pool"]["max_size"] == 8


def test_a_command_gets_no_pool() -> None:
    entry = parsed("postgres://h/d")
    for_one_thread(entry, root=ROOT)
    assert "pool" not in entry["OPTIONS"]
    assert entry["CONN_MAX_AGE"] > 0


def test_the_folder_of_a_file_in_the_project_is_made(tmp_path: Path) -> None:
    for_one_thread(parse_database_url("sqlite:///new/desk.db", root=tmp_path), root=tmp_path)
    assert (tmp_path / "new").is_dir()


def test_a_folder_elsewhere_is_not_made(tmp_path: Path) -> None:
    for_one_thread(parse_database_url(f"sqlite:///{tmp_path}/new/desk.db", root=ROOT), root=ROOT)
    assert not (tmp_path / "new").exists()


def test_mysql_takes_tls_files_as_one_mapping() -> None:
    options = parsed("mysql://h/d?ssl_ca=/etc/ca.pem&connect_timeout=3")["OPTIONS"]
    assert options["ssl"] == {"ca": "/etc/ca.pem"}
    assert options["connect_timeout"] == 3


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "not a database"),
        ("nonsense", "not a database"),
        ("oracle://h/d", "'oracle'"),
        ("postgres://h", "names no database"),
        ("postgres:///d", "names no host"),
        ("postgres://h:99999/d", "port"),
        ("postgres://h:abc/d", "port"),
        ("postgres://[::1/d", "host or port"),
        ("postgres://me:p#ss@h/d", "port"),
        ("postgres://me@h/d#x", "%23"),
        ("sqlite://data/desk.db", "three slashes"),
        ("sqlite:///", "names no file"),
        ("mysql://h/d?foo=1", "'foo'"),
        ("postgres://h/d?pool=1", "'pool'"),
        ("mysql://h/d?connect_timeout=soon", "number of seconds"),
    ],
)
def test_a_url_that_cannot_be_used_is_one_sentence(url: str, says: str) -> None:
    with pytest.raises(BadDatabaseUrl, match=says) as caught:
        parsed(url)
    assert "\n" not in str(caught.value)


def test_no_message_shows_the_password() -> None:
    for url in ("oracle://me:hunter2@h/d", "postgres://me:hunter2@h:99999/d", "mysql://me:hunter2@h/d?foo=1"):
        with pytest.raises(BadDatabaseUrl) as caught:
            parsed(url)
        assert "hunter2" not in str(caught.value)
    assert "hunter2" not in describe(parsed("postgres://me:hunter2@h/d"))


def test_parts_describe_a_server() -> None:
    url = url_from_parts(
        {"DATABASE_TYPE": "postgresql", "DB_HOST": "db", "DB_USER": "me", "DB_PASSWORD": "p@/#", "DB_NAME": "desk"}
    )
    entry = parsed(url)
    assert (entry["HOST"], entry["PORT"], entry["PASSWORD"], entry["NAME"]) == ("db", 5432, "p@/#", "desk")


@pytest.mark.parametrize("name", ["DATABASE_PATH", "TRADING_DB_PATH"])
def test_parts_describe_a_file(name: str) -> None:
    assert parsed(url_from_parts({name: "my data/50%?.db"}))["NAME"] == "/srv/desk/my data/50%?.db"


def test_without_parts_it_is_the_default_file() -> None:
    assert parsed(url_from_parts({}))["NAME"] == "/srv/desk/data/tradingsite.db"


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(BadDatabaseUrl, match="'dbase'"):
        url_from_parts({"DATABASE_TYPE": "dbase"})


def test_a_database_is_described_by_host_and_port() -> None:
    assert describe(parsed("mysql://me@db.example/desk")) == "MySQL/MariaDB 'desk' at db.example:3306"


def test_sqlite_keeps_its_promises(db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite")
    with connection.cursor() as cursor:
        pragmas = {
            name: cursor.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
