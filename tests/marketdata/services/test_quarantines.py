"""Jumps of daily prices that nothing explains: found by loads, lifted by what explains them, accepted by a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from marketdata.actions.values import ActionValues
from marketdata.models import ActionKind, CorporateAction, PriceBasis, Quarantine
from marketdata.selectors import is_quarantined
from marketdata.services.corporate_actions import record_corporate_action, retract_corporate_action
from marketdata.services.quarantines import LIFTED, accept_quarantine
from systemevents.models import AuditLog, SystemEvent
from tests.factories import InstrumentFactory
from tests.marketdata.ingest.bars import load
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput

HEADER = "Date,Open,High,Low,Close,Volume"
FRIDAY, MONDAY, TUESDAY = "2020-08-28,500,500,490,500,1", "2020-08-31,127,131,126,129,1", "2020-09-01,130,131,126,129,1"
SPLIT = ActionValues(ActionKind.SPLIT, dt.date(2020, 8, 31), 4, 1)


@pytest.fixture(autouse=True)
def spy(db: None) -> None:
    InstrumentFactory.create(symbol="SPY")


def rows(*lines: str, header: str = HEADER, **options: Any) -> None:
    load("\n".join([header, *lines]), **options)


def quarantined() -> list[str]:
    """The days of the quarantines that hold."""
    return [f"{row.start:%m-%d}" for row in Quarantine.objects.filter(accepted_at=None).order_by("start")]


def test_a_jump_quarantines_its_instrument() -> None:
    rows(FRIDAY, MONDAY, TUESDAY)
    row = Quarantine.objects.get()
    assert (row.start, row.close_before, row.open_after) == (dt.datetime(2020, 8, 31, tzinfo=dt.UTC), 500, 127)
    assert row.batch is not None
    assert is_quarantined("SPY")
    assert not is_quarantined("IBM")
    assert AuditLog.objects.get(action="quarantine.opened").after["days"] == ["2020-08-31"]
    assert "SPY jumped by more than 40 % on 2020-08-31" in SystemEvent.objects.get().description


def test_the_same_load_again_finds_nothing_new() -> None:
    rows(FRIDAY, MONDAY, TUESDAY)
    rows(FRIDAY, MONDAY, TUESDAY)
    assert Quarantine.objects.count() == SystemEvent.objects.count() == 1


@pytest.mark.parametrize("order", [(FRIDAY, MONDAY), (MONDAY, FRIDAY)], ids=["forward", "backward"])
def test_a_jump_between_two_loads_is_found_whichever_comes_first(order: tuple[str, str]) -> None:
    for line in order:
        rows(line)
    assert quarantined() == ["08-31"]


def test_up_to_the_limit_is_no_jump(settings: Any) -> None:
    rows(FRIDAY, "2020-08-31,700,700,300,300,1")
    assert quarantined() == []
    rows("2020-09-01,420.0001,421,300,300,1")
    assert quarantined() == ["09-01"]
    settings.JUMP_LIMIT = 0
    rows("2020-09-02,3,3,3,3,1")
    assert quarantined() == ["09-01"]


def test_a_close_that_jumps_counts_too() -> None:
    rows(FRIDAY, "2020-08-31,500,900,500,900,1", "2020-09-01,500,510,490,500,1")
    assert quarantined() == ["08-31", "09-01"]


def test_a_split_that_is_known_explains_its_jump(system: Actor) -> None:
    record_corporate_action(actor=system, symbol="SPY", values=SPLIT)
    rows(FRIDAY, MONDAY, TUESDAY)
    assert not Quarantine.objects.exists()


def test_the_split_in_the_same_rows_explains_its_jump() -> None:
    header = f"{HEADER},Dividends,Stock_Splits"
    rows(f"{FRIDAY},0,0", f"{MONDAY},0,4", header=header, price_basis=PriceBasis.RAW)
    assert not Quarantine.objects.exists()


def test_a_split_that_is_recorded_later_lifts_it_and_taken_back_opens_it_again(system: Actor) -> None:
    rows(FRIDAY, MONDAY, TUESDAY)
    record_corporate_action(actor=system, symbol="SPY", values=SPLIT)
    assert not is_quarantined("SPY")
    assert Quarantine.objects.get().note == LIFTED
    retract_corporate_action(actor=system, action=CorporateAction.objects.get(), reason="no")
    assert quarantined() == ["08-31"]
    assert [entry.action for entry in AuditLog.objects.filter(action__startswith="quarantine").order_by("pk")] == [
        *("quarantine.opened", "quarantine.lifted", "quarantine.opened")
    ]


def test_a_split_of_another_ratio_explains_nothing(system: Actor) -> None:
    rows(FRIDAY, MONDAY)
    record_corporate_action(
        actor=system, symbol="SPY", values=ActionValues(ActionKind.SPLIT, dt.date(2020, 8, 31), 2, 1)
    )
    assert quarantined() == ["08-31"]


def test_a_bar_that_is_mended_lifts_it() -> None:
    rows(FRIDAY, MONDAY)
    rows("2020-08-31,500,510,490,500,1")
    assert quarantined() == []


def test_prices_below_zero_jump_nowhere() -> None:
    InstrumentFactory.create(symbol="CL", asset_class="future")
    header = f"symbol,{HEADER}"
    rows("CL,2020-04-17,18,19,17,18,1", "CL,2020-04-20,17,18,-40,-37,1", "CL,2020-04-21,-30,12,-31,10,1", header=header)
    assert quarantined() == ["04-20"]


def test_what_somebody_accepted_stays_accepted(analyst: User, actor_of: Callable[[User], Actor], system: Actor) -> None:
    rows(FRIDAY, MONDAY)
    row = Quarantine.objects.get()
    accept_quarantine(actor=actor_of(analyst), quarantine=row, note=" a real crash ")
    row.refresh_from_db()
    assert (row.note, row.accepted_by) == ("a real crash", analyst)
    assert AuditLog.objects.get(action="quarantine.accepted").after["note"] == "a real crash"
    rows(FRIDAY, MONDAY, TUESDAY)
    record_corporate_action(actor=system, symbol="SPY", values=SPLIT)
    retract_corporate_action(actor=system, action=CorporateAction.objects.get(), reason="no")
    assert quarantined() == []
    with pytest.raises(Conflict):
        accept_quarantine(actor=system, quarantine=row, note="again")


def test_accepting_needs_a_note_and_the_right(owner: User, actor_of: Callable[[User], Actor], system: Actor) -> None:
    rows(FRIDAY, MONDAY)
    row = Quarantine.objects.get()
    for note in ("", "  ", "x" * 501):
        with pytest.raises(InvalidInput):
            accept_quarantine(actor=system, quarantine=row, note=note)
    with pytest.raises(Forbidden):
        accept_quarantine(actor=actor_of(owner), quarantine=row, note="fine by me")
    assert quarantined() == ["08-31"]
