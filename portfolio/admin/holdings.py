"""What portfolios hold and how they did: kept by the ledger, looked at here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from portfolio.models import PortfolioCash, PortfolioPerformance, PortfolioPosition
from tradingsite.core.admin.base import ReadOnlyScopedAdmin, SymbolSearchMixin
from tradingsite.core.admin.filters import ScopedRelatedFilter
from tradingsite.core.admin.numbers import EMPTY, plain_number
from tradingsite.core.admin.transfer import ExportPages
from tradingsite.core.decimals import round_money

PERCENT = Decimal("0.0001")


def percent(fraction: Decimal | None) -> str:
    """0.0123 as +1.23 %."""
    return EMPTY if fraction is None else f"{fraction.quantize(PERCENT) * 100:+.2f} %"


class HoldingAdmin(ExportPages, ReadOnlyScopedAdmin):
    """A row of a portfolio."""

    list_filter: Any = (("portfolio", ScopedRelatedFilter),)
    list_select_related = ("portfolio",)


@admin.register(PortfolioPosition)
class PortfolioPositionAdmin(SymbolSearchMixin, HoldingAdmin):
    """The holding of each symbol."""

    list_display = ("symbol", "portfolio", "quantity", "average_cost", "cost", "realised_pnl", "updated_at")
    fieldsets = (
        (None, {"fields": ("portfolio", "symbol")}),
        ("Holding", {"fields": ("quantity", "average_cost", "cost", "realised_pnl", "updated_at")}),
    )
    readonly_fields = ("average_cost",)
    export_fields = ("portfolio__name", "symbol", "quantity", "cost", "realised_pnl", "updated_at")

    @display(description="average cost")
    def average_cost(self, position: PortfolioPosition) -> str:
        return EMPTY if not position.quantity else plain_number(round_money(position.cost / position.quantity))


@admin.register(PortfolioCash)
class PortfolioCashAdmin(HoldingAdmin):
    """The balance in each currency."""

    list_display = ("portfolio", "currency", "balance")
    fieldsets = ((None, {"fields": ("portfolio", "currency", "balance")}),)
    export_fields = ("portfolio__name", "currency", "balance")


@admin.register(PortfolioPerformance)
class PortfolioPerformanceAdmin(HoldingAdmin):
    """One row a day."""

    list_display = ("date", "portfolio", "portfolio_value", "day", "year_volatility", "sharpe_ratio", "drawdown")
    list_filter = (("portfolio", ScopedRelatedFilter), ("date", RangeDateFilter))
    ordering = ("-date", "portfolio_id")
    fieldsets = (
        (None, {"fields": ("portfolio", "date", "portfolio_value")}),
        ("Figures so far", {"fields": ("daily_return", "volatility", "sharpe_ratio", "max_drawdown")}),
    )
    export_fields = (
        "portfolio__name",
        "date",
        "portfolio_value",
        "daily_return",
        "volatility",
        "sharpe_ratio",
        "max_drawdown",
    )

    @display(description="daily return", ordering="daily_return")
    def day(self, performance: PortfolioPerformance) -> str:
        return percent(performance.daily_return)

    @display(description="volatility", ordering="volatility")
    def year_volatility(self, performance: PortfolioPerformance) -> str:
        return percent(performance.volatility).lstrip("+")

    @display(description="max drawdown", ordering="max_drawdown")
    def drawdown(self, performance: PortfolioPerformance) -> str:
        return percent(performance.max_drawdown).lstrip("+")
