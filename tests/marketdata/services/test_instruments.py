"""Finding, making and changing instruments."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from marketdata.models import AssetClass, Instrument
from marketdata.services.instruments import create_instruments, get_instrument, save_instrument
from systemevents.models import AuditLog
from tests.factories import InstrumentFactory
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput, UnknownSymbol

pytestmark = pytest.mark.django_db


def entries(actor: Actor) -> list[AuditLog]:
    return list(AuditLog.objects.filter(actor_label=actor.label).order_by("pk"))


def test_an_instrument_is_found_however_its_symbol_is_typed() -> None:
    spy = InstrumentFactory.create(symbol="SPY")
    assert get_instrument(" spy ") == spy


def test_a_symbol_that_nobody_has_is_unknown() -> None:
    with pytest.raises(UnknownSymbol, match="No instrument has the symbol SPY"):
        get_instrument("SPY")


def test_missing_instruments_are_made_once_with_one_audit_entry(system: Actor) -> None:
    InstrumentFactory.create(symbol="SPY")
    made = create_instruments(actor=system, symbols=["spy", "IBM", "AAPL", "ibm"], is_simulated=True)
    assert [(one.symbol, one.is_simulated) for one in made] == [("IBM", True), ("AAPL", True)]
    assert create_instruments(actor=system, symbols=["IBM", "AAPL"]) == []
    [entry] = entries(system)
    assert entry.action == "instruments.created"
    assert entry.after["symbols"] == ["IBM", "AAPL"]


def test_a_viewer_may_not_make_instruments(viewer: User, actor_of: Callable[[User], Actor]) -> None:
    with pytest.raises(Forbidden):
        create_instruments(actor=actor_of(viewer), symbols=["SPY"])
    with pytest.raises(Forbidden):
        save_instrument(actor=actor_of(viewer), values={"symbol": "SPY"})
    assert not Instrument.objects.exists()


def test_a_saved_instrument_is_normalised_and_on_the_trail(system: Actor) -> None:
    values = {"symbol": " brk.b ", "calendar": "XNYS", "currency": "USD", "time_zone": "America/New_York"}
    saved = save_instrument(actor=system, values=values)
    saved.refresh_from_db()
    assert (saved.symbol, saved.is_tradable) == ("BRK.B", True)
    [entry] = entries(system)
    assert (entry.action, entry.object_label, entry.after["calendar"]) == ("instrument.created", "BRK.B", "XNYS")


def test_a_change_leaves_what_was_and_what_is(system: Actor) -> None:
    spy = InstrumentFactory.create(symbol="SPY", tick_size=None)
    changed = save_instrument(actor=system, instrument=spy, values={"tick_size": Decimal("0.01")})
    assert Instrument.objects.get().tick_size == changed.tick_size == Decimal("0.01")
    [entry] = entries(system)
    assert entry.action == "instrument.changed"
    assert entry.before["tick_size"] is None
    assert entry.after["tick_size"] == "0.01"


def test_saving_the_same_again_leaves_no_trace(system: Actor) -> None:
    spy = InstrumentFactory.create(symbol="SPY", tick_size="0.01")
    save_instrument(actor=system, instrument=spy, values={"tick_size": "0.01", "symbol": "spy"})
    assert entries(system) == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"symbol": "no symbol"}, "symbol"),
        ({"calendar": "MARS"}, "calendar"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"currency": "usd"}, "currency"),
        ({"asset_class": "stone"}, "asset_class"),
        ({"lot_size": "0"}, "lot_size"),
        ({"tick_size": "-0.01"}, "tick_size"),
        ({"multiplier": "1.123456789"}, "multiplier"),
        ({"company_name": "x" * 201}, "company_name"),
        ({"id": 7}, "id"),
    ],
)
def test_what_is_wrong_names_its_field_and_changes_nothing(system: Actor, values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        save_instrument(actor=system, values={"symbol": "SPY", **values})
    assert [error.field for error in caught.value.errors] == [field]
    assert not Instrument.objects.exists()
    assert entries(system) == []


def test_a_symbol_that_is_taken_or_would_change_is_a_conflict(system: Actor) -> None:
    spy = InstrumentFactory.create(symbol="SPY")
    with pytest.raises(Conflict, match="already an instrument"):
        save_instrument(actor=system, values={"symbol": "spy"})
    with pytest.raises(Conflict, match="can't change"):
        save_instrument(actor=system, instrument=spy, values={"symbol": "IBM"})
    assert [one.symbol for one in Instrument.objects.all()] == ["SPY"]


def test_a_future_may_be_made_of_another_class(system: Actor) -> None:
    [made] = create_instruments(actor=system, symbols=["CLX0"], asset_class=AssetClass.FUTURE)
    assert made.asset_class == AssetClass.FUTURE
