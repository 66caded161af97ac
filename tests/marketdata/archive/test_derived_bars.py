"""Daily bars that no source gave are made of a sealed day's, by the exchange's session."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from marketdata.models import DailyBar, Instrument
from marketdata.services.rollover import roll_over
from tests.factories import DailyBarFactory, InstrumentFactory
from tests.marketdata.archive.days import MONDAY, TUESDAY, load_rows
from tests.marketdata.ingest.bars import SYSTEM, daily_rows, load
from tradingsite.core.timeframes import Timeframe

pytestmark = pytest.mark.django_db

#: New York is open from 13:30 to 20:00 UTC.
ROWS = [
    f"AAA,{MONDAY}T13:29:00Z,1,99,1,2,1000",
    f"AAA,{MONDAY}T13:30:00Z,10,12,9,11,5",
    f"AAA,{MONDAY}T16:00:00Z,11,15,8,12,7.5",
    f"AAA,{MONDAY}T19:59:00Z,12,13,11,12.25,1",
    f"AAA,{MONDAY}T20:00:00Z,1,99,1,2,1000",
]


def test_the_daily_bar_is_of_the_session_only_and_says_that_it_was_made() -> None:
    InstrumentFactory.create(symbol="AAA")
    load_rows(ROWS)
    assert roll_over(actor=SYSTEM, day=MONDAY).derived == 1
    assert daily_rows("open", "high", "low", "close", "volume") == [("2013-10-07", "10", "15", "8", "12.25", "13.5")]
    batch = DailyBar.objects.get().batch
    assert batch is not None
    assert batch.is_derived
    assert batch.source == "made of 1m bars of 2013-10-07"


def test_without_a_calendar_it_is_of_the_whole_day() -> None:
    InstrumentFactory.create(symbol="AAA", calendar="")
    load_rows(ROWS)
    roll_over(actor=SYSTEM, day=MONDAY)
    assert daily_rows("open", "high", "close", "volume") == [("2013-10-07", "1", "99", "2", "2013.5")]


def test_a_bar_that_a_source_gave_is_left_alone() -> None:
    bar = DailyBarFactory.create(instrument__symbol="AAA", date=MONDAY)
    load_rows(ROWS)
    assert roll_over(actor=SYSTEM, day=MONDAY).derived == 0
    assert DailyBar.objects.get() == bar
    assert daily_rows("close") == [("2013-10-07", "11.25")]


def test_one_that_a_source_gives_later_takes_its_place_for_good() -> None:
    InstrumentFactory.create(symbol="AAA")
    load_rows(ROWS)
    roll_over(actor=SYSTEM, day=MONDAY)
    load(f"Date,Open,High,Low,Close,Volume\n{MONDAY},10,15,8,12.5,14", symbol="AAA")
    load_rows([f"AAA,{MONDAY}T19:00:00Z,12,20,11,12.25,1"])
    assert roll_over(actor=SYSTEM, day=MONDAY).derived == 0
    assert daily_rows("high", "close") == [("2013-10-07", "15", "12.5")]


def test_late_bars_make_a_derived_one_anew_of_sealed_and_live_ones() -> None:
    InstrumentFactory.create(symbol="AAA")
    load_rows(ROWS)
    roll_over(actor=SYSTEM, day=MONDAY)
    load_rows([f"AAA,{MONDAY}T19:00:00Z,12,20,11,12.25,1"])
    assert roll_over(actor=SYSTEM, day=MONDAY).derived == 1
    assert daily_rows("open", "high", "close", "volume") == [("2013-10-07", "10", "20", "12.25", "14.5")]


def test_a_session_that_begins_the_evening_before_is_read_over_both_days() -> None:
    # Chicago's futures trade from 22:00 UTC of the day before to 21:00 UTC of the session's date.
    InstrumentFactory.create(symbol="AAA", calendar="CMES")
    load_rows([f"AAA,{MONDAY}T23:00:00Z,10,12,9,11,5", f"AAA,{TUESDAY}T15:00:00Z,11,14,10,13,5"])
    roll_over(actor=SYSTEM, through=TUESDAY)
    assert daily_rows("open", "high", "low", "close", "volume") == [("2013-10-08", "10", "14", "9", "13", "10")]


def test_nothing_is_made_of_bars_longer_than_half_an_hour() -> None:
    # A session opens and closes at half past.
    InstrumentFactory.create(symbol="AAA")
    load("symbol,timestamp,open,high,low,close,volume\n" + ROWS[1], Timeframe.HOUR_4)
    assert roll_over(actor=SYSTEM, day=MONDAY).derived == 0
    assert not DailyBar.objects.exists()


def test_a_volume_that_nobody_knows_stays_unknown() -> None:
    InstrumentFactory.create(symbol="AAA")
    load_rows([ROWS[1], f"AAA,{MONDAY}T16:00:00Z,11,15,8,12,"])
    roll_over(actor=SYSTEM, day=MONDAY)
    bar = DailyBar.objects.get(instrument=Instrument.objects.get())
    assert (bar.volume, bar.high) == (None, Decimal(15))
    assert bar.date == dt.date(2013, 10, 7)
