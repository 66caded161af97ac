"""Ticks that come for a sealed day: equal ones stay sealed, others lie over them, bars are made of both."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from marketdata.ingest.options import LoadOptions
from marketdata.ingest.source import TableSource
from marketdata.ingest.summary import LoadSummary
from marketdata.models import ArchivePartition, IntradayBar, Tick
from marketdata.services.rollover import roll_over
from marketdata.services.ticks import bars_from_ticks, load_ticks
from tests.marketdata.ingest.bars import SYSTEM
from tradingsite.core.timeframes import Timeframe

pytestmark = pytest.mark.django_db

DAY = dt.datetime(2013, 10, 7, tzinfo=dt.UTC)
PRICES = ["10.5", "10.25", "11", "10"]


def load(*prices: str) -> LoadSummary:
    """Two ticks a second from the open on, at the same microsecond."""
    count = len(prices)
    moments = [f"2013-10-07T13:30:{number // 2:02}.5Z" for number in range(count)]
    table = pa.table({"symbol": ["IBM"] * count, "timestamp": moments, "price": list(prices), "size": ["100"] * count})
    return load_ticks(actor=SYSTEM, source=TableSource("late", table), options=LoadOptions(create_symbols=True))


def counts(summary: LoadSummary) -> tuple[int, int, int]:
    return summary.inserted, summary.updated, summary.unchanged


def make_bars() -> IntradayBar:
    bars_from_ticks(
        actor=SYSTEM, symbols=["IBM"], timeframe=Timeframe.MINUTE_1, start=DAY, end=DAY + dt.timedelta(hours=1)
    )
    return IntradayBar.objects.get()


def test_ticks_of_a_sealed_day_come_again_and_change_nothing() -> None:
    load(*PRICES)
    roll_over(actor=SYSTEM, day=DAY.date())
    assert not Tick.objects.exists()
    assert counts(load(*PRICES)) == (0, 0, 4)
    assert not Tick.objects.exists()


def test_what_differs_lies_over_the_sealed_day_until_it_is_sealed_anew() -> None:
    load(*PRICES)
    roll_over(actor=SYSTEM, day=DAY.date())
    assert counts(load(*PRICES[:3], "12", "10.75")) == (1, 1, 3)
    assert counts(load(*PRICES[:3], "12", "10.75")) == (0, 0, 5)
    assert Tick.objects.count() == 2
    roll_over(actor=SYSTEM, day=DAY.date())
    assert not Tick.objects.exists()
    assert ArchivePartition.objects.get(kind="ticks", status="current").rows == 5
    assert counts(load(*PRICES[:3], "12", "10.75")) == (0, 0, 5)


def test_bars_are_made_of_sealed_and_late_ticks_together() -> None:
    load(*PRICES)
    roll_over(actor=SYSTEM, day=DAY.date())
    bar = make_bars()
    assert (bar.open, bar.high, bar.low, bar.close, bar.trade_count) == (*map(Decimal, ("10.5", "11", "10", "10")), 4)
    load(*PRICES[:3], "12", "10.75")
    bar = make_bars()
    assert (bar.high, bar.low, bar.close, bar.volume) == tuple(map(Decimal, ("12", "10.25", "10.75", "500")))
