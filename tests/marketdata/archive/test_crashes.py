"""kill -9 at every step, with a reader beside it: each bar is there exactly once always, and the next run finishes."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine

from marketdata.archive.verifying import verify_archive
from marketdata.services.compaction import compact_months
from marketdata.services.rollover import roll_over
from tests.factories import InstrumentFactory
from tests.marketdata.archive.days import (
    MONDAY,
    TUESDAY,
    bars,
    current,
    files,
    live,
    load_days,
    load_rows,
    make_ticks,
)
from tests.marketdata.ingest.bars import SYSTEM
from tests.portability.processes import ROOT, SECONDS, database_url, environment
from tradingsite.core import clock

pytestmark = pytest.mark.django_db(transaction=True)

# One after the other: dying before a step is dying after the one before it.
_NAMES = ("create", "bytes", "check", "place", "record", "audit", "commit", "tidy")
ROLLOVER_STEPS = ["after:derive", "after:delete", "before:create", *(f"after:{name}" for name in _NAMES)]
# What is done otherwise, or with more at stake, when there is a version already.
VERSION_STEPS = ["after:place", "after:record", "after:delete", "before:supersede", "after:supersede"]
COMPACTION_STEPS = ["after:bytes", "after:place", "after:record", "after:commit", "before:supersede", "after:supersede"]
REMOVAL_STEPS = ["before:remove", "after:remove", "after:removed"]


@pytest.fixture(autouse=True)
def instruments() -> None:
    for symbol in ("AAA", "BBB", "CCC"):
        InstrumentFactory.create(symbol=symbol)


def kill_at(step: str, action: str, archive: Path, *, beside: Callable[[], None]) -> None:
    """Run the action in a process that dies at the step, and look at everything until it is dead, and once more."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.marketdata.archive.dying", step, action],
        cwd=ROOT,
        env=environment(database_url()) | {"ARCHIVE_ROOT": str(archive)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while process.poll() is None:
            beside()
        _, errors = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == -signal.SIGKILL, f"{step} was not reached: {errors}"
    beside()


def reading() -> Callable[[], None]:
    """What fails unless every bar is answered exactly as now."""
    expected = bars()
    assert len(expected) == len({row[:2] for row in expected}) > 0

    def read() -> None:
        assert bars() == expected

    return read


def assert_in_order(archive: Path) -> None:
    """Nothing is live, and the folder holds what the manifest says and nothing else that others would read."""
    assert live() == 0
    assert files(archive) == [partition.path for partition in current()]
    assert files(archive, "tmp") == []
    assert verify_archive().problems == []


@pytest.mark.parametrize("step", ROLLOVER_STEPS)
def test_a_rollover_that_is_killed(step: str, archive: Path) -> None:
    load_days()
    make_ticks()
    read = reading()
    kill_at(step, "rollover", archive, beside=read)
    roll_over(actor=SYSTEM, through=TUESDAY)
    read()
    assert_in_order(archive)
    assert files(archive, "aside") == []
    assert [partition.rows for partition in current()] == [90, 90, 100]


@pytest.mark.parametrize("step", VERSION_STEPS)
def test_a_rollover_of_late_rows_that_is_killed(step: str, archive: Path) -> None:
    load_days()
    roll_over(actor=SYSTEM, through=TUESDAY)
    load_rows([f"AAA,{MONDAY}T13:30:00Z,50,60,40,55,1", f"AAA,{MONDAY}T19:00:00Z,50,60,40,55,1"])
    read = reading()
    kill_at(step, "rollover", archive, beside=read)
    roll_over(actor=SYSTEM, through=TUESDAY)
    read()
    assert_in_order(archive)
    assert [(partition.version, partition.rows) for partition in current()] == [(2, 91), (1, 90)]


@pytest.mark.parametrize("step", COMPACTION_STEPS)
def test_a_compaction_that_is_killed(step: str, archive: Path) -> None:
    load_days()
    roll_over(actor=SYSTEM, through=TUESDAY)
    read = reading()
    kill_at(step, "compact", archive, beside=read)
    # Whatever runs next puts the folder in order; a compaction that was not committed is done again.
    compact_months(actor=SYSTEM)
    read()
    assert_in_order(archive)
    assert [partition.rows for partition in current()] == [180]


@pytest.mark.parametrize("step", REMOVAL_STEPS)
def test_a_run_that_is_killed_while_it_removes_old_files(step: str, archive: Path) -> None:
    load_days()
    roll_over(actor=SYSTEM, through=TUESDAY)
    with time_machine.travel(clock.now() - dt.timedelta(days=1)):
        compact_months(actor=SYSTEM)
    assert len(files(archive, "superseded")) == 2
    read = reading()
    kill_at(step, "rollover", archive, beside=read)
    roll_over(actor=SYSTEM, through=TUESDAY)
    read()
    assert_in_order(archive)
    assert files(archive, "superseded") == []


def test_whoever_is_killed_again_and_again_gets_there_in_the_end(archive: Path) -> None:
    load_days()
    make_ticks()
    read = reading()
    for step in ("after:bytes", "after:place", "after:record", "after:commit", "before:check", "after:commit"):
        kill_at(step, "rollover", archive, beside=read)
    roll_over(actor=SYSTEM, through=TUESDAY)
    for step in ("after:place", "after:record", "before:supersede"):
        kill_at(step, "compact", archive, beside=read)
    compact_months(actor=SYSTEM)
    roll_over(actor=SYSTEM, through=TUESDAY)
    read()
    assert_in_order(archive)
