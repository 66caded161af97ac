"""Instruments with a week of bars."""

from __future__ import annotations

from decimal import Decimal

import pytest

from marketdata.models import Instrument
from tests.factories import InstrumentFactory
from tests.marketdata.api.bars import WEEK, daily


@pytest.fixture
def spy(db: None) -> Instrument:
    """SPY with the first five sessions of 2013."""
    instrument = InstrumentFactory.create(symbol="SPY")
    prices = {"open": "145.11", "high": "146.15", "low": "144.73", "close": "146.06", "volume": "192059000"}
    daily(instrument, *WEEK, **{name: Decimal(value) for name, value in prices.items()})
    return instrument


@pytest.fixture
def ibm(db: None) -> Instrument:
    """IBM with the same sessions but the third."""
    instrument = InstrumentFactory.create(symbol="IBM")
    daily(instrument, *WEEK[:2], *WEEK[3:])
    return instrument
