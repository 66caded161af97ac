"""manage.py rollover."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command

from marketdata.archive.reading import footers
from marketdata.models import ArchivePartition
from tests.marketdata.archive.days import MONDAY, TUESDAY, bars, live, load_days, load_rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def archive(settings: Any, tmp_path: Path) -> Path:
    settings.ARCHIVE_ROOT = str(tmp_path / "archive")
    footers.clear()
    return tmp_path / "archive"


def run(*arguments: str, capsys: pytest.CaptureFixture[str], status: int = 0) -> str:
    """What the command said, on standard error where it ended with that status."""
    if status:
        with pytest.raises(SystemExit) as end:
            call_command("rollover", *arguments)
        assert end.value.code == status
        return capsys.readouterr().err.strip()
    call_command("rollover", *arguments)
    return capsys.readouterr().out.strip()


def test_it_seals_every_day_through_one_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    load_days()
    before = bars()
    said = run("--through", "2013-10-08", capsys=capsys)
    assert said.splitlines()[0].startswith("2013-10-07: 90 1m bars, ")
    assert said.splitlines()[1].startswith("2013-10-08: 90 1m bars, ")
    assert said.splitlines()[2] == "Made 6 daily bars that no source gave."
    assert live() == 0
    assert bars() == before


def test_without_options_it_seals_what_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    load_days()
    with time_machine.travel("2013-10-08T22:00:00Z"):
        run(capsys=capsys)
    assert [partition.first_day for partition in ArchivePartition.objects.all()] == [MONDAY]


def test_json_has_the_files_and_their_digests(capsys: pytest.CaptureFixture[str], archive: Path) -> None:
    load_days(MONDAY)
    answer = json.loads(run("--date", "2013-10-07", "--json", capsys=capsys))
    (sealed,) = answer["sealed"]
    assert (archive / sealed["path"]).stat().st_size == sealed["size"]
    assert sealed["rows"] == 90
    assert len(sealed["digest"]) == len(sealed["sha256"]) == 64
    assert answer["derived_daily_bars"] == 3
    assert answer["notes"] == []


def test_a_dry_run_changes_nothing(capsys: pytest.CaptureFixture[str], archive: Path) -> None:
    load_days()
    assert run("--through", "2013-10-08", "--dry-run", capsys=capsys).splitlines() == [
        "2013-10-07: 90 live 1m bars would be sealed.",
        "2013-10-08: 90 live 1m bars would be sealed.",
    ]
    answer = json.loads(run("--date", str(TUESDAY), "--dry-run", "--json", capsys=capsys))
    assert [target["span"] for target in answer["would_seal"]] == ["2013-10-08"]
    assert live() == 180
    assert not archive.exists()


def test_nothing_to_do_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys=capsys) == "There was nothing to seal."
    assert run("--dry-run", capsys=capsys) == "There is nothing to seal."


@pytest.mark.parametrize("day", ["yesterday", "2013-13-01", "7.10.2013", ""])
def test_a_day_that_is_none_is_wrong_usage(day: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is a date as 2013-10-07" in run("--date", day, capsys=capsys, status=2)


@pytest.mark.parametrize("day", ["2099-01-01", "9999-12-31"])
def test_a_day_that_is_not_over_is_an_error(day: str, capsys: pytest.CaptureFixture[str]) -> None:
    load_days(MONDAY)
    for option in ("--date", "--through"):
        assert "is not over yet" in run(option, day, capsys=capsys, status=1)
    assert live() == 90


def test_the_first_day_of_all_has_nothing_to_seal(capsys: pytest.CaptureFixture[str]) -> None:
    load_days(MONDAY)
    for option in ("--date", "--through"):
        assert run(option, "0001-01-01", capsys=capsys) == "There was nothing to seal."


def test_a_folder_that_can_not_be_written_is_a_sentence(capsys: pytest.CaptureFixture[str], archive: Path) -> None:
    load_days(MONDAY)
    archive.write_text("a file where the folder should be")
    assert "can't be written" in run("--date", "2013-10-07", capsys=capsys, status=1)
    assert live() == 90
    assert not ArchivePartition.objects.exists()


def test_late_rows_are_told_as_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    load_days(MONDAY)
    run(capsys=capsys)
    load_rows([f"AAA,{MONDAY}T13:30:00Z,50,60,40,55,1"])
    assert run(capsys=capsys).splitlines()[0].endswith("version 2")
