"""Sealing days: what is answered stays the same, late data become versions, nothing is sealed too early."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine

from marketdata.archive.catalog import file_of, find_groups
from marketdata.archive.errors import ArchiveBusy, ArchiveDamaged
from marketdata.archive.layout import DATASETS
from marketdata.archive.reading import read_places
from marketdata.archive.storage import LocalStorage
from marketdata.ingest.summary import IngestFailed
from marketdata.models import ArchivePartition, ArchiveRowGroup, DailyBar, Instrument, IntradayBar, Tick
from marketdata.services.archive import seal_span
from marketdata.services.bars import add_intraday_bar
from marketdata.services.rollover import plan_rollover, roll_over
from systemevents.models import AuditLog
from tests.factories import InstrumentFactory, UserFactory
from tests.marketdata.archive.days import (
    MINUTES,
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
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Conflict, Forbidden
from tradingsite.core.timeframes import Timeframe

pytestmark = pytest.mark.django_db
NOON = dt.datetime(2013, 10, 8, 12, tzinfo=dt.UTC)


def test_every_question_has_the_same_answer_after_a_day_is_sealed(archive: Path) -> None:
    load_days()
    questions: list[dict[str, Any]] = [
        {},
        {
            "start": dt.datetime(2013, 10, 7, 13, 40, tzinfo=dt.UTC),
            "end": dt.datetime(2013, 10, 8, 13, 35, tzinfo=dt.UTC),
        },
        {"descending": True},
        {"timeframe": "5m"},
        {"timeframe": "1d"},
    ]
    before = [bars(**question) for question in questions]
    report = roll_over(actor=SYSTEM, through=TUESDAY)
    assert [partition.rows for partition in report.sealed] == [90, 90]
    assert live() == 0
    assert files(archive) == [partition.path for partition in current()]
    DailyBar.objects.all().delete()
    assert [bars(**question) for question in questions] == before
    assert len(before[0]) == 180


def test_pages_go_on_where_they_ended_over_sealed_and_live_days() -> None:
    from dataclasses import replace

    from marketdata.bars.query import BarQuery
    from marketdata.selectors import get_bars

    load_days()
    roll_over(actor=SYSTEM, day=MONDAY)
    for descending in (False, True):
        query = BarQuery(symbols=("AAA", "BBB"), timeframe=Timeframe.MINUTE_1, limit=7, descending=descending)
        seen = []
        while True:
            page = get_bars(actor=SYSTEM, query=query)
            seen += [(part.symbol, start) for part in page.parts for start in part.series.start.tolist()]
            if page.next_key is None:
                break
            query = replace(query, after=page.next_key)
        assert len(seen) == len(set(seen)) == 120
        assert seen == sorted(seen, key=lambda row: (row[0], -row[1].timestamp() if descending else row[1].timestamp()))


def test_one_day_leaves_the_others_live() -> None:
    load_days()
    roll_over(actor=SYSTEM, day=MONDAY)
    assert {bar.timestamp.date() for bar in IntradayBar.objects.all()} == {TUESDAY}
    assert [partition.first_day for partition in current()] == [MONDAY]


def test_sealing_again_changes_nothing() -> None:
    load_days()
    roll_over(actor=SYSTEM, through=TUESDAY)
    before = list(ArchivePartition.objects.values())
    report = roll_over(actor=SYSTEM, through=TUESDAY)
    assert report.sealed == []
    assert report.derived == 0
    assert list(ArchivePartition.objects.values()) == before


def test_every_timeframe_is_a_file_of_its_own() -> None:
    load_days(MONDAY)
    from tests.marketdata.ingest.bars import MINUTE_HEADER, load

    load(f"{MINUTE_HEADER}\nAAA,{MONDAY}T13:30:00Z,1,2,1,2,5", Timeframe.HOUR_1)
    roll_over(actor=SYSTEM, day=MONDAY)
    assert [(partition.timeframe, partition.rows) for partition in current()] == [("1h", 1), ("1m", 90)]


def test_ticks_are_sealed_in_their_order_with_all_that_they_say() -> None:
    make_ticks()
    names = ("instrument__symbol", "timestamp", "sequence", "price", "size", "exchange", "condition")
    before = list(Tick.objects.order_by("instrument__symbol", "timestamp", "sequence").values_list(*names))
    report = roll_over(actor=SYSTEM, day=MONDAY)
    assert report.derived == 0
    assert Tick.objects.count() == 0
    found = find_groups(DATASETS[-1], list(Instrument.objects.values_list("pk", flat=True)))
    table = read_places(DATASETS[-1], [group.place for group in found])
    rows = [tuple(row[name.removeprefix("instrument__")] for name in names) for row in table.to_pylist()]
    assert rows == before
    assert len(rows) == 100


def test_equal_rows_of_a_sealed_day_are_unchanged_and_stay_sealed() -> None:
    load_days()
    roll_over(actor=SYSTEM, through=TUESDAY)
    assert counts(load_rows(minute_rows(MONDAY) + minute_rows(TUESDAY))) == (0, 0, 180, 0)
    assert live() == 0


def test_late_rows_lie_over_the_sealed_day_and_the_next_rollover_makes_a_version_of_it(archive: Path) -> None:
    load_days()
    roll_over(actor=SYSTEM, through=TUESDAY)
    first = {partition.first_day: partition for partition in current()}[MONDAY]
    old = bars()
    late = [f"AAA,{MONDAY}T13:30:00Z,50,60,40,55,1", f"AAA,{MONDAY}T20:00:00Z,50,60,40,55,1"]
    assert counts(load_rows(late)) == (1, 1, 0, 0)
    assert counts(load_rows(late)) == (0, 0, 2, 0)
    with_late = bars()
    assert len(with_late) == 181
    assert len(set(with_late) & set(old)) == 179
    assert live() == 2

    report = roll_over(actor=SYSTEM, through=TUESDAY)
    assert [(partition.version, partition.rows) for partition in report.sealed] == [(2, 91)]
    assert live() == 0
    assert bars() == with_late
    first.refresh_from_db()
    assert (first.status, first.superseded_by) == ("superseded", report.sealed[0])
    # The old version is kept, where nobody who reads the folder finds it.
    assert files(archive) == [partition.path for partition in current()]
    assert files(archive, "superseded") == [f"superseded/{first.path}"]
    assert counts(load_rows(late)) == (0, 0, 2, 0)


def test_a_late_row_leaves_alone_the_numbers_that_it_does_not_have() -> None:
    from tests.marketdata.ingest.bars import load

    load(
        f"symbol,timestamp,open,high,low,close,volume,vwap,trade_count\nAAA,{MONDAY}T13:30:00Z,1,2,1,2,5,1.5,7",
        Timeframe.MINUTE_1,
    )
    roll_over(actor=SYSTEM, day=MONDAY)
    late = load(f"symbol,timestamp,open,high,low,close\nAAA,{MONDAY}T13:30:00Z,1,3,1,2", Timeframe.MINUTE_1)
    assert counts(late) == (0, 1, 0, 0)
    bar = IntradayBar.objects.get()
    assert (bar.high, bar.volume, bar.vwap, bar.trade_count) == (3, 5, Decimal("1.5"), 7)


def test_the_batch_of_a_row_is_sealed_with_it() -> None:
    summary = load_rows(minute_rows(MONDAY))
    roll_over(actor=SYSTEM, day=MONDAY)
    found = find_groups(MINUTES, list(Instrument.objects.values_list("pk", flat=True)))
    assert set(read_places(MINUTES, [group.place for group in found])["batch"].to_pylist()) == {summary.batch.pk}


def test_a_bar_of_a_sealed_day_can_not_be_added_again_by_hand() -> None:
    load_days(MONDAY)
    roll_over(actor=SYSTEM, day=MONDAY)
    with pytest.raises(Conflict):
        add_intraday_bar(
            actor=SYSTEM,
            instrument=Instrument.objects.get(symbol="AAA"),
            timeframe=Timeframe.MINUTE_1,
            timestamp=dt.datetime(2013, 10, 7, 13, 30, tzinfo=dt.UTC),
            numbers=dict.fromkeys(("open", "high", "low", "close"), Decimal(1)),
        )
    assert live() == 0


@time_machine.travel(NOON, tick=False)
def test_a_day_that_is_not_over_is_never_sealed() -> None:
    load_rows([f"AAA,{TUESDAY}T09:30:00Z,1,2,1,2,5"])
    with pytest.raises(Conflict, match="2013-10-08 is not over yet"):
        roll_over(actor=SYSTEM, day=TUESDAY)
    with pytest.raises(Conflict, match="2013-10-08 is not over yet"):
        roll_over(actor=SYSTEM, through=TUESDAY)
    assert roll_over(actor=SYSTEM, through=MONDAY).sealed == []
    assert live() == 1


def test_bars_that_are_still_open_at_midnight_wait_for_the_next_rollover() -> None:
    from tests.marketdata.ingest.bars import MINUTE_HEADER, load

    for timeframe in (Timeframe.MINUTE_1, Timeframe.HOUR_4):
        load(f"{MINUTE_HEADER}\nAAA,{MONDAY}T22:00:00Z,1,2,1,2,5", timeframe)
    with time_machine.travel(dt.datetime(2013, 10, 8, 3, tzinfo=dt.UTC), tick=False):
        report = roll_over(actor=SYSTEM, day=MONDAY)
    assert [partition.timeframe for partition in report.sealed] == ["1m"]
    assert report.notes == ["The last 4h bars of 2013-10-07 are not final yet; they are left to the next rollover."]
    with time_machine.travel(dt.datetime(2013, 10, 8, 4, tzinfo=dt.UTC), tick=False):
        assert [partition.timeframe for partition in roll_over(actor=SYSTEM, day=MONDAY).sealed] == ["4h"]


def test_the_plan_says_what_would_be_sealed_and_changes_nothing(archive: Path) -> None:
    load_days()
    make_ticks()
    targets, notes = plan_rollover(through=TUESDAY, at=dt.datetime(2014, 1, 1, tzinfo=dt.UTC))
    assert [(str(target.span), str(target.dataset), target.rows) for target in targets] == [
        ("2013-10-07", "1m bars", 90),
        ("2013-10-07", "ticks", 100),
        ("2013-10-08", "1m bars", 90),
    ]
    assert notes == []
    assert live() == 280
    assert not archive.exists()


def test_the_trail_says_what_was_sealed() -> None:
    load_days(MONDAY)
    (partition,) = roll_over(actor=SYSTEM, day=MONDAY).sealed
    entry = AuditLog.objects.get(action="archive.sealed")
    assert (entry.object_type, entry.object_id) == ("archive_partitions", str(partition.pk))
    assert entry.after["rows"] == 90
    assert entry.after["digest"] == partition.digest
    assert entry.after["sha256"] == partition.sha256


def test_the_catalogue_knows_each_symbols_first_and_last_bar() -> None:
    load_days(MONDAY)
    roll_over(actor=SYSTEM, day=MONDAY)
    assert (
        list(ArchiveRowGroup.objects.order_by("instrument__symbol").values_list("rows", "first", "last"))
        == [(30, dt.datetime(2013, 10, 7, 13, 30, tzinfo=dt.UTC), dt.datetime(2013, 10, 7, 13, 59, tzinfo=dt.UTC))] * 3
    )


def test_who_may_not_seal_is_refused(archive: Path) -> None:
    load_days(MONDAY)
    trader = Actor.of(UserFactory.create(role="trader"), front=Front.API)
    with pytest.raises(Forbidden):
        roll_over(actor=trader, day=MONDAY)
    with pytest.raises(Forbidden):
        seal_span(actor=trader, dataset=MINUTES, span=plan_rollover(day=MONDAY, at=NOON)[0][0].span)
    assert live() == 90
    assert not archive.exists()


def test_two_at_once_do_not_work_on_the_archive(archive: Path) -> None:
    load_days(MONDAY)
    with LocalStorage(str(archive)).exclusive(), pytest.raises(ArchiveBusy):
        roll_over(actor=SYSTEM, day=MONDAY)
    assert len(roll_over(actor=SYSTEM, day=MONDAY).sealed) == 1


def test_what_a_broken_off_run_left_is_put_in_order(archive: Path) -> None:
    load_days(MONDAY)
    for path in ("tmp/1-abc.parquet", "bars/timeframe=1m/month=2013-10/2013-10-07-v1-0123456789ab.parquet"):
        (archive / path).parent.mkdir(parents=True, exist_ok=True)
        (archive / path).write_bytes(b"half")
    report = roll_over(actor=SYSTEM, day=MONDAY)
    assert files(archive) == [partition.path for partition in current()]
    assert files(archive, "tmp") == []
    # Not deleted: the manifest may be the one that is wrong.
    assert files(archive, "aside") == ["aside/bars/timeframe=1m/month=2013-10/2013-10-07-v1-0123456789ab.parquet"]
    assert len(report.notes) == 2


def test_a_damaged_file_stops_the_version_that_would_be_made_of_it(archive: Path) -> None:
    load_days(MONDAY)
    (partition,) = roll_over(actor=SYSTEM, day=MONDAY).sealed
    path = archive / partition.path
    bad = bytearray(path.read_bytes())
    bad[150] ^= 1
    path.chmod(0o644)
    path.write_bytes(bad)
    with pytest.raises(ArchiveDamaged, match=partition.path):
        bars()
    with pytest.raises(IngestFailed, match=partition.path):
        load_rows(minute_rows(MONDAY))
    IntradayBar.objects.create(
        instrument=InstrumentFactory.create(symbol="AAA"),
        timeframe="1m",
        timestamp=dt.datetime(2013, 10, 7, 19, tzinfo=dt.UTC),
        **dict.fromkeys(("open", "high", "low", "close"), Decimal(1)),
    )
    with pytest.raises(ArchiveDamaged, match=partition.path):
        roll_over(actor=SYSTEM, day=MONDAY)
    assert live() == 1
    assert [file_of(one).path for one in current()] == [partition.path]


def test_over_http_a_damaged_file_is_unavailable_and_named(archive: Path, analyst_api: Any) -> None:
    load_days(MONDAY)
    (partition,) = roll_over(actor=SYSTEM, day=MONDAY).sealed
    question = "/api/v1/bars?symbols=AAA&timeframe=1m&start=2013-10-07&end=2013-10-08"
    assert len(analyst_api.get(question).json()["bars"]["AAA"]) == 30
    path = archive / partition.path
    bad = bytearray(path.read_bytes())
    bad[150] ^= 1
    path.chmod(0o644)
    path.write_bytes(bad)
    answer = analyst_api.get(question)
    assert (answer.status_code, answer.json()["code"]) == (503, "archive_damaged")
    assert partition.path in answer.json()["detail"]
    assert "bars" not in answer.json()
