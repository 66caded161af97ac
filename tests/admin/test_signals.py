"""Signals are written through their service."""

from __future__ import annotations

from decimal import Decimal

from django.test import Client

from accounts.models import User
from tests.admin.conftest import path_of
from tests.admin.forms import actions, errors_of
from tests.factories import (
    InstrumentFactory,
)
from trading.models import Signal


def test_a_signal_is_recorded_as_the_actors_own(analyst: User, analyst_browser: Client) -> None:
    InstrumentFactory.create(symbol="AAPL")
    values = {"symbol": "aapl", "date": "2024-01-05", "timeframe": "1d", "signal_type": "BUY", "confidence": "62.5"}
    values |= {"entry_price": "10.5", "reasons": "Breakout\n\nVolume "}
    response = analyst_browser.post(path_of(Signal, "add"), values)
    assert response.status_code == 302, errors_of(response)
    signal = Signal.objects.get()
    assert (signal.owner, signal.symbol, signal.reasons) == (analyst, "AAPL", ["Breakout", "Volume"])
    assert (signal.entry_price, signal.stop_loss) == (Decimal("10.5"), None)
    assert actions() == ["signal.recorded"]


def test_nothing_is_chosen_where_a_signal_must_be(analyst_browser: Client) -> None:
    assert '<option value="BUY" selected' not in analyst_browser.get(path_of(Signal, "add")).content.decode()
