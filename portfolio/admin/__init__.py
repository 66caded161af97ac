"""Portfolios and watchlists in the admin."""

from portfolio.admin.holdings import PortfolioCashAdmin, PortfolioPerformanceAdmin, PortfolioPositionAdmin
from portfolio.admin.portfolios import PortfolioAdmin
from portfolio.admin.watchlists import WatchlistAdmin

__all__ = [
    "PortfolioAdmin",
    "PortfolioCashAdmin",
    "PortfolioPerformanceAdmin",
    "PortfolioPositionAdmin",
    "WatchlistAdmin",
]
