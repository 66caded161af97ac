"""manage.py archive list, verify, compact, export."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pyarrow import parquet

from marketdata.archive.reading import footers
from marketdata.models import ArchivePartition, ArchiveRowGroup, IntradayBar
from marketdata.services.rollover import roll_over
from tests.marketdata.archive.days import MONDAY, TUESDAY, bars, load_days, load_rows, make_ticks
from tests.marketdata.ingest.bars import SYSTEM

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def archive(settings: Any, tmp_path: Path) -> Path:
    """An archive of two sealed days."""
    settings.ARCHIVE_ROOT = str(tmp_path / "archive")
    footers.clear()
    load_days()
    roll_over(actor=SYSTEM, through=TUESDAY)
    return tmp_path / "archive"


def run(*arguments: str, capsys: pytest.CaptureFixture[str], status: int = 0) -> str:
    """What the command said, on standard error where it ended with that status."""
    if status:
        with pytest.raises(SystemExit) as end:
            call_command("archive", *arguments)
        assert end.value.code == status
        return capsys.readouterr().err.strip()
    call_command("archive", *arguments)
    return capsys.readouterr().out.strip()


def spoil(archive: Path) -> str:
    """Turn one bit of a sealed file; answers its path."""
    path: str = ArchivePartition.objects.order_by("first_day")[0].path
    file = archive / path
    bad = bytearray(file.read_bytes())
    bad[300] ^= 1
    file.chmod(0o644)
    file.write_bytes(bad)
    return path


def test_list_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run("list", capsys=capsys).splitlines()
    assert len(lines) == 3
    assert "2013-10-07-v1-" in lines[0]
    assert lines[0].split("  ")[1] == "90 rows"
    assert lines[2].startswith("2 files, 180 rows, ")


def test_list_as_json_has_what_other_tools_need(capsys: pytest.CaptureFixture[str], archive: Path) -> None:
    answer = json.loads(run("list", "--json", capsys=capsys))
    assert [parquet.read_metadata(archive / one["path"]).num_rows for one in answer["partitions"]] == [90, 90]
    assert (answer["rows"], answer["size"]) == (180, sum(one["size"] for one in answer["partitions"]))


def test_list_all_shows_what_was_superseded(capsys: pytest.CaptureFixture[str]) -> None:
    load_rows([f"AAA,{MONDAY}T13:30:00Z,50,60,40,55,1"])
    roll_over(actor=SYSTEM, through=TUESDAY)
    assert len(run("list", capsys=capsys).splitlines()) == 3
    lines = run("list", "--all", capsys=capsys).splitlines()
    assert len(lines) == 4
    assert lines[0].endswith("(superseded)")


def test_verify_says_that_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", capsys=capsys) == "2 files with 180 rows are what was sealed."
    assert json.loads(run("verify", "--json", capsys=capsys))["problems"] == []


def test_verify_names_the_damaged_file(capsys: pytest.CaptureFixture[str], archive: Path) -> None:
    path = spoil(archive)
    assert run("verify", capsys=capsys, status=1) == f"{path} is damaged: its SHA-256 is not the one on the manifest."


def test_verify_as_json_names_it_too(capsys: pytest.CaptureFixture[str], archive: Path) -> None:
    path = spoil(archive)
    with pytest.raises(SystemExit):
        call_command("archive", "verify", "--json")
    assert [problem["path"] for problem in json.loads(capsys.readouterr().out)["problems"]] == [path]


def test_verify_finds_a_missing_file_and_one_too_many(capsys: pytest.CaptureFixture[str], archive: Path) -> None:
    first, second = ArchivePartition.objects.order_by("first_day")
    (archive / first.path).rename((archive / second.path).with_name("other.parquet"))
    said = run("verify", capsys=capsys, status=1).splitlines()
    assert said[0] == f"The archive file {first.path} is missing in {archive}."
    assert said[1].startswith("bars/timeframe=1m/month=2013-10/other.parquet is on no manifest")


def test_verify_finds_a_catalogue_that_lies(capsys: pytest.CaptureFixture[str]) -> None:
    group = ArchiveRowGroup.objects.all()[0]
    ArchiveRowGroup.objects.filter(pk=group.pk).update(offset=group.offset + 1)
    assert "the catalogue of its row groups" in run("verify", capsys=capsys, status=1)


def test_verify_finds_a_manifest_that_lies(capsys: pytest.CaptureFixture[str]) -> None:
    ArchivePartition.objects.filter(first_day=MONDAY).update(rows=89)
    assert "has 90 rows instead of 89" in run("verify", capsys=capsys, status=1)


def test_compact_says_what_it_made(capsys: pytest.CaptureFixture[str]) -> None:
    before = bars()
    said = run("compact", "--month", "2013-10", capsys=capsys)
    assert "2013-10-v1-" in said
    assert "180 rows" in said
    assert run("compact", capsys=capsys) == "There was nothing to compact."
    assert json.loads(run("compact", "--json", capsys=capsys)) == {"made": [], "notes": []}
    assert bars() == before


@pytest.mark.parametrize("month", ["2013", "2013-13", "October"])
def test_a_month_that_is_none_is_wrong_usage(month: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is a month as 2013-10" in run("compact", "--month", month, capsys=capsys, status=2)


def test_a_month_that_is_not_over_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not over yet" in run("compact", "--month", "9999-12", capsys=capsys, status=1)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_is_exported_loads_as_unchanged(form: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    load_rows([f"AAA,{MONDAY}T20:00:00Z,50.00000001,60,40,55,0.000001"])
    file = tmp_path / f"bars.{form}"
    assert run("export", str(file), "--symbols", "aaa,CCC", "--timeframe", "1m", capsys=capsys).endswith(
        ": 121 rows of 1m bars"
    )
    call_command("import_bars", str(file), "--timeframe", "1m")
    assert "unchanged 121 " in capsys.readouterr().out
    assert IntradayBar.objects.count() == 1


def test_a_range_is_half_open(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "bars.csv"
    run(
        *("export", str(file), "--symbols", "AAA", "--timeframe", "1m", "--start", "2013-10-07T13:58:00Z"),
        *("--end", "2013-10-08T13:31:00Z", "--json"),
        capsys=capsys,
    )
    with file.open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["timestamp"] for row in rows] == [
        *("2013-10-07T13:58:00Z", "2013-10-07T13:59:00Z", "2013-10-08T13:30:00Z")
    ]
    assert rows[0]["close"] == "10.528"
    assert rows[0]["vwap"] == ""


def test_ticks_are_exported_with_their_codes_as_text(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    make_ticks()
    file = tmp_path / "ticks.csv"
    run("export", str(file), "--symbols", "AAA", "--timeframe", "ticks", capsys=capsys)
    with file.open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 50
    # A spreadsheet would take an @ for the beginning of a formula.
    assert {row["condition"] for row in rows} == {"", "'@ T,x"}
    assert rows[0]["timestamp"] == "2013-10-07T13:30:00.000250Z"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bars.xls", "--symbols", "AAA", "--timeframe", "1m"), "ends neither in .csv nor in .parquet"),
        (("bars.csv", "--symbols", "NOBODY", "--timeframe", "1m"), "No instrument has the symbol NOBODY"),
        (("bars.csv", "--symbols", ",", "--timeframe", "1m"), "names nobody"),
        (("bars.csv", "--symbols", "AAA", "--timeframe", "1d"), "are not in the archive"),
        (("bars.csv", "--symbols", "AAA", "--timeframe", "2m"), "is not a timeframe"),
        (("bars.csv", "--symbols", "AAA", "--timeframe", "1m", "--start", "now"), "'now' is not a moment"),
    ],
)
def test_what_can_not_be_exported_is_wrong_usage(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert message in run("export", str(tmp_path / arguments[0]), *arguments[1:], capsys=capsys, status=2)
    assert list(tmp_path.glob("bars.*")) == []


def test_a_folder_that_is_not_there_is_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "bars.csv"
    assert "can't be written" in run(
        "export", str(file), "--symbols", "AAA", "--timeframe", "1m", capsys=capsys, status=1
    )


def test_it_says_which_actions_there_are() -> None:
    with pytest.raises(CommandError, match="list"):
        call_command("archive")
