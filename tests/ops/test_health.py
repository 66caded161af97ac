"""`health_check`, `/healthz` and `/readyz`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client

from tradingsite.core.registry import HealthCheck, Unhealthy, registry
from tradingsite.ops import health


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that refuses, saying more than strangers should know."""

    def refuse() -> None:
        raise OperationalError("connection to server at db.internal refused for user hunter2")

    monkeypatch.setattr(connection, "ensure_connection", refuse)
    monkeypatch.setattr(connection, "cursor", refuse)


@pytest.fixture
def migrations_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "migrations_to_run", lambda: 3)


@contextmanager
def suppress_exit(statuses: list[Any]) -> Iterator[None]:
    """Notes the status of a command that exits."""
    try:
        yield
    except SystemExit as stopped:
        statuses.append(stopped.code)


def run_json(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    stopped: list[Any] = []
    with suppress_exit(stopped):
        call_command("health_check", "--json")
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return (stopped or [0])[0], {check["name"]: (check["healthy"], check["message"]) for check in answer["checks"]}


def test_all_is_well(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    status, checks = run_json(capsys)
    assert status == 0
    assert {"database", "migrations", "roles", "cache"} <= set(checks)
    assert all(healthy for healthy, _ in checks.values())


def test_the_database_is_told_with_version_and_isolation(db: None) -> None:
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(connection.vendor)
    sentence = health.database_answers()
    assert sentence.startswith(name or ("MySQL", "MariaDB"))
    level = "serializable" if connection.vendor == "sqlite" else "read committed"
    assert f"transactions {level}." in sentence


def test_a_person_reads_a_line_each(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("health_check", "--no-color")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(registry.health_checks)
    assert all(line.startswith("well  ") for line in lines)


def test_a_database_that_is_gone_is_an_answer(no_database: None, capsys: pytest.CaptureFixture[str]) -> None:
    status, checks = run_json(capsys)
    assert status == 1
    assert not checks["database"][0]
    assert "can't be reached" in checks["database"][1]
    assert checks["cache"][0]


def test_migrations_that_wait_are_counted(
    db: None, migrations_waiting: None, capsys: pytest.CaptureFixture[str]
) -> None:
    status, checks = run_json(capsys)
    assert status == 1
    assert checks["migrations"] == (False, "3 to run: `manage.py bootstrap` does it.")


def test_a_role_that_differs_is_named(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    Group.objects.get(name="trader").permissions.clear()
    status, checks = run_json(capsys)
    assert status == 1
    assert checks["roles"][1].startswith("trader differ")


def test_a_cache_that_forgets_is_ill(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    with pytest.raises(Unhealthy, match="forgets"):
        health.cache_keeps_values()


def test_what_an_app_registers_is_asked(
    db: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ill() -> str:
        raise Unhealthy("It hurts.")

    monkeypatch.setitem(registry.health_checks, "knee", HealthCheck("knee", ill))
    status, checks = run_json(capsys)
    assert (status, checks["knee"]) == (1, (False, "It hurts."))


@pytest.mark.parametrize("path", ["/healthz", "/healthz/"])
def test_alive_asks_no_database(path: str, no_database: None) -> None:
    response = Client().get(path)
    assert (response.status_code, response.json()) == (200, {"status": "alive"})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("path", ["/readyz", "/readyz/"])
def test_ready_when_migrated(db: None, path: str) -> None:
    response = Client().get(path)
    assert (response.status_code, response.json()) == (200, {"status": "ready"})


def test_not_ready_without_a_database_and_silent_about_where(no_database: None) -> None:
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response.json() == {"status": "not ready", "missing": ["database", "migrations"]}


def test_not_ready_before_the_migrations(db: None, migrations_waiting: None) -> None:
    response = Client().get("/readyz")
    assert (response.status_code, response.json()["missing"]) == (503, ["migrations"])


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_they_only_answer(path: str) -> None:
    assert Client().post(path).status_code == 405
