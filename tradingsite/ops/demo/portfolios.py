"""The demo's portfolios and watchlist."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from accounts.models import User
from marketdata.models import DailyBar
from portfolio.models import Portfolio, PortfolioCash, PortfolioKind, PortfolioPosition, Watchlist
from portfolio.services.members import share_portfolio
from portfolio.services.performance import last_recorded_day, record_performance, value_at_closes
from portfolio.services.portfolios import create_portfolio
from portfolio.services.watchlists import add_symbol, create_watchlist
from systemevents.services.audit import plain, record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.decimals import round_money
from tradingsite.core.errors import Conflict
from tradingsite.core.grants import Grant
from tradingsite.ops.demo.instruments import SIMULATED
from tradingsite.ops.demo.parts import LONG_TERM, PAPER, WATCHLIST, find_made, mark_made

CURRENCY = "USD"
PAPER_CASH = Decimal("10000")
LONG_TERM_CASH = Decimal("15000")
HOLDINGS = {
    "AAPL": Decimal("40"),
    "JPM": Decimal("60"),
    "MSFT": Decimal("25"),
    "NVDA": Decimal("90"),
    "V": Decimal("30"),
}
#: Who sees the long-term portfolio beside its owner, so that every login has something to look at.
SHARED_WITH = {"analyst": Grant.VIEW, "trader": Grant.TRADE, "viewer": Grant.VIEW}
_YEAR = dt.timedelta(days=365)


def make_paper_portfolio(actor: Actor, owner: User) -> None:
    """A paper portfolio with cash to try orders on, once; none for who has one, as new users do (STARTING_CASH)."""
    if find_made(PAPER):
        return
    if Portfolio.objects.filter(owner=owner, kind=PortfolioKind.PAPER).exists():
        mark_made(actor, PAPER, None)
        return
    portfolio = _create_portfolio(actor, owner, name="Paper trading", kind=PortfolioKind.PAPER)
    if portfolio is not None:
        _give(actor, portfolio, cash=PAPER_CASH)
    mark_made(actor, PAPER, portfolio)


def make_watchlist(actor: Actor, owner: User) -> None:
    """A watchlist of the simulated shares, once."""
    if find_made(WATCHLIST):
        return
    watchlist: Watchlist | None = None
    try:
        watchlist = create_watchlist(actor=actor, owner=owner, name="Large caps")
    except Conflict:
        pass  # a list of that name is a person's own
    else:
        for symbol in SIMULATED:
            add_symbol(actor=actor, watchlist=watchlist, symbol=symbol)
    mark_made(actor, WATCHLIST, watchlist)


def make_long_term_portfolio(actor: Actor, owner: User) -> None:
    """A portfolio with positions bought a year ago at the closes of that day, shared with the other logins; once."""
    if find_made(LONG_TERM):
        return
    costs = _closes_a_year_ago(HOLDINGS)
    portfolio = None
    if costs:
        portfolio = _create_portfolio(actor, owner, name="Long-term", kind=PortfolioKind.RECORDED)
    if portfolio is not None:
        _give(actor, portfolio, cash=LONG_TERM_CASH, costs=costs)
        for user in User.objects.filter(username__in=SHARED_WITH, is_active=True):
            share_portfolio(actor=actor, portfolio=portfolio, username=user.username, grant=SHARED_WITH[user.username])
    mark_made(actor, LONG_TERM, portfolio, **({} if portfolio is None else {"holds": _holdings(portfolio)}))


def extend_performance(actor: Actor) -> int:
    """Value the long-term portfolio at every close since the last valuation, a year back at first; how many days.

    Not any more once somebody changed what it holds: then its past can't be told from its present.
    """
    made = find_made(LONG_TERM)
    portfolio = Portfolio.objects.filter(pk=made.object_id).first() if made and made.object_id else None
    if made is None or portfolio is None or plain(_holdings(portfolio)) != made.after["holds"]:
        return 0
    last = last_recorded_day(portfolio)
    start = _bought_on(HOLDINGS) if last is None else last + dt.timedelta(days=1)
    if start is None:
        return 0
    return record_performance(
        actor=actor, portfolio=portfolio, values=value_at_closes(portfolio=portfolio, start=start)
    )


def _create_portfolio(actor: Actor, owner: User, *, name: str, kind: PortfolioKind) -> Portfolio | None:
    """The new portfolio; None when the owner has one of that name, which is a person's own."""
    try:
        return create_portfolio(actor=actor, owner=owner, name=name, base_currency=CURRENCY, kind=kind)
    except Conflict:
        return None


def _give(actor: Actor, portfolio: Portfolio, *, cash: Decimal, costs: dict[str, Decimal] | None = None) -> None:
    """Opening balances, with one audit entry."""
    PortfolioCash.objects.create(portfolio=portfolio, currency=CURRENCY, balance=cash)
    PortfolioPosition.objects.bulk_create(
        [
            PortfolioPosition(portfolio=portfolio, symbol=symbol, quantity=HOLDINGS[symbol], cost=cost)
            for symbol, cost in (costs or {}).items()
        ]
    )
    record_audit(actor, "portfolio.opened", portfolio, after=_holdings(portfolio))


def _holdings(portfolio: Portfolio) -> dict[str, dict[str, str]]:
    """Quantities and balances, in a form that is the same on every engine."""
    return {
        "positions": {p.symbol: f"{p.quantity.normalize():f}" for p in portfolio.positions.order_by("symbol")},
        "cash": {c.currency: f"{c.balance.normalize():f}" for c in portfolio.cash.order_by("currency")},
    }


def _closes_a_year_ago(holdings: dict[str, Decimal]) -> dict[str, Decimal]:
    """What the holdings cost at the closes of the day they were bought; nothing when not all had one."""
    day = _bought_on(holdings)
    if day is None:
        return {}
    bars = DailyBar.objects.filter(instrument__symbol__in=list(holdings), date=day)
    closes = dict(bars.values_list("instrument__symbol", "close"))
    if len(closes) < len(holdings):
        return {}
    return {symbol: round_money(quantity * closes[symbol]) for symbol, quantity in holdings.items()}


def _bought_on(holdings: dict[str, Decimal]) -> dt.date | None:
    """The first session in the last year of daily bars."""
    dates = DailyBar.objects.filter(instrument__symbol__in=list(holdings)).order_by("date").values_list("date")
    last = dates.last()
    first = None if last is None else dates.filter(date__gte=last[0] - _YEAR).first()
    return None if first is None else first[0]
