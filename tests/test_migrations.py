"""Migrations match the models, and go forward, back and forward again with data in the tables."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunPython, RunSQL

from accounts.roles import ROLES
from tests.models import OUR_APPS
from tests.portability.processes import ROOT, database_url, environment

# Written through services and after each migrate: the roles' sync is in the trail already.
NEVER_EMPTY = {"audit_logs"}


@pytest.fixture
def empty_database(db: None, tmp_path: Path) -> Iterator[str]:
    """The URL of a new database on the server that the tests run on, dropped afterwards."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path / 'migrations.db'}"
        return
    name = f"{connection.settings_dict['NAME']}_migrations"
    quoted = connection.ops.quote_name(name)
    # _nodb_cursor connects to the server, not to the test's database and its transaction.
    server: Any = connection.creation
    with server._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {quoted}")
        cursor.execute(f"CREATE DATABASE {quoted}")
    try:
        yield database_url(name)
    finally:
        with server._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {quoted}")


def test_they_go_forward_back_to_nothing_and_forward_again_with_rows_in_every_table(empty_database: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.migration_cycle"],
        cwd=ROOT,
        env=environment(empty_database),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)

    assert [table for table, count in report["first"].items() if count == 0] == []
    assert report["left"] == [], "tables that stayed behind"
    assert report["tables_again"] == report["tables"]
    assert set(report["empty"]) <= NEVER_EMPTY
    assert set(report["roles"]) == set(ROLES)
    assert all(report["roles"].values())
    assert [table for table, count in report["second"].items() if count == 0] == []


def test_they_are_what_the_models_say(db: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.fixture(scope="module")
def loader() -> MigrationLoader:
    return MigrationLoader(None)


@pytest.mark.parametrize("app", [app for app in OUR_APPS if app != "ops"])
def test_each_app_has_one_line_of_them(app: str, loader: MigrationLoader) -> None:
    assert len(loader.graph.leaf_nodes(app)) == 1
    assert len(loader.graph.root_nodes(app)) == 1


def test_they_are_named_for_what_they_intend(loader: MigrationLoader) -> None:
    for app, name in loader.graph.nodes:
        if app in OUR_APPS:
            assert "_auto_" not in name, f"{app}.{name}"
            assert name[:4].isdigit(), f"{app}.{name}"


def test_each_that_changes_data_goes_back_and_changes_no_schema(loader: MigrationLoader) -> None:
    """MySQL has no transaction around a schema change: both in one could stop halfway for good."""
    for (app, name), migration in loader.disk_migrations.items():
        if app not in OUR_APPS:
            continue
        data = [operation for operation in migration.operations if isinstance(operation, RunPython | RunSQL)]
        assert all(operation.reversible for operation in data), f"{app}.{name}"
        assert not data or len(data) == len(migration.operations), f"{app}.{name}"
