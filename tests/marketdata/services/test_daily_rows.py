"""Dividends and splits in the columns of daily rows feed the corporate actions."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from marketdata.actions.values import ActionValues
from marketdata.models import ActionKind, CorporateAction, PriceBasis
from marketdata.services.corporate_actions import record_corporate_action, retract_corporate_action
from systemevents.models import AuditLog
from tests.factories import InstrumentFactory
from tests.marketdata.ingest.bars import load
from tradingsite.core.actor import Actor

pytestmark = pytest.mark.django_db

HEADER = "Date,Open,High,Low,Close,Volume,Dividends,Stock_Splits"
PLAIN = "2020-08-06,100,101,99,100,1000,0,0"
PAYS = "2020-08-07,100,101,99,100,1000,0.82,0"
SPLITS = "2020-08-31,25,26,24,25,1000,0,4"


@pytest.fixture(autouse=True)
def spy() -> None:
    InstrumentFactory.create(symbol="SPY")


def rows(*lines: str, **options: Any) -> Any:
    return load("\n".join([HEADER, *lines]), price_basis=options.pop("price_basis", PriceBasis.RAW), **options)


def live() -> list[tuple[Any, ...]]:
    columns = ("kind", "ex_date", "number", "new_shares", "old_shares", "amount", "currency")
    found = CorporateAction.objects.filter(retracted_at=None).order_by("ex_date", "kind", "number")
    return [(kind, str(day), *rest) for kind, day, *rest in found.values_list(*columns)]


BOTH = [
    ("dividend", "2020-08-07", 1, None, None, Decimal("0.82"), "USD"),
    ("split", "2020-08-31", 1, 4, 1, None, ""),
]


def test_numbers_above_zero_become_actions_with_the_batch_as_their_source() -> None:
    summary = rows(PLAIN, PAYS, SPLITS)
    assert live() == BOTH
    assert {(action.batch, action.source) for action in CorporateAction.objects.all()} == {(summary.batch, "test")}
    entry = AuditLog.objects.get(action="actions.taken_over")
    assert entry.object_id == str(summary.batch.pk)
    assert entry.after["inserted"] == 2


def test_the_same_rows_again_add_nothing() -> None:
    rows(PLAIN, PAYS, SPLITS)
    before = list(CorporateAction.objects.values())
    rows(PLAIN, PAYS, SPLITS)
    assert list(CorporateAction.objects.values()) == before
    assert AuditLog.objects.filter(action="actions.taken_over").count() == 1


def test_zero_one_and_nothing_are_no_action() -> None:
    rows(PLAIN, "2020-08-10,100,101,99,100,1000,,1", "2020-08-11,100,101,99,100,1000,0,")
    assert live() == []


def test_a_row_that_differs_replaces_what_came_from_rows() -> None:
    rows(PAYS)
    rows(PAYS.replace("0.82", "0.83"))
    assert [row[5] for row in live()] == [Decimal("0.83")]
    assert CorporateAction.objects.count() == 2


def test_what_somebody_entered_stands(system: Actor) -> None:
    entered = ActionValues(ActionKind.DIVIDEND, dt.date(2020, 8, 7), amount=Decimal("0.9"))
    record_corporate_action(actor=system, symbol="SPY", values=entered)
    rows(PAYS)
    assert [row[5] for row in live()] == [Decimal("0.9")]


def test_what_was_taken_back_is_not_entered_again(system: Actor) -> None:
    rows(PAYS)
    retract_corporate_action(actor=system, action=CorporateAction.objects.get(), reason="it never was")
    rows(PAYS)
    assert live() == []
    rows(PAYS.replace("0.82", "0.83"))
    assert [row[5] for row in live()] == [Decimal("0.83")], "another amount is another matter"


def test_two_dividends_of_a_day_are_the_sum_that_a_row_says(system: Actor) -> None:
    for amount in ("0.5", "0.32"):
        values = ActionValues(ActionKind.DIVIDEND, dt.date(2020, 8, 7), amount=Decimal(amount))
        record_corporate_action(actor=system, symbol="SPY", values=values)
    rows(PAYS)
    assert [row[5] for row in live()] == [Decimal("0.5"), Decimal("0.32")]


def test_dividends_beside_adjusted_prices_are_in_other_shares_and_not_taken_over() -> None:
    rows(PAYS, SPLITS, price_basis=PriceBasis.SPLIT)
    assert live() == BOTH[1:]


def test_an_instrument_made_by_the_load_has_its_actions_without_a_currency() -> None:
    load(f"symbol,{HEADER}\nNEW,{PAYS}", price_basis=PriceBasis.RAW)
    assert live() == [(*BOTH[0][:6], "")]
