"""Loading ticks: told apart within a moment, loaded once, and made into bars by exact sums."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.ingest.aggregation import aggregate
from marketdata.ingest.headers import TICK_WORDS
from marketdata.ingest.options import LoadOptions, OnError
from marketdata.ingest.source import TableSource
from marketdata.ingest.summary import LoadSummary, RowsRefused
from marketdata.models import IngestBatch, IntradayBar, Tick
from marketdata.services.ticks import bars_from_ticks, load_ticks
from systemevents.models import AuditLog
from tests.factories import InstrumentFactory, UserFactory
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import Forbidden, InvalidInput
from tradingsite.core.timeframes import Timeframe

pytestmark = pytest.mark.django_db

DAY = dt.datetime(2013, 10, 7, tzinfo=dt.UTC)
Row = tuple[str, str, str, str, str]
ROWS: list[Row] = [
    ("IBM", "2013-10-07T13:30:00.250Z", "181.52", "283", "P"),
    ("IBM", "2013-10-07T13:30:00.250Z", "181.8", "500", "P"),
    ("SPY", "2013-10-07T13:30:00.250Z", "167.5", "1", "D"),
    ("IBM", "2013-10-07T13:30:59.999999Z", "181.1", "0.5", ""),
    ("IBM", "2013-10-07T13:31:00Z", "182", "100", "Z"),
]


def source(*rows: Row) -> TableSource:
    names = ("symbol", "timestamp", "price", "size", "exchange")
    columns = {name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(names)}
    return TableSource("ticks.csv", pa.table(columns))


def load(actor: Actor, *rows: Row, **options: Any) -> LoadSummary:
    return load_ticks(actor=actor, source=source(*rows), options=LoadOptions(create_symbols=True, **options))


def counts(summary: LoadSummary) -> tuple[int, int, int, int]:
    assert summary.read == summary.inserted + summary.updated + summary.unchanged + summary.rejected
    return summary.inserted, summary.updated, summary.unchanged, summary.rejected


def stored() -> list[tuple[Any, ...]]:
    return list(
        Tick.objects.order_by("instrument__symbol", "timestamp", "sequence").values_list(
            "instrument__symbol", "timestamp", "sequence", "price", "size", "exchange"
        )
    )


def test_ticks_of_one_moment_are_told_apart_by_their_order(system: Actor) -> None:
    assert counts(load(system, *ROWS)) == (5, 0, 0, 0)
    at = DAY.replace(hour=13, minute=30, microsecond=250_000)
    assert stored()[:3] == [
        ("IBM", at, 0, Decimal("181.52"), Decimal(283), "P"),
        ("IBM", at, 1, Decimal("181.8"), Decimal(500), "P"),
        ("IBM", at.replace(second=59, microsecond=999_999), 0, Decimal("181.1"), Decimal("0.5"), ""),
    ]


def test_loading_again_changes_nothing_and_a_correction_one_tick(system: Actor) -> None:
    load(system, *ROWS)
    before = stored()
    assert counts(load(system, *ROWS)) == (0, 0, 5, 0)
    assert stored() == before
    corrected = [*ROWS[:1], ("IBM", ROWS[1][1], "181.8", "501", "P"), *ROWS[2:]]
    assert counts(load(system, *corrected)) == (0, 1, 4, 0)
    moved = [(*ROWS[0][:4], "Q"), *corrected[1:]]
    assert counts(load(system, *moved)) == (0, 1, 4, 0)
    assert [row[4:] for row in stored()[:2]] == [(Decimal(283), "Q"), (Decimal(501), "P")]
    assert Tick.objects.count() == 5


def test_the_batch_and_the_audit_trail_tell_of_it(system: Actor) -> None:
    batch = load(system, *ROWS).batch
    assert batch is not None
    assert (batch.kind, batch.timeframe, batch.status, batch.inserted) == ("ticks", "", "finished", 5)
    assert len(batch.digest) == 64
    assert AuditLog.objects.filter(action="ticks.ingested").count() == 1


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (("IBM", "2013-10-07T13:30:00Z", "1", "1", ""), "out_of_order"),
        (("IBM", "2013-10-07T13:32:00Z", "0", "1", ""), "not_positive"),
        (("IBM", "2013-10-07T13:32:00Z", "", "1", ""), "missing_price"),
        (("IBM", "2013-10-07T13:32:00Z", "1", "", ""), "missing_size"),
        (("IBM", "2013-10-07T13:32:00Z", "1", "-1", ""), "negative_size"),
        (("IBM", "2013-10-07T13:32:00Z", "nan", "1", ""), "not_finite"),
        (("IBM", "2013-10-07T13:32:00Z", "1.123456789", "1", ""), "too_many_decimals"),
        (("IBM", "2013-10-07T13:32:00Z", "1", "1", "x" * 17), "bad_exchange"),
        (("IBM", "2013-10-07T13:32:00Z", "1", "1", "a\nb"), "bad_exchange"),
        (("IBM", "2013-10-07T13:32:00", "1", "1", ""), "time_zone_missing"),
        (("IBM", "1666-10-07T13:32:00Z", "1", "1", ""), "time_out_of_range"),
        (("IBM", "2166-10-07T13:32:00Z", "1", "1", ""), "in_future"),
        (("not a symbol!", "2013-10-07T13:32:00Z", "1", "1", ""), "invalid_symbol"),
    ],
)
def test_a_bad_tick_is_named_and_the_others_are_loaded(system: Actor, row: Row, code: str) -> None:
    summary = load(system, *ROWS, row)
    assert counts(summary) == (5, 0, 0, 1)
    assert [(reject.line, reject.code) for reject in summary.rejects] == [(6, code)]


def test_a_tick_that_is_mended_later_finds_its_place_among_its_moment(system: Actor) -> None:
    broken = [ROWS[0], ("IBM", ROWS[1][1], "", "500", "P"), ("IBM", ROWS[1][1], "190", "7", "P")]
    assert counts(load(system, *broken)) == (2, 0, 0, 1)
    mended = [ROWS[0], ROWS[1], broken[2]]
    assert counts(load(system, *mended)) == (1, 0, 2, 0)
    assert [row[3] for row in stored()] == [Decimal("181.52"), Decimal("181.8"), Decimal(190)]


def test_chunks_may_part_the_ticks_of_a_moment(system: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketdata.ingest.source.CHUNK_ROWS", 1)
    assert counts(load(system, *ROWS)) == (5, 0, 0, 0)
    assert [row[2] for row in stored()] == [0, 1, 0, 0, 0]
    monkeypatch.undo()
    assert counts(load(system, *ROWS)) == (0, 0, 5, 0)


def test_abort_loads_nothing(system: Actor) -> None:
    with pytest.raises(RowsRefused):
        load(system, *ROWS, ("IBM", "never", "1", "1", ""), on_error=OnError.ABORT)
    assert not Tick.objects.exists()
    assert not IngestBatch.objects.exists()


def test_texts_with_commas_and_quotes_come_through(system: Actor) -> None:
    load(system, ("IBM", ROWS[0][1], "1", "1", 'a,"b\\'))
    assert stored()[0][5] == 'a,"b\\'


@pytest.mark.parametrize("role", ["viewer", "trader"])
def test_who_may_not_write_market_data_loads_none(role: str) -> None:
    actor = Actor.of(UserFactory.create(role=role), front=Front.API)
    with pytest.raises(Forbidden):
        load(actor, *ROWS)
    assert not Tick.objects.exists()


def make(actor: Actor, timeframe: Timeframe = Timeframe.MINUTE_1, **how: Any) -> LoadSummary | None:
    return bars_from_ticks(
        actor=actor,
        **{"symbols": ["IBM"], "timeframe": timeframe, "start": DAY, "end": DAY + dt.timedelta(days=1), **how},
    )


def test_bars_are_made_of_ticks_and_making_them_again_changes_nothing(system: Actor) -> None:
    load(system, *ROWS)
    first, again = make(system), make(system)
    assert first is not None
    assert again is not None
    assert (counts(first), counts(again)) == ((2, 0, 0, 0), (0, 0, 2, 0))
    assert IngestBatch.objects.get(pk=first.batch.pk if first.batch else 0).is_derived
    bar = IntradayBar.objects.get(timestamp=DAY.replace(hour=13, minute=30))
    assert (bar.open, bar.high, bar.low, bar.close) == tuple(map(Decimal, ("181.52", "181.8", "181.1", "181.1")))
    assert (bar.volume, bar.trade_count) == (Decimal("783.5"), 3)
    exact = (Decimal("181.52") * 283 + Decimal("181.8") * 500 + Decimal("181.1") * Decimal("0.5")) / Decimal("783.5")
    assert bar.vwap == exact.quantize(Decimal("1e-8"))


def test_nothing_is_made_of_nothing(system: Actor) -> None:
    InstrumentFactory.create(symbol="IBM")
    assert make(system) is None
    assert not IngestBatch.objects.exists()


@pytest.mark.parametrize(
    "how",
    [
        {"timeframe": Timeframe.HOUR_1},
        {"timeframe": Timeframe.DAY_1},
        {"end": DAY},
        {"end": DAY + dt.timedelta(days=32)},
        {"symbols": ["NOPE"]},
    ],
)
def test_what_cannot_be_made_is_refused(system: Actor, how: dict[str, Any]) -> None:
    load(system, *ROWS)
    with pytest.raises(InvalidInput):
        make(system, **how)
    assert not IntradayBar.objects.exists()


numbers = st.integers(1, 10**12)
trades = st.lists(st.tuples(st.integers(0, 300), numbers, st.integers(0, 10**12)), min_size=1, max_size=40)


@given(trades=trades)
@settings(max_examples=100, deadline=None)
def test_a_bar_is_what_a_loop_over_its_ticks_says(trades: list[tuple[int, int, int]]) -> None:
    columns = [np.array([trade[place] for trade in trades], dtype=np.int64) for place in range(3)]
    table = aggregate(
        "X",
        columns[0] * 1_000_000,
        np.arange(len(trades), dtype=np.int64),
        columns[1],
        columns[2],
        timeframe=Timeframe.MINUTE_1,
    )
    by_minute: dict[int, list[tuple[int, int]]] = {}
    for second, price, size in sorted(trades, key=lambda trade: trade[0]):
        by_minute.setdefault(second // 60, []).append((price, size))
    assert len(table) == len(by_minute)
    for row, (minute, inside) in zip(table.to_pylist(), sorted(by_minute.items()), strict=True):
        assert row["timestamp"] == dt.datetime(1970, 1, 1, 0, minute, tzinfo=dt.UTC)
        prices = [price for price, _ in inside]
        assert [int(row[name].scaleb(8)) for name in ("open", "high", "low", "close")] == [
            *(prices[0], max(prices), min(prices), prices[-1])
        ]
        volume = sum(size for _, size in inside)
        assert int(row["volume"].scaleb(6)) == volume
        assert row["trade_count"] == len(inside)
        if volume:
            assert int(row["vwap"].scaleb(8)) == round(Fraction(sum(p * s for p, s in inside), volume))
        else:
            assert row["vwap"] is None


def test_the_words_of_ticks_are_their_own() -> None:
    assert TICK_WORDS.role_of("p") == "price"
    assert TICK_WORDS.role_of("Volume") == "size"
    assert TICK_WORDS.role_of("open") is None
