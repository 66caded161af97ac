"""Instruments and bars are written through their services."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.models import User
from marketdata.models import DailyBar, IngestBatch, Instrument, IntradayBar
from systemevents.models import AuditLog
from tests.admin.conftest import path_of
from tests.admin.forms import actions, errors_of
from tests.factories import (
    DailyBarFactory,
    InstrumentFactory,
    IntradayBarFactory,
)
from tradingsite.core.actor import Front

# Instruments

INSTRUMENT = {"symbol": "ibm", "asset_class": "equity", "lot_size": "1", "multiplier": "1", "is_active": "on"}


def test_adding_an_instrument_is_audited(analyst_browser: Client) -> None:
    response = analyst_browser.post(path_of(Instrument, "add"), {**INSTRUMENT, "currency": "USD"})
    assert response.status_code == 302
    assert Instrument.objects.get().symbol == "IBM"
    assert actions() == ["instrument.created"]
    assert LogEntry.objects.count() == 1


def test_changing_an_instrument_records_before_and_after(analyst_browser: Client, analyst: User) -> None:
    instrument = InstrumentFactory.create(symbol="IBM", company_name="Old name", exchange="", calendar="", time_zone="")
    values = {**INSTRUMENT, "company_name": "New name", "currency": "USD"}
    response = analyst_browser.post(path_of(Instrument, instrument.pk, "change"), values)
    assert response.status_code == 302
    entry: Any = AuditLog.objects.get(action="instrument.changed")
    assert (entry.before["company_name"], entry.after["company_name"]) == ("Old name", "New name")
    assert (entry.actor, entry.front) == (analyst, Front.ADMIN)
    assert entry.request_id


def test_what_the_service_refuses_stands_at_its_field(analyst_browser: Client) -> None:
    response: Any = analyst_browser.post(path_of(Instrument, "add"), {**INSTRUMENT, "calendar": "NOWHERE"})
    assert "not an exchange calendar" in errors_of(response)
    assert "calendar" in response.context_data["adminform"].form.errors
    assert not Instrument.objects.exists()
    assert actions() == []
    assert not LogEntry.objects.exists()


def test_saving_without_a_change_writes_nothing(analyst_browser: Client) -> None:
    instrument = InstrumentFactory.create(symbol="IBM", company_name="Same", exchange="", calendar="", time_zone="")
    values = {**INSTRUMENT, "company_name": "Same", "currency": "USD"}
    assert analyst_browser.post(path_of(Instrument, instrument.pk, "change"), values).status_code == 302
    assert actions() == []


# Bars

PRICES = {"open": "10", "high": "12", "low": "9", "close": "11.5", "volume": "1000"}


def test_a_daily_bar_is_entered_through_the_ingest_service(analyst_browser: Client) -> None:
    instrument = InstrumentFactory.create(symbol="IBM")
    values = {"instrument": instrument.pk, "date": "2024-01-05", **PRICES}
    response = analyst_browser.post(path_of(DailyBar, "add"), values)
    assert response.status_code == 302, errors_of(response)
    bar = DailyBar.objects.get()
    assert (bar.close, bar.batch) == (Decimal("11.5"), IngestBatch.objects.get())
    assert actions()


def test_a_corrected_bar_keeps_what_it_was_in_the_trail(analyst_browser: Client) -> None:
    bar = DailyBarFactory.create(date=dt.date(2024, 1, 5), **{name: Decimal(text) for name, text in PRICES.items()})
    response = analyst_browser.post(path_of(DailyBar, bar.pk, "change"), {**PRICES, "close": "10.25"})
    assert response.status_code == 302, errors_of(response)
    bar.refresh_from_db()
    assert bar.close == Decimal("10.25")
    entry: Any = AuditLog.objects.get(action="bar.corrected")
    assert (entry.before, entry.after) == ({"close": "11.50000000"}, {"close": "10.25000000"})


def test_an_intraday_bar_is_entered_and_corrected(analyst_browser: Client) -> None:
    instrument = InstrumentFactory.create(symbol="IBM")
    key = {"instrument": instrument.pk, "timeframe": "1m", "timestamp_0": "2024-01-05", "timestamp_1": "14:30:00"}
    response = analyst_browser.post(path_of(IntradayBar, "add"), {**key, **PRICES, "trade_count": "7"})
    assert response.status_code == 302, errors_of(response)
    bar = IntradayBar.objects.get()
    assert (bar.timestamp, bar.trade_count) == (dt.datetime(2024, 1, 5, 14, 30, tzinfo=dt.UTC), 7)
    response = analyst_browser.post(path_of(IntradayBar, bar.pk, "change"), {**PRICES, "trade_count": "8"})
    assert response.status_code == 302, errors_of(response)
    bar.refresh_from_db()
    assert bar.trade_count == 8


@pytest.mark.parametrize("wrong", [{"high": "9.5"}, {"low": "13"}, {"close": "-1"}, {"volume": "-5"}, {"volume": ""}])
def test_a_bar_that_can_not_be_is_refused(analyst_browser: Client, wrong: dict[str, str]) -> None:
    bar = DailyBarFactory.create(date=dt.date(2024, 1, 5), **{name: Decimal(text) for name, text in PRICES.items()})
    before = actions()
    response = analyst_browser.post(path_of(DailyBar, bar.pk, "change"), {**PRICES, **wrong})
    assert "[" in errors_of(response)
    assert "Constraint" not in errors_of(response)
    bar.refresh_from_db()
    assert bar.close == Decimal("11.5")
    assert actions() == before
    assert not IngestBatch.objects.exists()


def test_a_second_bar_of_the_same_day_is_refused(analyst_browser: Client) -> None:
    bar = DailyBarFactory.create(date=dt.date(2024, 1, 5))
    values = {"instrument": bar.instrument_id, "date": "2024-01-05", **PRICES}
    assert "already" in errors_of(analyst_browser.post(path_of(DailyBar, "add"), values)).lower()


def test_the_key_of_a_bar_does_not_change(analyst_browser: Client) -> None:
    bar = IntradayBarFactory.create()
    other = InstrumentFactory.create()
    values = {**PRICES, "low": "9.5", "instrument": other.pk, "timeframe": "5m"}
    analyst_browser.post(path_of(IntradayBar, bar.pk, "change"), values)
    bar.refresh_from_db()
    assert bar.instrument_id != other.pk
    assert bar.timeframe == "1m"
