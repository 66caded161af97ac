"""`manage.py simulate_market`."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command

from marketdata.models import DailyBar, IngestBatch, Instrument
from tests.factories import InstrumentFactory

DAYS = ("--start", "2024-11-25", "--end", "2024-12-01")


def test_bars_come_in_under_a_simulated_symbol(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("simulate_market", "test1", *DAYS)
    assert Instrument.objects.get().is_simulated
    assert DailyBar.objects.filter(instrument__symbol="TEST1").count() == 4
    assert IngestBatch.objects.get().source == "simulator (seed 1)"
    assert capsys.readouterr().out == "4 bars = 4 inserted + 0 updated + 0 unchanged + 0 rejected.\n"


def test_again_nothing_changes(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        call_command("simulate_market", "TEST1", *DAYS, "--timeframe", "1m", "--json")
    answers = capsys.readouterr().out.replace("}\n{", "}\n\n{").split("\n\n")
    assert [json.loads(answer)["unchanged"] for answer in answers] == [0, 3 * 390 + 210]


def test_a_symbol_with_real_prices_is_refused(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    InstrumentFactory.create(symbol="REAL")
    with pytest.raises(SystemExit) as caught:
        call_command("simulate_market", "REAL", *DAYS)
    assert caught.value.code == 1
    assert capsys.readouterr().err == "REAL: not marked as simulated, so its prices stay as they are.\n"
    assert not DailyBar.objects.exists()


@pytest.mark.parametrize(
    "arguments", [("--start", "2019-01-01"), ("--seed", "-1"), ("--start", "2024-01-02", "--end", "2024-01-02")]
)
def test_wrong_usage_has_status_2(db: None, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        call_command("simulate_market", "TEST1", *arguments)
    assert caught.value.code == 2
    assert not Instrument.objects.exists()


def test_days_without_a_session_are_told(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        call_command("simulate_market", "TEST1", "--start", "2024-12-25", "--end", "2024-12-26")
    assert caught.value.code == 1
    assert capsys.readouterr().err == "No session lies between these days.\n"
