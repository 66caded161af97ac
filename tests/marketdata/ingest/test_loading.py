"""Bars in the database: new, changed and equal ones, on every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from marketdata.ingest import loading
from marketdata.ingest.loading import Rows
from marketdata.ingest.numbers import Numbers
from marketdata.ingest.source import RawChunk
from marketdata.ingest.tables import bar_table
from marketdata.models import BatchStatus, DailyBar, IngestBatch, Instrument, IntradayBar
from marketdata.services.ingest import (
    IngestFailed,
    LoadOptions,
    OnError,
    Reject,
    RowsRefused,
    TableSource,
    load_bars,
)
from marketdata.services.instruments import get_instrument
from systemevents.models import AuditLog, SystemEvent
from tests.factories import InstrumentFactory
from tests.marketdata.ingest.bars import SYSTEM, codes, counts, daily_rows, intraday_rows, load, table
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Forbidden, InvalidInput
from tradingsite.core.timeframes import Timeframe

pytestmark = pytest.mark.django_db

TWO_DAYS = "date,open,high,low,close,volume\n2013-01-02,10,12,9,11,100\n2013-01-03,11,13,10,12.5,200.5"
TWO_MINUTES = (
    "symbol,timestamp,open,high,low,close,volume,vwap,trade_count\n"
    "SPY,2013-10-04T15:59:00Z,49,49.02,48.99,49.01,300,49.005,7\n"
    "IBM,2013-10-04T15:59:00Z,149,149.02,148.99,149.01,300,,"
)


def audit_entries() -> dict[str, AuditLog]:
    """What these tests left in the trail, by action; migrations leave entries too."""
    return {entry.action: entry for entry in AuditLog.objects.filter(actor_label=SYSTEM.label)}


def test_new_bars_are_inserted_as_they_are() -> None:
    assert counts(load(TWO_DAYS)) == (2, 0, 0, 0)
    assert daily_rows("open", "high", "low", "close", "volume", "dividends") == [
        ("2013-01-02", "10", "12", "9", "11", "100", None),
        ("2013-01-03", "11", "13", "10", "12.5", "200.5", None),
    ]
    counts_of_minutes = counts(load(TWO_MINUTES, Timeframe.MINUTE_1))
    assert counts_of_minutes == (2, 0, 0, 0)
    assert intraday_rows("timeframe", "close", "volume", "vwap", "trade_count") == [
        ("IBM", "2013-10-04 15:59", "1m", "149.01", "300", None, None),
        ("SPY", "2013-10-04 15:59", "1m", "49.01", "300", "49.005", 7),
    ]


@pytest.mark.parametrize(("text", "timeframe"), [(TWO_DAYS, Timeframe.DAY_1), (TWO_MINUTES, Timeframe.MINUTE_1)])
def test_the_same_again_changes_nothing(text: str, timeframe: Timeframe) -> None:
    first = load(text, timeframe)
    model = DailyBar if timeframe == Timeframe.DAY_1 else IntradayBar
    before = list(model.objects.order_by("pk").values())
    again = load(text, timeframe)
    assert counts(again) == (0, 0, 2, 0)
    assert list(model.objects.order_by("pk").values()) == before
    assert first.batch is not None
    assert again.batch is not None
    assert first.batch.digest == again.batch.digest != ""


def test_a_bar_that_differs_is_updated_by_the_new_batch() -> None:
    load(TWO_DAYS)
    summary = load("date,open,high,low,close,volume\n2013-01-02,10,12,9,11.5,100\n2013-01-03,11,13,10,12.5,200.5")
    assert counts(summary) == (0, 1, 1, 0)
    assert daily_rows("close", "volume") == [("2013-01-02", "11.5", "100"), ("2013-01-03", "12.5", "200.5")]
    assert summary.batch is not None
    assert [str(bar.date) for bar in DailyBar.objects.filter(batch=summary.batch)] == ["2013-01-02"]


def test_minutes_are_updated_with_all_their_columns() -> None:
    load(TWO_MINUTES, Timeframe.MINUTE_1)
    text = TWO_MINUTES.replace(",300,49.005,7", ",301.000001,49.00500001,8").replace(",300,,", ",300,149,9")
    assert counts(load(text, Timeframe.MINUTE_1)) == (0, 2, 0, 0)
    assert intraday_rows("close", "volume", "vwap", "trade_count") == [
        ("IBM", "2013-10-04 15:59", "149.01", "300", "149", 9),
        ("SPY", "2013-10-04 15:59", "49.01", "301.000001", "49.00500001", 8),
    ]


def test_a_column_that_the_source_lacks_leaves_stored_values_alone() -> None:
    load(TWO_DAYS)
    assert counts(load("date,open,high,low,close\n2013-01-02,10,12,9,11\n2013-01-03,11,13,10,12")) == (0, 1, 1, 0)
    assert daily_rows("close", "volume") == [("2013-01-02", "11", "100"), ("2013-01-03", "12", "200.5")]


def test_an_empty_value_leaves_the_stored_one_alone_and_a_new_one_fills_a_gap() -> None:
    load("date,open,high,low,close,volume\n2013-01-02,10,12,9,11,\n2013-01-03,11,13,10,12.5,200.5")
    text = "date,open,high,low,close,volume,dividends\n2013-01-02,10,12,9,11,7,0.5\n2013-01-03,11,13,10,12.5,,"
    assert counts(load(text)) == (0, 1, 1, 0)
    assert daily_rows("volume", "dividends") == [("2013-01-02", "7", "0.5"), ("2013-01-03", "200.5", None)]


def test_timeframes_do_not_mix() -> None:
    load(TWO_MINUTES, Timeframe.MINUTE_1)
    assert counts(load(TWO_MINUTES, Timeframe.MINUTE_5)) == (2, 0, 0, 0)
    assert counts(load(TWO_MINUTES, Timeframe.MINUTE_1)) == (0, 0, 2, 0)


def test_bad_rows_are_left_out_and_named_and_the_batch_knows() -> None:
    summary = load("date,open,high,low,close\n2013-01-02,10,12,9,11\n2013-01-03,11,9,10,12\n2013-01-02,1,1,1,1")
    assert counts(summary) == (1, 0, 0, 2)
    assert codes(summary) == [(2, "high_below_low"), (3, "duplicate")]
    batch = IngestBatch.objects.get()
    assert (batch.read, batch.inserted, batch.rejected, batch.status) == (3, 1, 2, BatchStatus.FINISHED)


def test_abort_writes_nothing_when_a_row_is_bad() -> None:
    rejects: list[Reject] = []
    with pytest.raises(RowsRefused, match="1 of 2 rows are bad, so nothing was loaded") as caught:
        load_bars(
            actor=SYSTEM,
            source=table("date,open,high,low,close\n2013-01-02,10,12,9,11\n2013-01-03,11,9,10,12"),
            timeframe=Timeframe.DAY_1,
            options=LoadOptions(symbol="SPY", create_symbols=True, on_error=OnError.ABORT),
            rejects=rejects.extend,
        )
    assert (caught.value.read, caught.value.rejected, [reject.line for reject in caught.value.rejects]) == (2, 1, [2])
    assert [reject.code for reject in rejects] == ["high_below_low"]
    for model in (DailyBar, Instrument, IngestBatch):
        assert not model.objects.exists()
    assert not audit_entries()


def test_abort_loads_a_clean_source() -> None:
    assert counts(load(TWO_DAYS, on_error=OnError.ABORT)) == (2, 0, 0, 0)


def test_every_chunk_leaves_an_audit_entry_with_its_counts() -> None:
    summary = load(TWO_DAYS)
    entries = audit_entries()
    assert set(entries) == {"ingest.started", "instruments.created", "bars.ingested", "ingest.finished"}
    assert summary.batch is not None
    assert entries["bars.ingested"].object_id == str(summary.batch.pk)
    assert entries["bars.ingested"].after == {
        "read": 2,
        "inserted": 2,
        "updated": 0,
        "unchanged": 0,
        "rejected": 0,
        "digest": summary.batch.digest,
    }
    assert entries["instruments.created"].after["symbols"] == ["SPY"]


def test_only_symbols_with_a_good_bar_are_created_and_marked_when_simulated() -> None:
    text = "symbol,date,open,high,low,close\nspy,2013-01-02,10,12,9,11\nIBM,2013-01-02,10,9,12,11"
    summary = load(text, simulated=True)
    assert [(one.symbol, one.is_simulated) for one in Instrument.objects.all()] == [("SPY", True)]
    assert summary.notes == ["Created 1 instrument: SPY."]


def test_a_role_that_may_not_add_bars_is_refused(viewer: User, actor_of: Callable[[User], Actor]) -> None:
    InstrumentFactory.create(symbol="SPY")
    with pytest.raises(Forbidden):
        load_bars(
            actor=actor_of(viewer),
            source=table(TWO_DAYS),
            timeframe=Timeframe.DAY_1,
            options=LoadOptions(symbol="SPY"),
        )
    assert not DailyBar.objects.exists()
    assert not IngestBatch.objects.exists()


def test_an_empty_table_is_a_batch_without_rows() -> None:
    summary = load("date,open,high,low,close")
    assert counts(summary) == (0, 0, 0, 0)


class BrokenSource(TableSource):
    """Breaks after its first chunk."""

    def chunks(self) -> Iterator[RawChunk]:
        yield from super().chunks()
        raise InvalidInput("test is damaged.")


def test_a_source_that_breaks_midway_leaves_what_the_summary_says() -> None:
    source = BrokenSource("test", table(TWO_DAYS).table)
    with pytest.raises(IngestFailed, match="test is damaged") as caught:
        load(source)
    assert counts(caught.value.summary) == (2, 0, 0, 0)
    batch = IngestBatch.objects.get()
    assert (batch.status, batch.error, batch.inserted) == (BatchStatus.FAILED, "test is damaged.", 2)
    assert DailyBar.objects.count() == 2
    event = SystemEvent.objects.get()
    assert (event.event_type, event.severity) == ("ingest.failed", "error")


def test_a_chunk_whose_audit_entry_fails_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    from marketdata.services import batches

    def refuse(actor: Actor, action: str, *rest: Any, **more: Any) -> AuditLog | None:
        if action == "bars.ingested":
            raise InvalidInput("no audit today")
        return None

    monkeypatch.setattr(batches, "record_audit", refuse)
    with pytest.raises(IngestFailed, match="no audit today"):
        load(TWO_DAYS)
    assert not DailyBar.objects.exists()
    assert IngestBatch.objects.get().read == 0


def test_a_database_that_fails_midway_is_a_sentence_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **more: object) -> None:
        raise OperationalError("the server went away")

    monkeypatch.setattr(loading, "merge", fail)
    with pytest.raises(IngestFailed, match="failed: the server went away") as caught:
        load(TWO_DAYS)
    assert counts(caught.value.summary) == (0, 0, 0, 0)
    batch = IngestBatch.objects.get()
    assert batch.status == BatchStatus.FAILED
    assert str(connection.settings_dict["NAME"]) in batch.error


def test_stopping_by_hand_is_written_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loading, "merge", stop)
    with pytest.raises(IngestFailed, match="Stopped by hand"):
        load(TWO_DAYS)
    assert IngestBatch.objects.get().error == "Stopped by hand."


def test_the_engines_own_paths_raise_djangos_errors() -> None:
    summary = load(TWO_DAYS)
    assert summary.batch is not None
    day = np.array([15_707], dtype=np.int64)
    price = Numbers(np.array([10**9], dtype=np.int64), np.zeros(1, dtype=np.bool_))
    target = bar_table(Timeframe.DAY_1)
    numbers = {column.name: price for column in target.numbers}
    there = Rows(target, np.array([get_instrument("SPY").pk]), day, numbers, summary.batch.pk)
    # Without these errors in_transaction would not know when to try again.
    with pytest.raises((IntegrityError, OperationalError)), transaction.atomic():
        loading.engine().insert(there)
    assert DailyBar.objects.count() == 2


def test_many_symbols_at_scattered_times_find_their_own_bars() -> None:
    random = np.random.default_rng(7)
    minutes = np.unique(random.integers(20_000_000, 20_200_000, 3_000))
    symbols = [f"S{number}" for number in random.integers(0, 150, len(minutes))]
    prices = [f"{price / 100:.2f}" for price in random.integers(1, 10_000, len(minutes))]
    moments = pa.array(minutes * 60).cast(pa.timestamp("s", "UTC"))
    rows = {"symbol": symbols, "timestamp": moments, "open": prices, "high": prices, "low": prices, "close": prices}
    source = TableSource("scattered", pa.table(rows))
    assert counts(load(source, Timeframe.MINUTE_1)) == (len(minutes), 0, 0, 0)
    assert counts(load(source, Timeframe.MINUTE_1)) == (0, 0, len(minutes), 0)
    changed = TableSource("changed", pa.table({**rows, "volume": ["5"] * len(minutes)}).slice(0, 100))
    assert counts(load(changed, Timeframe.MINUTE_1)) == (0, 100, 0, 0)
    assert IntradayBar.objects.filter(volume=5).count() == 100


def decimals(before: int, scale: int, *, least: int = 1) -> st.SearchStrategy[Decimal]:
    """Exact decimals of at most 15 digits that such a column takes."""
    return st.builds(
        lambda digits, exponent: Decimal(digits).scaleb(exponent),
        st.integers(least, 10**15 - 1),
        st.integers(-scale, 9),
    ).filter(lambda value: value < 10**before)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(decimals(10, 8), decimals(12, 6, least=0)), min_size=1, max_size=40))
def test_whatever_exact_decimals_go_in_come_back_through_the_orm(values: list[tuple[Decimal, Decimal]]) -> None:
    IntradayBar.objects.all().delete()
    minutes = np.arange(len(values)) + 20_000_000
    prices = [format(price, "f") for price, _ in values]
    source = TableSource(
        "exact",
        pa.table(
            {
                "timestamp": pa.array(minutes * 60).cast(pa.timestamp("s", "UTC")),
                **dict.fromkeys(("open", "high", "low", "close", "vwap"), prices),
                "volume": [format(volume, "f") for _, volume in values],
            }
        ),
    )
    assert counts(load(source, Timeframe.MINUTE_1, symbol="SPY")) == (len(values), 0, 0, 0)
    stored = IntradayBar.objects.order_by("timestamp").values_list("open", "volume")
    assert [(price, volume) for price, volume in stored] == values
    assert counts(load(source, Timeframe.MINUTE_1, symbol="SPY")) == (0, 0, len(values), 0)


def test_prices_below_zero_come_back_too() -> None:
    InstrumentFactory.create(symbol="CL", asset_class="future")
    text = "date,open,high,low,close\n2020-04-20,0,2.5,-40.32,-37.63\n2020-04-21,-0.00000001,0,-9999999999,-12345678"
    assert counts(load(text, symbol="CL")) == (2, 0, 0, 0)
    assert counts(load(text, symbol="CL")) == (0, 0, 2, 0)
    assert daily_rows("open", "high", "low", "close") == [
        ("2020-04-20", "0", "2.5", "-40.32", "-37.63"),
        ("2020-04-21", "-0.00000001", "0", "-9999999999", "-12345678"),
    ]


def test_a_server_that_refuses_local_files_is_loaded_by_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "mysql":
        pytest.skip("only MySQL and MariaDB load local files")
    from marketdata.ingest.engines import mysql

    def refuse(*arguments: object) -> int:
        raise OperationalError(4166, "The used command is not allowed because the server disabled local infile")

    monkeypatch.setattr(mysql, "_load_local", refuse)
    assert counts(load(TWO_MINUTES, Timeframe.MINUTE_1)) == (2, 0, 0, 0)
    assert intraday_rows("volume", "vwap", "trade_count") == [
        ("IBM", "2013-10-04 15:59", "300", None, None),
        ("SPY", "2013-10-04 15:59", "300", "49.005", 7),
    ]
