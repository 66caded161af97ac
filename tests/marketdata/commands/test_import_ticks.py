"""`import_ticks`, as an operator calls it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from marketdata.models import IntradayBar, Tick

pytestmark = pytest.mark.django_db

TICKS = """timestamp,price,size,exchange
2013-10-07T13:30:00.250Z,181.52,283,P
2013-10-07T13:30:00.250Z,181.8,500,P
2013-10-07T13:31:00Z,182,100,Z
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "IBM.csv"
    path.write_text(TICKS)
    return path


def run(*paths: Path, **options: Any) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("import_ticks", *map(str, paths), stdout=out, stderr=err, **options)
    except SystemExit as stopped:
        return int(stopped.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_a_file_is_loaded_once_and_made_into_bars(file: Path) -> None:
    status, out, _ = run(file, create_symbols=True, bars="1m")
    assert status == 0
    assert "IBM.csv: read 3 = inserted 3 + updated 0 + unchanged 0 + rejected 0" in out
    assert "Bars of 1m made of the ticks: inserted 2, updated 0, unchanged 0." in out
    assert (Tick.objects.count(), IntradayBar.objects.count()) == (3, 2)
    status, out, _ = run(file, bars="1m")
    assert status == 0
    assert "inserted 0 + updated 0 + unchanged 3" in out
    assert "inserted 0, updated 0, unchanged 2." in out


def test_the_answer_for_scripts_adds_up(file: Path) -> None:
    status, out, _ = run(file, create_symbols=True, as_json=True)
    assert status == 0
    assert json.loads(out)["total"] == {"read": 3, "inserted": 3, "updated": 0, "unchanged": 0, "rejected": 0}


def test_a_folder_is_loaded_file_by_file(file: Path) -> None:
    (file.parent / "notes.md").write_text("not read")
    (file.parent / "SPY.ndjson").write_text('{"t":"2013-10-07T13:30:00Z","p":167.5,"s":1,"x":"D"}\n')
    status, out, _ = run(file.parent, create_symbols=True)
    assert status == 0
    assert "2 files: read 4 = inserted 4" in out


def test_bad_rows_are_named_and_the_status_is_1(file: Path) -> None:
    file.write_text(TICKS + "2013-10-07T13:30:59Z,1,1,\n")
    status, out, err = run(file, create_symbols=True)
    assert status == 1
    assert "line 5: The tick is earlier" in out
    assert "1 of 4 rows were rejected" in err
    assert run(file, create_symbols=True, on_error="abort")[0] == 1


@pytest.mark.parametrize("options", [{"bars": "1h"}, {"bars": "x"}, {"timezone": "Mars"}, {"symbol": "?"}])
def test_wrong_usage_is_status_2(file: Path, options: dict[str, str]) -> None:
    assert run(file, **options)[0] == 2
    assert not Tick.objects.exists()


def test_a_folder_without_files_is_wrong_usage(tmp_path: Path) -> None:
    status, _, err = run(tmp_path)
    assert (status, "has no file that can be read" in err) == (2, True)


def test_a_file_of_bars_is_refused(file: Path) -> None:
    file.write_text("timestamp,open,high,low,close\n2013-10-07T13:30:00Z,1,1,1,1\n")
    status, _, err = run(file, create_symbols=True)
    assert status == 1
    assert "There is no column for price, size." in err
