"""`manage.py import_corporate_actions`: files in, a summary that adds up, exit status 0, 1 or 2."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from marketdata.models import CorporateAction
from tests.factories import InstrumentFactory
from tests.marketdata.ingest.bars import write

HEADER = "symbol,kind,ex_date,ratio,amount"
FOUR = ["AAPL,split,2000-06-21,2:1,", "AAPL,split,2005-02-28,2:1,", "AAPL,split,2014-06-09,7:1,"]


@pytest.fixture(autouse=True)
def aapl(db: None) -> None:
    InstrumentFactory.create(symbol="AAPL")


def run(*arguments: Any) -> tuple[Any, str, str]:
    """Exit status, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_corporate_actions", *map(str, arguments), stdout=out, stderr=err)
    except SystemExit as stop:
        return stop.code, out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_a_file_is_loaded_and_again_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "splits.csv", HEADER, *FOUR)
    assert run(path) == (0, "splits.csv: read 3 = inserted 3 + updated 0 + unchanged 0 + rejected 0\n", "")
    assert run(path) == (0, "splits.csv: read 3 = inserted 0 + updated 0 + unchanged 3 + rejected 0\n", "")
    assert CorporateAction.objects.count() == 3


def test_bad_rows_are_named_and_the_status_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "splits.csv", HEADER, FOUR[0], "MSFT,split,2003-02-18,2:1,")
    status, out, err = run(path)
    assert status == 1
    assert "line 3: No instrument has the symbol MSFT. (unknown_symbol)" in out
    assert err == "1 of 2 rows were rejected and are not loaded.\n"
    assert CorporateAction.objects.count() == 1


def test_abort_loads_nothing_of_a_file_with_a_bad_row(tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.csv", HEADER, FOUR[0], "AAPL,split,2003-02-18,0,")
    good = write(tmp_path / "good.csv", HEADER, FOUR[2])
    status, out, err = run(bad, good, "--on-error", "abort")
    assert status == 1
    assert "bad.csv: 1 of 2 rows are bad, so nothing was loaded." in err
    assert "good.csv: read 1 = inserted 1" in out
    assert CorporateAction.objects.get().new_shares == 7


def test_json_is_for_scripts(tmp_path: Path) -> None:
    status, out, _ = run(write(tmp_path / "a.csv", HEADER, *FOUR), tmp_path / "missing.csv", "--json")
    answer = json.loads(out)
    assert status == 1
    assert answer["total"] == {"read": 3, "inserted": 3, "updated": 0, "unchanged": 0, "rejected": 0}
    assert [file["source"] for file in answer["files"]] == ["a.csv"]
    assert answer["failures"] == ["missing.csv can't be read: No such file or directory."]


def test_a_wrong_option_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        run(tmp_path / "a.csv", "--on-error", "explode")
