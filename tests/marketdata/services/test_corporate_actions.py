"""Splits and dividends: entered once, taken back with a reason, never edited; in bulk and one by one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from marketdata.actions.reading import ActionSource, read_actions
from marketdata.actions.values import ActionValues
from marketdata.ingest.options import OnError
from marketdata.ingest.summary import LoadSummary, RowsRefused
from marketdata.models import ActionKind, CorporateAction, IngestBatch, Instrument
from marketdata.services.action_loads import load_corporate_actions
from marketdata.services.corporate_actions import record_corporate_action, retract_corporate_action
from systemevents.models import AuditLog
from tests.factories import InstrumentFactory
from tests.marketdata.ingest.bars import counts
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, Forbidden, InvalidInput, UnknownSymbol

DAY = dt.date(2020, 8, 31)
SPLIT = ActionValues(ActionKind.SPLIT, DAY, 4, 1)
DIVIDEND = ActionValues(ActionKind.DIVIDEND, DAY, amount=Decimal("0.82"))
HEADER = "symbol,kind,ex_date,ratio,amount,currency,pay_date,known_at,number"


@pytest.fixture
def aapl(db: None) -> Instrument:
    return InstrumentFactory.create(symbol="AAPL")


def source(*lines: str, header: str = HEADER) -> ActionSource:
    return read_actions("actions.csv", [f"{line}\n" for line in (header, *lines)])


def load(system: Actor, *lines: str, on_error: OnError = OnError.REJECT) -> LoadSummary:
    return load_corporate_actions(actor=system, source=source(*lines), on_error=on_error)


def live() -> list[tuple[Any, ...]]:
    columns = ("instrument__symbol", "kind", "ex_date", "number", "new_shares", "old_shares", "amount", "currency")
    rows = CorporateAction.objects.filter(retracted_at=None).order_by("instrument__symbol", "ex_date", "kind", "number")
    return [(row[0], row[1], str(row[2]), *row[3:]) for row in rows.values_list(*columns)]


# One at a time


def test_an_action_is_entered_with_its_audit_entry(system: Actor, aapl: Instrument) -> None:
    action = record_corporate_action(actor=system, symbol="aapl", values=SPLIT, source="a letter")
    assert live() == [("AAPL", "split", "2020-08-31", 1, 4, 1, None, "")]
    assert action.known_at == dt.datetime(2020, 8, 31, tzinfo=dt.UTC)
    entry = AuditLog.objects.get(action="corporate_action.recorded")
    assert entry.object_id == str(action.pk)
    assert entry.after["new_shares"] == 4


def test_a_dividend_is_in_the_instruments_currency_unless_it_says_another(system: Actor, aapl: Instrument) -> None:
    assert record_corporate_action(actor=system, symbol="AAPL", values=DIVIDEND).currency == "USD"
    Instrument.objects.update(currency="")
    with pytest.raises(InvalidInput, match="currency"):
        record_corporate_action(actor=system, symbol="AAPL", values=DIVIDEND)


def test_the_same_again_and_a_second_split_of_a_day_are_refused(system: Actor, aapl: Instrument) -> None:
    record_corporate_action(actor=system, symbol="AAPL", values=SPLIT)
    record_corporate_action(actor=system, symbol="AAPL", values=DIVIDEND)
    for values in (SPLIT, DIVIDEND, ActionValues(ActionKind.SPLIT, DAY, 2, 1)):
        with pytest.raises(Conflict):
            record_corporate_action(actor=system, symbol="AAPL", values=values)
    special = ActionValues(ActionKind.DIVIDEND, DAY, amount=Decimal(3))
    assert record_corporate_action(actor=system, symbol="AAPL", values=special).number == 2
    with pytest.raises(Conflict, match="Number 2"):
        record_corporate_action(
            actor=system, symbol="AAPL", values=ActionValues(ActionKind.DIVIDEND, DAY, amount=Decimal(3), number=2)
        )


def test_an_unknown_symbol_and_values_that_can_not_be_are_refused(system: Actor, aapl: Instrument) -> None:
    with pytest.raises(UnknownSymbol):
        record_corporate_action(actor=system, symbol="MSFT", values=SPLIT)
    with pytest.raises(InvalidInput):
        record_corporate_action(actor=system, symbol="AAPL", values=ActionValues(ActionKind.SPLIT, DAY, 1, 1))
    assert not CorporateAction.objects.exists()


def test_what_is_taken_back_stays_on_record_and_can_be_entered_anew(system: Actor, aapl: Instrument) -> None:
    wrong = record_corporate_action(actor=system, symbol="AAPL", values=ActionValues(ActionKind.SPLIT, DAY, 7, 1))
    retract_corporate_action(actor=system, action=wrong, reason="a typing error")
    record_corporate_action(actor=system, symbol="AAPL", values=SPLIT)
    wrong.refresh_from_db()
    assert wrong.retracted_at is not None
    assert wrong.new_shares == 7
    assert live() == [("AAPL", "split", "2020-08-31", 1, 4, 1, None, "")]
    assert AuditLog.objects.get(action="corporate_action.retracted").after["reason"] == "a typing error"
    with pytest.raises(Conflict):
        retract_corporate_action(actor=system, action=wrong, reason="again")


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_taking_back_needs_a_reason(system: Actor, aapl: Instrument, reason: str) -> None:
    action = record_corporate_action(actor=system, symbol="AAPL", values=SPLIT)
    with pytest.raises(InvalidInput):
        retract_corporate_action(actor=system, action=action, reason=reason)
    assert len(live()) == 1


def test_traders_and_viewers_write_nothing(
    system: Actor, aapl: Instrument, owner: User, viewer: User, actor_of: Callable[[User], Actor]
) -> None:
    action = record_corporate_action(actor=system, symbol="AAPL", values=SPLIT)
    for user in (owner, viewer):
        with pytest.raises(Forbidden):
            record_corporate_action(actor=actor_of(user), symbol="AAPL", values=DIVIDEND)
        with pytest.raises(Forbidden):
            retract_corporate_action(actor=actor_of(user), action=action, reason="mine")
        with pytest.raises(Forbidden):
            load_corporate_actions(actor=actor_of(user), source=source("AAPL,split,2014-06-09,7:1,,,,,"))
    assert len(live()) == 1


# In bulk

FOUR = [
    *("AAPL,split,2000-06-21,2:1,,,,,", "AAPL,split,2005-02-28,2,,,,,", "AAPL,split,2014-06-09,7/1,,,,,"),
    "AAPL,split,2020-08-31,4:1,,,,2020-07-30T20:30:00Z,",
]


def test_the_same_load_again_changes_nothing(system: Actor, aapl: Instrument) -> None:
    first = load(system, *FOUR)
    assert counts(first) == (4, 0, 0, 0)
    before = list(CorporateAction.objects.values())
    again = load(system, *FOUR)
    assert counts(again) == (0, 0, 4, 0)
    assert list(CorporateAction.objects.values()) == before
    batches = list(IngestBatch.objects.order_by("pk"))
    assert [batch.kind for batch in batches] == ["actions", "actions"]
    assert batches[0].digest == batches[1].digest != ""
    entries = AuditLog.objects.filter(action="actions.ingested").order_by("pk")
    assert [(entry.after["inserted"], entry.after["unchanged"]) for entry in entries] == [(4, 0), (0, 4)]
    assert entries[0].after["digest"] == batches[0].digest


def test_a_row_that_differs_takes_the_place_of_what_is_stored(system: Actor, aapl: Instrument) -> None:
    load(system, "AAPL,dividend,2020-08-07,,0.82,USD,2020-08-13,,")
    summary = load(system, "AAPL,dividend,2020-08-07,,0.83,,,,")
    assert counts(summary) == (0, 1, 0, 0)
    assert live() == [("AAPL", "dividend", "2020-08-07", 1, None, None, Decimal("0.83"), "USD")]
    old, new = CorporateAction.objects.order_by("pk")
    assert old.retracted_at == new.recorded_at
    assert new.pay_date == dt.date(2020, 8, 13), "what the row leaves open stays"


def test_a_day_can_have_a_regular_and_a_special_dividend(system: Actor, aapl: Instrument) -> None:
    two = ["AAPL,dividend,2020-08-07,,0.82,,,,", "AAPL,dividend,2020-08-07,,3,,,,"]
    assert counts(load(system, *two)) == (2, 0, 0, 0)
    assert counts(load(system, *reversed(two))) == (0, 0, 2, 0), "whatever their order"
    assert counts(load(system, "AAPL,dividend,2020-08-07,,2.5,,,,2")) == (0, 1, 0, 0)
    assert [row[3:7] for row in live()] == [(1, None, None, Decimal("0.82")), (2, None, None, Decimal("2.5"))]


def test_bad_rows_are_left_out_and_named(system: Actor, aapl: Instrument) -> None:
    summary = load(
        system,
        "AAPL,split,2020-08-31,4:1,,,,,",
        "AAPL,split,2020-08-31,2:1,,,,,",
        "MSFT,split,2020-08-31,4:1,,,,,",
        "AAPL,dividend,2020-08-07,,-1,,,,",
        "AAPL,dividend,2020-08-07,,0.82,,,,",
        "AAPL,dividend,2020-08-07,,0.82,,,,",
        "AAPL,dividend,2020-08-07",
    )
    assert counts(summary) == (2, 0, 0, 5)
    assert [(reject.line, reject.code) for reject in summary.rejects] == [
        *[(3, "duplicate"), (4, "unknown_symbol"), (5, "not_positive"), (7, "duplicate"), (8, "wrong_width")]
    ]
    assert summary.batch is not None
    assert summary.batch.read == 7


def test_abort_loads_nothing_when_a_row_is_bad(system: Actor, aapl: Instrument) -> None:
    with pytest.raises(RowsRefused) as refusal:
        load(system, *FOUR, "AAPL,split,2021-01-01,0,,,,,", on_error=OnError.ABORT)
    assert (refusal.value.read, refusal.value.rejected) == (5, 1)
    assert not CorporateAction.objects.exists()
    assert not IngestBatch.objects.exists()
