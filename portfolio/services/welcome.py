"""What a new user finds: a paper portfolio with cash to try orders on, and a watchlist."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.conf import settings

from accounts.models import User, UserSettings
from marketdata.models import Instrument
from portfolio.models import Portfolio, PortfolioCash, PortfolioKind
from portfolio.services.portfolios import create_portfolio
from portfolio.services.watchlists import add_symbol, create_watchlist
from systemevents.services.audit import record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.registry import Welcome
from tradingsite.core.transactions import in_transaction

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser

PORTFOLIO = "Paper"
WATCHLIST = "Default"


@in_transaction
def welcome_user(*, actor: Actor, user: User) -> None:
    """Give a user the paper portfolio with STARTING_CASH (none where that is 0) and the watchlist of DEFAULT_WATCHLIST.

    Symbols that no instrument has yet are left out: the list may be empty.
    """
    if settings.STARTING_CASH:
        portfolio = create_portfolio(
            actor=actor,
            owner=user,
            name=PORTFOLIO,
            base_currency=settings.STARTING_CURRENCY,
            kind=PortfolioKind.PAPER,
        )
        _put_cash_in(actor, portfolio)
        UserSettings.objects.filter(user=user).update(default_portfolio=portfolio)
    watchlist = create_watchlist(actor=actor, owner=user, name=WATCHLIST)
    known = set(Instrument.objects.filter(symbol__in=settings.DEFAULT_WATCHLIST).values_list("symbol", flat=True))
    for symbol in settings.DEFAULT_WATCHLIST:
        if symbol in known:
            add_symbol(actor=actor, watchlist=watchlist, symbol=symbol)


def _put_cash_in(actor: Actor, portfolio: Portfolio) -> None:
    cash = PortfolioCash.objects.create(
        portfolio=portfolio, currency=portfolio.base_currency, balance=settings.STARTING_CASH
    )
    record_audit(actor, "portfolio.opened", portfolio, after={"cash": {cash.currency: cash.balance}})


def _give(actor: Actor, user: AbstractUser) -> None:
    welcome_user(actor=actor, user=cast(User, user))


WELCOME = Welcome("portfolio", _give)
