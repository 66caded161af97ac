"""Reading portfolios."""

from __future__ import annotations

from decimal import Decimal

from portfolio.models import PortfolioPosition
from tradingsite.core.decimals import round_price


def average_cost(position: PortfolioPosition) -> Decimal | None:
    """What one unit cost, in the instrument's currency, to 8 places; None when nothing is held."""
    return round_price(position.cost / position.quantity) if position.quantity else None
