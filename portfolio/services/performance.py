"""Writing down how portfolios did."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from django.db.models import Max

from marketdata.models import DailyBar
from marketdata.services.instruments import find_instruments
from portfolio.models import Portfolio, PortfolioPerformance
from portfolio.performance import measure
from systemevents.services.audit import record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.decimals import PRICE_PLACES, SIGNIFICANT_DIGITS, round_money, round_price
from tradingsite.core.errors import InvalidInput
from tradingsite.core.grants import Grant, require
from tradingsite.core.locking import lock
from tradingsite.core.transactions import in_transaction

DatedValue = tuple[dt.date, Decimal]
_BATCH = 200
# Figures from here on do not fit their column; nothing that happens to real money is so large.
_TOO_LARGE = 10 ** (SIGNIFICANT_DIGITS - PRICE_PLACES)


@in_transaction
def record_performance(*, actor: Actor, portfolio: Portfolio, values: Sequence[DatedValue]) -> int:
    """Append end-of-day values, with the figures that follow from all days so far; answers how many were new.

    Days up to the last one that is stored stay as they are. Raises Forbidden without the trade
    grant, InvalidInput unless the dates ascend.
    """
    require(actor, Grant.TRADE, on=portfolio)
    if any(first >= second for (first, _), (second, _) in pairwise(values)):
        raise InvalidInput.field("date", "Give each day once, in ascending order.", code="not_ascending")
    portfolio = lock(portfolio)
    stored = list(portfolio.performance.order_by("date").values_list("date", "portfolio_value"))
    new = [(date, round_money(value)) for date, value in values if not stored or date > stored[-1][0]]
    if not new:
        return 0
    figures = measure(value for _, value in [*stored, *new])[len(stored) :]
    PortfolioPerformance.objects.bulk_create(
        [
            PortfolioPerformance(
                portfolio=portfolio,
                date=date,
                portfolio_value=value,
                daily_return=_column(figure.daily_return),
                volatility=_column(figure.volatility),
                sharpe_ratio=_column(figure.sharpe_ratio),
                max_drawdown=_column(figure.max_drawdown),
            )
            for (date, value), figure in zip(new, figures, strict=True)
        ],
        batch_size=_BATCH,
    )
    record_audit(
        actor,
        "performance.recorded",
        portfolio,
        after={"days": len(new), "first": new[0][0], "last": new[-1][0], "portfolio_value": new[-1][1]},
    )
    return len(new)


def value_at_closes(*, portfolio: Portfolio, start: dt.date) -> list[DatedValue]:
    """What today's positions and cash were worth at each close from `start` on, in the base currency.

    Only days on which every position's instrument has a daily bar; none at all when one of them
    has another currency. Positions are taken as they are now, so it tells the truth only for days
    since they last changed.
    """
    held = {position.symbol: position.quantity for position in portfolio.positions.exclude(quantity=0)}
    instruments = find_instruments(held)
    if len(instruments) < len(held) or any(i.currency != portfolio.base_currency for i in instruments.values()):
        return []
    balance = sum(
        (row.balance for row in portfolio.cash.filter(currency=portfolio.base_currency)),
        start=Decimal(0),
    )
    quantities = {instrument.pk: held[symbol] for symbol, instrument in instruments.items()}
    worth: defaultdict[dt.date, Decimal] = defaultdict(Decimal)
    priced: defaultdict[dt.date, int] = defaultdict(int)
    bars = DailyBar.objects.filter(instrument__in=list(quantities), date__gte=start)
    for instrument_id, date, close in bars.values_list("instrument_id", "date", "close"):
        worth[date] += quantities[instrument_id] * close
        priced[date] += 1
    return [(date, balance + worth[date]) for date in sorted(worth) if priced[date] == len(quantities)]


def last_recorded_day(portfolio: Portfolio) -> dt.date | None:
    """The last day whose performance is stored."""
    day: dt.date | None = portfolio.performance.aggregate(last=Max("date"))["last"]
    return day


def _column(figure: float | None) -> Decimal | None:
    if figure is None or abs(figure) >= _TOO_LARGE:
        return None
    return round_price(Decimal(repr(figure)))
