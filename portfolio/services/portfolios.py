"""Making and changing portfolios."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from accounts.services.owners import owner_for
from marketdata.calendars import is_calendar
from portfolio.models import CostMethod, Portfolio, PortfolioKind
from portfolio.services.names import clean_name
from systemevents.services.audit import changes, columns, record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, InvalidInput
from tradingsite.core.grants import Grant, require
from tradingsite.core.locking import lock
from tradingsite.core.transactions import in_transaction

if TYPE_CHECKING:
    from accounts.models import User


@in_transaction
def create_portfolio(
    *,
    actor: Actor,
    name: str,
    base_currency: str = "USD",
    kind: PortfolioKind = PortfolioKind.PAPER,
    cost_method: CostMethod = CostMethod.AVERAGE,
    calendar: str = "XNYS",
    owner: User | None = None,
) -> Portfolio:
    """Make an empty portfolio of the actor's own, or of `owner` where the software acts.

    Raises Forbidden without portfolio.add_portfolio, InvalidInput when a value is wrong,
    Conflict when the owner has a portfolio of that name.
    """
    actor.require("portfolio.add_portfolio")
    portfolio = Portfolio(
        owner=owner_for(actor, owner),
        name=clean_name(name),
        base_currency=_clean_currency(base_currency),
        kind=PortfolioKind(kind),
        cost_method=CostMethod(cost_method),
        calendar=_clean_calendar(calendar),
    )
    _save_named(portfolio)
    record_audit(actor, "portfolio.created", portfolio, after=columns(portfolio))
    return portfolio


@in_transaction
def change_portfolio(
    *, actor: Actor, portfolio: Portfolio, name: str | None = None, cost_method: CostMethod | None = None
) -> Portfolio:
    """Change a portfolio's name or cost method; None leaves one as it is.

    Raises Forbidden without portfolio.change_portfolio or the edit grant; Conflict when the owner
    has another portfolio of that name, or when the method would change the cost of what is held.
    """
    actor.require("portfolio.change_portfolio")
    require(actor, Grant.EDIT, on=portfolio)
    locked = lock(portfolio)
    before = columns(locked)
    if name is not None:
        locked.name = clean_name(name)
    if cost_method is not None and cost_method != locked.cost_method:
        if locked.positions.exists():
            raise Conflict("The cost method is fixed as soon as the portfolio has held something.")
        locked.cost_method = CostMethod(cost_method)
    was, now = changes(before, columns(locked))
    if now:
        _save_named(locked)
        record_audit(actor, "portfolio.changed", locked, before=was, after=now)
    return locked


def _clean_currency(currency: str) -> str:
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise InvalidInput.field(
            "base_currency", "Write three capital letters (ISO 4217), as in USD.", code="invalid_currency"
        )
    return currency


def _clean_calendar(calendar: str) -> str:
    if not is_calendar(calendar):
        raise InvalidInput.field(
            "calendar",
            f"{calendar[:40]!r} is not an exchange calendar; write a code such as XNYS, or 24/7.",
            code="invalid_calendar",
        )
    return calendar


def _save_named(portfolio: Portfolio) -> None:
    try:
        with transaction.atomic():
            portfolio.save()
    except IntegrityError:
        raise Conflict(f"There is already a portfolio named {portfolio.name!r}.") from None
