"""The system checks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection

from tradingsite.core import clock
from tradingsite.core.checks.engines import (
    check_clock,
    check_engine,
    check_mysql,
    check_postgresql,
    check_version,
    engine_version,
    has_wal_reset_bug,
    isolation_level,
)
from tradingsite.core.checks.site import is_network, is_web_address
from tradingsite.ops.checks import weakness

STRONG = "Zq8vX1mN4bK7tR2yW5cL9pD3fG6hJ0sA-Zq8vX1mN4bK7tR2yW5cL9pD3fG6hJ0sA"


def ids(settings: Any, **values: Any) -> set[str]:
    """The ids of what our checks find under these settings."""
    for name, value in values.items():
        setattr(settings, name, value)
    return {found.id for found in run_checks() if found.id and found.id.startswith("desk.")}


@pytest.fixture(autouse=True)
def good_settings(settings: Any) -> None:
    settings.SECRET_KEY = STRONG
    settings.API_KEY_PEPPERS = f"1:{STRONG[::-1]}"
    settings.JWT_SIGNING_KEY, settings.AUDIT_SEAL_KEY = STRONG.swapcase(), ""


def test_good_settings_pass(settings: Any) -> None:
    assert ids(settings) == set()


@pytest.mark.parametrize(
    ("values", "id"),
    [
        ({"SECRET_KEY": ""}, "desk.E001"),
        ({"API_KEY_PEPPERS": ""}, "desk.W001"),
        ({"JWT_SIGNING_KEY": ""}, "desk.W002"),
        ({"API_KEY_PEPPERS": STRONG}, "desk.E002"),
        ({"API_KEY_PEPPERS": f"1:{STRONG},1:{STRONG}x"}, "desk.E002"),
        ({"API_KEY_PEPPERS": "1:short"}, "desk.W003"),
        ({"SECRET_KEY": "short"}, "desk.W003"),
        ({"SECRET_KEY": "ab" * 40}, "desk.W003"),
        ({"SECRET_KEY": f"django-insecure-{STRONG}"}, "desk.W003"),
        ({"JWT_SIGNING_KEY": "short"}, "desk.W003"),
        ({"JWT_SIGNING_KEY": STRONG}, "desk.W004"),
        ({"API_KEY_PEPPERS": f"1:{STRONG}"}, "desk.W004"),
        ({"AUDIT_SEAL_KEY": STRONG + "x", "JWT_SIGNING_KEY": STRONG + "x"}, "desk.W004"),
        ({"PUBLIC_URL": "desk.example.com"}, "desk.E020"),
        ({"PUBLIC_URL": "https://desk.example.com/desk"}, "desk.E020"),
        ({"PUBLIC_URL": "https://desk.example.com", "DEBUG": True}, "desk.E021"),
        ({"TRUSTED_PROXIES": ["10.0.0.0/8", "proxy"]}, "desk.E022"),
        ({"REGISTRATION": "sometimes"}, "desk.E023"),
        ({"REGISTRATION": "open", "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}, "desk.E024"),
        ({"TOTP_REQUIRED": "sometimes"}, "desk.E029"),
        ({"MARKETDATA_DATABASE_URL": "sqlite:///bars.db"}, "desk.E026"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else value,
)
def test_a_wrong_setting_is_found(settings: Any, values: dict[str, Any], id: str) -> None:  # noqa: A002  # its name
    assert ids(settings, **values) == {id}


def test_open_registration_with_mail_passes(settings: Any) -> None:
    values = {"REGISTRATION": "open", "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend"}
    assert ids(settings, **values) == set()


def test_a_redis_cache_needs_its_driver(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradingsite.core.checks.site.find_spec", {"redis": None}.get)
    caches = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://h"}}
    assert ids(settings, CACHES=caches) == {"desk.E025"}


def test_no_check_shows_a_secret(settings: Any) -> None:
    settings.SECRET_KEY = settings.JWT_SIGNING_KEY = "hunter2hunter2"
    settings.API_KEY_PEPPERS = "hunter2hunter2"
    assert not [found for found in run_checks() if "hunter2" in str(found)]


def test_a_long_varied_secret_is_not_weak() -> None:
    assert weakness(STRONG, shortest=50) == ""


@pytest.mark.parametrize("text", ["ftp://h", "https://", "http://h:99999", "http://[::1", "", "h:8000"])
def test_what_is_no_web_address(text: str) -> None:
    assert not is_web_address(text)


@pytest.mark.parametrize(
    ("text", "good"), [("10.0.0.1", True), ("fe80::/10", True), ("10.0.0.0/99", False), ("", False)]
)
def test_networks(text: str, good: bool) -> None:
    assert is_network(text) is good


def test_this_engine_passes(db: None) -> None:
    assert check_engine(databases=["default"]) == []


def test_without_databases_no_server_is_asked() -> None:
    # No `db` fixture: pytest-django would raise.
    assert check_engine(databases=None) == []


def test_an_old_engine_is_refused(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    name, version = engine_version(connection)
    monkeypatch.setattr(connection, "get_database_version", lambda: (1, 2, 3))
    found = check_version(connection)
    assert version > (1, 2, 3)
    assert [issue.id for issue in found] == ["desk.E040"]
    assert found[0].msg.startswith(f"{name} 1.2.3 is too old")


def test_a_clock_that_differs_is_told(db: None) -> None:
    assert check_clock(connection, clock.now() - timedelta(seconds=30)) == []
    assert [issue.id for issue in check_clock(connection, clock.now() + timedelta(minutes=5))] == ["desk.W044"]


def test_transactions_are_kept_apart_as_they_should_be(db: None) -> None:
    expected = {"sqlite": "SERIALIZABLE", "postgresql": "READ COMMITTED", "mysql": "READ-COMMITTED"}
    assert isolation_level(connection) == expected[connection.vendor]


def test_another_isolation_level_is_found(transactional_db: None) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("about servers")
    level = "REPEATABLE READ"
    is_mysql = connection.vendor == "mysql"
    prefix = "SET SESSION TRANSACTION" if is_mysql else "SET SESSION CHARACTERISTICS AS TRANSACTION"
    with connection.cursor() as cursor:
        cursor.execute(f"{prefix} ISOLATION LEVEL {level}")
    try:
        found = check_mysql(connection) if is_mysql else check_postgresql(connection)
        assert [issue.id for issue in found] == ["desk.E043"]
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("version", "has"), [((3, 6, 23), False), ((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False)]
)
def test_which_sqlite_has_the_wal_reset_bug(version: tuple[int, ...], has: bool) -> None:
    assert has_wal_reset_bug(version) is has
