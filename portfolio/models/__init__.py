from portfolio.models.performance import PortfolioPerformance
from portfolio.models.portfolio import CostMethod, Portfolio, PortfolioKind, PortfolioMember
from portfolio.models.position import PortfolioCash, PortfolioPosition
from portfolio.models.watchlist import Watchlist, WatchlistItem

__all__ = [
    "CostMethod",
    "Portfolio",
    "PortfolioCash",
    "PortfolioKind",
    "PortfolioMember",
    "PortfolioPerformance",
    "PortfolioPosition",
    "Watchlist",
    "WatchlistItem",
]
