"""How commands end: with a sentence, and the right status."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection

from tradingsite.core.database import describe
from tradingsite.core.errors import Conflict
from tradingsite.core.management.base import DeskCommand, Failure, WrongUsage
from tradingsite.core.management.entry import database_sentence, reason

ROOT = Path(__file__).resolve().parents[2]
Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def manage() -> Manage:
    """Runs `manage.py` as a process of its own."""

    def run(*arguments: str, url: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
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
            timeout=60,
        )

    return run


@pytest.fixture
def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.any_engine
@pytest.mark.parametrize("scheme", ["postgres", "mysql"])
@pytest.mark.parametrize(
    "command",
    [
        ["migrate"],
        ["check", "--database", "default"],
        ["bootstrap", "--demo"],
        ["create_api_key", "demo", "--name", "x"],
        ["shell", "-c", "print(User.objects.count())"],
    ],
    ids=lambda command: command[0],
)
def test_a_server_that_is_down_is_one_sentence(
    manage: Manage, closed_port: int, scheme: str, command: list[str]
) -> None:
    ran = manage(*command, url=f"{scheme}://me:hunter2@127.0.0.1:{closed_port}/desk")
    assert ran.returncode == 1
    assert ran.stderr.startswith("The database ")
    assert f"'desk' at 127.0.0.1:{closed_port} can't be reached: " in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert "hunter2" not in ran.stderr


def test_a_server_that_refuses_the_login_is_one_sentence(manage: Manage) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("about servers")
    entry = connection.settings_dict
    scheme = "postgres" if connection.vendor == "postgresql" else "mysql"
    ran = manage("migrate", url=f"{scheme}://nobody_here:hunter2@{entry['HOST']}:{entry['PORT']}/{entry['NAME']}")
    assert ran.returncode == 1
    assert f"at {entry['HOST']}:{entry['PORT']} can't be reached: " in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert "hunter2" not in ran.stderr


@pytest.mark.any_engine
def test_a_database_without_tables_says_what_to_run(manage: Manage, tmp_path: Path) -> None:
    ran = manage("create_api_key", "demo", "--name", "x", url=f"sqlite:///{tmp_path}/empty.db")
    assert ran.returncode == 1
    assert "run `manage.py bootstrap` first" in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.any_engine
def test_a_migration_that_breaks_off_is_one_sentence(manage: Manage, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "half.db")) as half:
        half.execute("CREATE TABLE metadata (colour text)")
    url = f"sqlite:///{tmp_path}/half.db"
    ran = manage("bootstrap", url=url)
    assert ran.returncode == 1
    assert 'could not be migrated: table "metadata" already exists' in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert "Traceback" in manage("bootstrap", "--traceback", url=url).stderr


@pytest.mark.any_engine
def test_a_file_that_is_no_database_is_one_sentence(manage: Manage, tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_text("Dear Sir or Madam, " * 100)
    ran = manage("migrate", url=f"sqlite:///{tmp_path}/letter.db")
    assert ran.returncode == 1
    assert ran.stderr == f"The database SQLite file {tmp_path}/letter.db can't be reached: file is not a database.\n"


def test_an_error_of_ours_keeps_its_trace(transactional_db: None) -> None:
    assert database_sentence(OperationalError("no such column: colour"), command="shell") is None


def test_the_reason_is_the_drivers_first_line_without_its_number() -> None:
    assert reason(OperationalError(1045, "Access denied for user 'me'")) == "Access denied for user 'me'."
    assert reason(OperationalError("connection refused\n\tIs the server running?")) == "connection refused."


class _Raises(DeskCommand):
    """A command that raises what it is given."""

    error: Exception

    def run(self, **options: Any) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Failure("It broke."), 1),
        (Conflict("It broke."), 1),
        (ValidationError("It broke."), 1),
        (WrongUsage("It broke."), 2),
    ],
)
def test_what_a_command_raises_becomes_a_sentence_and_a_status(
    error: Exception, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    command = _Raises()
    command.error = error
    with pytest.raises(SystemExit) as caught:
        command.handle()
    assert caught.value.code == status
    assert capsys.readouterr().err == "It broke.\n"


def test_the_place_of_the_test_database_is_described(db: None) -> None:
    assert connection.settings_dict["NAME"] in describe(connection.settings_dict)
