"""Compacting a month: one file, the same answers, the day files gone after the grace period."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import time_machine

from marketdata.archive.layout import Span
from marketdata.archive.sealing import NewFile, make_file
from marketdata.models import ArchivePartition, PartitionStatus
from marketdata.services import archive as services
from marketdata.services.compaction import compact_months
from marketdata.services.rollover import roll_over
from tests.factories import UserFactory
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
    minute_rows,
)
from tests.marketdata.ingest.bars import SYSTEM, counts
from tradingsite.core import clock
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Conflict, Forbidden

pytestmark = pytest.mark.django_db
NOVEMBER = dt.date(2013, 11, 4)


def seal() -> None:
    load_days()
    roll_over(actor=SYSTEM, through=TUESDAY)


def test_a_months_days_become_one_file_with_the_same_answers(archive: Path) -> None:
    load_days(MONDAY, TUESDAY, NOVEMBER)
    make_ticks()
    roll_over(actor=SYSTEM, through=NOVEMBER)
    before = bars()
    report = compact_months(actor=SYSTEM)
    assert [(partition.kind, str(partition.first_day), partition.rows) for partition in report.made] == [
        ("bars", "2013-10-01", 180),
        ("bars", "2013-11-01", 90),
        ("ticks", "2013-10-01", 100),
    ]
    assert bars() == before
    assert files(archive) == [partition.path for partition in current()]
    assert len(current()) == 3


def test_one_month_leaves_the_others() -> None:
    load_days(MONDAY, TUESDAY, NOVEMBER)
    roll_over(actor=SYSTEM, through=NOVEMBER)
    compact_months(actor=SYSTEM, month=TUESDAY)
    assert [str(partition.last_day) for partition in current()] == ["2013-10-31", "2013-11-04"]


def test_compacting_again_changes_nothing(archive: Path) -> None:
    seal()
    compact_months(actor=SYSTEM)
    before = list(ArchivePartition.objects.values())
    for _ in range(2):
        assert compact_months(actor=SYSTEM).made == []
    assert list(ArchivePartition.objects.values()) == before
    assert files(archive) == [partition.path for partition in current()]
    assert len(bars()) == 180


def test_the_day_files_are_kept_for_readers_and_removed_after_the_grace_period(archive: Path) -> None:
    seal()
    days = [partition.path for partition in current()]
    compact_months(actor=SYSTEM)
    kept = [f"superseded/{path}" for path in days]
    assert files(archive, "superseded") == kept
    roll_over(actor=SYSTEM, through=TUESDAY)
    assert files(archive, "superseded") == kept
    with time_machine.travel(clock.now() + dt.timedelta(minutes=61)):
        roll_over(actor=SYSTEM, through=TUESDAY)
    assert files(archive, "superseded") == []
    assert set(ArchivePartition.objects.values_list("status", flat=True)) == {
        PartitionStatus.CURRENT,
        PartitionStatus.REMOVED,
    }
    assert len(bars()) == 180


def test_an_old_version_of_a_day_is_kept_also_when_its_month_is_compacted(archive: Path) -> None:
    seal()
    first = [partition.path for partition in current() if partition.first_day == MONDAY]
    load_rows([f"AAA,{MONDAY}T13:30:00Z,50,60,40,55,1"])
    roll_over(actor=SYSTEM, day=MONDAY)
    compact_months(actor=SYSTEM)
    with time_machine.travel(clock.now() + dt.timedelta(minutes=61)):
        roll_over(actor=SYSTEM, through=TUESDAY)
    assert files(archive, "superseded") == [f"superseded/{path}" for path in first]


def test_late_rows_of_a_compacted_month_become_a_version_of_the_month(archive: Path) -> None:
    seal()
    compact_months(actor=SYSTEM)
    assert counts(load_rows(minute_rows(MONDAY))) == (0, 0, 90, 0)
    load_rows([f"AAA,{MONDAY}T13:30:00Z,50,60,40,55,1", "AAA,2013-10-09T13:30:00Z,50,60,40,55,1"])
    expected = bars()
    assert len(expected) == 181
    report = roll_over(actor=SYSTEM, through=dt.date(2013, 10, 31))
    assert [(partition.version, partition.rows, str(partition.last_day)) for partition in report.sealed] == [
        (2, 181, "2013-10-31")
    ]
    assert live() == 0
    assert bars() == expected
    assert files(archive) == [partition.path for partition in current()]


def test_live_rows_over_a_sealed_day_stay_live() -> None:
    seal()
    load_rows([f"AAA,{MONDAY}T13:30:00Z,50,60,40,55,1"])
    expected = bars()
    compact_months(actor=SYSTEM)
    assert live() == 1
    assert bars() == expected


def test_a_month_that_is_not_over_is_not_compacted() -> None:
    seal()
    with time_machine.travel(dt.datetime(2013, 10, 20, tzinfo=dt.UTC), tick=False):
        with pytest.raises(Conflict, match="2013-10 is not over yet"):
            compact_months(actor=SYSTEM, month=MONDAY)
        assert compact_months(actor=SYSTEM).made == []
    assert len(current()) == 2


def test_a_day_that_is_sealed_anew_meanwhile_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    seal()

    def late(*args: Any, **options: Any) -> NewFile:
        new = make_file(*args, **options)
        monkeypatch.undo()
        load_rows([f"AAA,{MONDAY}T13:30:00Z,50,60,40,55,1"])
        services.seal_span(actor=SYSTEM, dataset=options["dataset"], span=Span.of_day(MONDAY))
        return new

    monkeypatch.setattr(services, "make_file", late)
    with pytest.raises(Conflict, match="sealed anew meanwhile"):
        compact_months(actor=SYSTEM)
    assert [partition.version for partition in current()] == [2, 1]
    assert bars()[0][2] == 50 * 10**8


def test_who_may_not_seal_may_not_compact() -> None:
    seal()
    with pytest.raises(Forbidden):
        compact_months(actor=Actor.of(UserFactory.create(role="viewer"), front=Front.API))
    assert len(current()) == 2
