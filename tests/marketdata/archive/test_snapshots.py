"""A rollover or compaction that commits between the two halves of a read takes nothing away and doubles nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from marketdata.bars.reading import Shelf
from marketdata.services.compaction import compact_months
from marketdata.services.rollover import roll_over
from tests.factories import InstrumentFactory
from tests.marketdata.archive.days import MONDAY, TUESDAY, bars, current, live, load_days, load_rows
from tests.marketdata.ingest.bars import SYSTEM
from tests.portability.processes import elsewhere

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], list[int]]:
    """Something happens elsewhere after the next read has seen the live rows and before it asks the manifest."""

    def arrange(happening: Callable[[], object]) -> list[int]:
        happened: list[int] = []
        read_live = Shelf._live

        def torn(self: Shelf, *args: Any, **options: Any) -> Any:
            series = read_live(self, *args, **options)
            if not happened:
                happened.append(1)
                elsewhere(happening)
            return series

        monkeypatch.setattr(Shelf, "_live", torn)
        return happened

    return arrange


@pytest.fixture(autouse=True)
def instruments() -> None:
    for symbol in ("AAA", "BBB", "CCC"):
        InstrumentFactory.create(symbol=symbol)


def test_a_rollover_in_between(between: Any) -> None:
    load_days()
    expected = bars()
    happened = between(lambda: roll_over(actor=SYSTEM, through=TUESDAY))
    assert bars() == expected
    assert happened
    assert live() == 0
    assert bars() == expected


def test_a_rollover_of_late_rows_in_between(between: Any) -> None:
    load_days()
    roll_over(actor=SYSTEM, through=TUESDAY)
    load_rows([f"AAA,{MONDAY}T13:30:00Z,50,60,40,55,1", f"BBB,{MONDAY}T19:00:00Z,50,60,40,55,1"])
    expected = bars()
    happened = between(lambda: roll_over(actor=SYSTEM, through=TUESDAY))
    # The file that the manifest named when the read began has been moved meanwhile.
    assert bars() == expected
    assert happened
    assert [partition.version for partition in current()] == [2, 1]
    assert bars() == expected


def test_a_compaction_in_between(between: Any) -> None:
    load_days()
    roll_over(actor=SYSTEM, through=TUESDAY)
    expected = bars()
    happened = between(lambda: compact_months(actor=SYSTEM))
    assert bars() == expected
    assert happened
    assert len(current()) == 1
    assert bars() == expected
