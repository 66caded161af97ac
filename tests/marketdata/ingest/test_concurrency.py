"""Loads that meet: true counts for each, every bar once."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from marketdata.models import IntradayBar
from marketdata.services.ingest import LoadSummary
from tests.factories import InstrumentFactory
from tests.marketdata.ingest.bars import MINUTE_HEADER, load, write
from tests.portability.processes import ROOT, SECONDS, database_url, environment, start_elsewhere
from tradingsite.core.timeframes import Timeframe

pytestmark = pytest.mark.django_db(transaction=True)


# Strong enough for the system checks, which commands run.
PEPPERS = {"API_KEY_PEPPERS": "1:a pepper of the tests that is as long as a real one"}


def start_import(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "manage.py", "import_bars", str(path), "--timeframe", "1m", "--create-symbols", "--json"]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**environment(database_url()), **PEPPERS},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_that_load_the_same_file_at_once_share_its_bars(tmp_path: Path) -> None:
    rows = [
        f"S{symbol},2013-10-{day:02}T{hour:02}:{minute:02}:00Z,49,49.02,48.99,49.01,300"
        for symbol in range(4)
        for day in range(1, 11)
        for hour in range(10, 20)
        for minute in range(0, 60, 2)
    ]
    path = write(tmp_path / "minutes.csv", MINUTE_HEADER, *rows)
    started = [start_import(path) for _ in range(2)]
    try:
        answers = [process.communicate(timeout=SECONDS) for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], answers
    totals = [json.loads(out)["total"] for out, _ in answers]
    assert [total["read"] for total in totals] == [len(rows)] * 2
    assert sum(total["inserted"] for total in totals) == len(rows)
    assert sum(total["unchanged"] for total in totals) == len(rows)
    assert IntradayBar.objects.count() == len(rows)


def test_loads_of_several_connections_with_other_chunks_do_not_lose_or_double_a_bar() -> None:
    InstrumentFactory.create(symbol="SPY")
    lines = [f"2013-10-04T{10 + n // 60}:{n % 60:02}:00Z,49,49.02,48.99,49.01,300" for n in range(240)]
    header = MINUTE_HEADER.removeprefix("symbol,")

    def load_part(start: int, end: int) -> LoadSummary:
        return load("\n".join([header, *lines[start:end]]), Timeframe.MINUTE_1)

    waiting = [start_elsewhere(partial(load_part, *part)) for part in ((0, 160), (80, 240), (40, 200))]
    summaries = [wait() for wait in waiting]
    assert sum(summary.inserted for summary in summaries) == IntradayBar.objects.count() == 240
    assert sum(summary.counts.accepted for summary in summaries) == 480
