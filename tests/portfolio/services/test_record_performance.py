"""Writing down how a portfolio did."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest

from accounts.models import User
from portfolio.models import PortfolioPerformance
from portfolio.services.performance import last_recorded_day, record_performance, value_at_closes
from systemevents.models import AuditLog
from tests.factories import (
    DailyBarFactory,
    InstrumentFactory,
    PortfolioCashFactory,
    PortfolioFactory,
    PortfolioMemberFactory,
    PortfolioPositionFactory,
)
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Forbidden, InvalidInput

MONDAY, TUESDAY, WEDNESDAY = (dt.date(2026, 11, day) for day in (16, 17, 18))


def test_days_are_stored_with_their_figures(system: Actor, db: None) -> None:
    portfolio = PortfolioFactory.create()
    values = [(MONDAY, Decimal("100")), (TUESDAY, Decimal("110")), (WEDNESDAY, Decimal("99"))]
    assert record_performance(actor=system, portfolio=portfolio, values=values) == 3
    first, _, last = PortfolioPerformance.objects.order_by("date")
    assert (first.daily_return, first.volatility, first.sharpe_ratio) == (None, None, None)
    assert (last.daily_return, last.volatility) == (Decimal("-0.1"), Decimal("2.24499443"))
    assert (last.sharpe_ratio, last.max_drawdown) == (Decimal("0"), Decimal("0.1"))
    assert last_recorded_day(portfolio) == WEDNESDAY


def test_days_that_are_stored_stay_and_later_ones_build_on_them(system: Actor, db: None) -> None:
    portfolio = PortfolioFactory.create()
    record_performance(actor=system, portfolio=portfolio, values=[(MONDAY, Decimal("100")), (TUESDAY, Decimal("110"))])
    again = [(TUESDAY, Decimal("1")), (WEDNESDAY, Decimal("99"))]
    assert record_performance(actor=system, portfolio=portfolio, values=again) == 1
    assert list(portfolio.performance.order_by("date").values_list("portfolio_value", flat=True)) == [100, 110, 99]
    assert portfolio.performance.get(date=WEDNESDAY).daily_return == Decimal("-0.1")


def test_one_audit_entry_tells_of_all_days(system: Actor, db: None) -> None:
    portfolio = PortfolioFactory.create()
    values = [(MONDAY, Decimal("100")), (TUESDAY, Decimal("110"))]
    record_performance(actor=system, portfolio=portfolio, values=values)
    record_performance(actor=system, portfolio=portfolio, values=values)
    entry = AuditLog.objects.get(action="performance.recorded")
    assert entry.after == {"days": 2, "first": "2026-11-16", "last": "2026-11-17", "portfolio_value": "110.0000"}


def test_days_must_ascend(system: Actor, db: None) -> None:
    portfolio = PortfolioFactory.create()
    with pytest.raises(InvalidInput):
        record_performance(actor=system, portfolio=portfolio, values=[(MONDAY, Decimal(1)), (MONDAY, Decimal(2))])
    assert not PortfolioPerformance.objects.exists()


def test_who_only_sees_a_portfolio_may_not_write_its_performance(
    other_user: User, actor_of: Callable[[User], Actor]
) -> None:
    portfolio = PortfolioFactory.create()
    PortfolioMemberFactory.create(portfolio=portfolio, user=other_user, grant="view")
    with pytest.raises(Forbidden):
        record_performance(actor=actor_of(other_user), portfolio=portfolio, values=[(MONDAY, Decimal(1))])
    assert not PortfolioPerformance.objects.exists()


def test_a_figure_too_large_for_its_column_is_left_out(system: Actor, db: None) -> None:
    portfolio = PortfolioFactory.create()
    values = [(MONDAY, Decimal("0.0001")), (TUESDAY, Decimal("99999999999"))]
    record_performance(actor=system, portfolio=portfolio, values=values)
    assert portfolio.performance.get(date=TUESDAY).daily_return is None


def test_the_value_is_positions_at_the_close_and_cash(db: None) -> None:
    portfolio = PortfolioFactory.create()
    PortfolioCashFactory.create(portfolio=portfolio, balance=Decimal("1000"))
    PortfolioCashFactory.create(portfolio=portfolio, currency="EUR", balance=Decimal("7"))
    for symbol, quantity in (("AAA", "10"), ("BBB", "-2"), ("GONE", "0")):
        PortfolioPositionFactory.create(portfolio=portfolio, symbol=symbol, quantity=Decimal(quantity), cost=0)
    one, other = InstrumentFactory.create(symbol="AAA"), InstrumentFactory.create(symbol="BBB")
    for instrument in (one, other):
        DailyBarFactory.create(instrument=instrument, date=MONDAY, close=Decimal("11"))
        DailyBarFactory.create(instrument=instrument, date=TUESDAY, close=Decimal("12"))
    # Not every position has a close on this day, so it has no value.
    DailyBarFactory.create(instrument=one, date=WEDNESDAY)
    assert value_at_closes(portfolio=portfolio, start=MONDAY) == [(MONDAY, Decimal(1088)), (TUESDAY, Decimal(1096))]
    assert value_at_closes(portfolio=portfolio, start=TUESDAY) == [(TUESDAY, Decimal(1096))]


def test_positions_in_another_currency_have_no_value_here(db: None) -> None:
    portfolio = PortfolioFactory.create()
    PortfolioPositionFactory.create(portfolio=portfolio, symbol="AAA")
    DailyBarFactory.create(instrument=InstrumentFactory.create(symbol="AAA", currency="EUR"), date=MONDAY)
    assert value_at_closes(portfolio=portfolio, start=MONDAY) == []
