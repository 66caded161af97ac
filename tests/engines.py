"""Runs the suite on each database engine; `python -m tests.engines run [--only sqlite] [pytest arguments]`.

The servers are those of TEST_POSTGRES_URL and TEST_MYSQL_URL, else local ones on their usual
ports with their usual users. `python -m tests.engines urls` prints the URLs of those that answer.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradingsite.core.database import BadDatabaseUrl, describe, parse_database_url

ROOT = Path(__file__).resolve().parents[1]
#: pytest makes databases of its own, named after these.
NAME = "tradingdesk"


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine, and where to find it."""

    name: str
    url: str

    def problem(self) -> str:
        """Why it can't be used, or nothing; makes its database when that is missing."""
        try:
            entry = parse_database_url(self.url, root=ROOT)
        except BadDatabaseUrl as error:
            return f"{self.name} can't be used: {error}."
        try:
            make_database(entry)
        except Exception as error:  # noqa: BLE001  # whatever the driver says: it can't be used
            return f"{self.name} could not be reached: {describe(entry)}: {str(error).strip().splitlines()[0]}"
        return ""


def engines() -> list[Engine]:
    return [
        Engine("sqlite", "sqlite:///:memory:"),
        Engine("postgresql", os.environ.get("TEST_POSTGRES_URL") or f"postgres://postgres@127.0.0.1:5432/{NAME}"),
        Engine("mysql", os.environ.get("TEST_MYSQL_URL") or f"mysql://root@127.0.0.1:3306/{NAME}"),
    ]


def make_database(entry: dict[str, Any]) -> None:
    """Create the database of these settings on its server unless it is there."""
    where: dict[str, Any] = {"host": entry.get("HOST"), "port": entry.get("PORT"), "user": entry.get("USER") or None}
    if entry["ENGINE"].endswith("postgresql"):
        import psycopg

        with psycopg.connect(
            **where, password=entry["PASSWORD"] or None, dbname="postgres", connect_timeout=5, autocommit=True
        ) as postgres:
            if not postgres.execute("SELECT 1 FROM pg_database WHERE datname = %s", [entry["NAME"]]).fetchone():
                postgres.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(entry["NAME"])))
    elif entry["ENGINE"].endswith("mysql"):
        import MySQLdb  # type: ignore[import-untyped]  # PyMySQL or mysqlclient, whichever is installed

        with MySQLdb.connect(**where, password=entry["PASSWORD"], connect_timeout=5) as mysql:
            name = entry["NAME"].replace("`", "``")
            mysql.cursor().execute(f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4")


def reachable(chosen: list[Engine]) -> list[Engine]:
    """Those that answer. Says plainly which do not; in CI a missing engine is a failure."""
    problems = {engine.name: engine.problem() for engine in chosen}
    for problem in filter(None, problems.values()):
        sys.stderr.write(f"{problem}\n")
    missing = [name for name, problem in problems.items() if problem]
    if missing and os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        sys.exit(f"Not tested on {' and '.join(missing)}; in CI that is a failure.")
    if missing:
        sys.stderr.write(f"NOT TESTED on {' and '.join(missing)}.\n")
    return [engine for engine in chosen if engine.name not in missing]


def run(chosen: list[Engine], arguments: list[str]) -> int:
    """pytest on one engine after the other; stops at the first that fails, so that its closing line is the last."""
    for engine in reachable(chosen):
        sys.stdout.write(f"\n== {engine.name}\n")
        sys.stdout.flush()
        status = subprocess.run(
            [sys.executable, "-m", "pytest", "-n", "auto", *arguments],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": engine.url},
            check=False,
        ).returncode
        if status:
            return status
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["run", "urls"])
    parser.add_argument("--only", choices=[engine.name for engine in engines()], help="one engine")
    options, arguments = parser.parse_known_args()
    chosen = [engine for engine in engines() if options.only in (None, engine.name)]
    if options.what == "run":
        return run(chosen, arguments)
    for engine in reachable(chosen):
        sys.stdout.write(f"{engine.url}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
