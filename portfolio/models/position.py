"""What a portfolio holds: cash by currency, positions by symbol."""

from django.db import models
from django.db.models import Q

from portfolio.models.portfolio import Portfolio, PortfolioRowQuerySet
from tradingsite.core.fields import MoneyField, QuantityField, SymbolField


class PortfolioCash(models.Model):
    """The balance in one currency."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="cash")
    currency = models.CharField(max_length=3, help_text="ISO 4217, as in USD.")
    balance = MoneyField(default=0)

    objects = PortfolioRowQuerySet["PortfolioCash"].as_manager()

    class Meta:
        db_table = "portfolio_cash"
        verbose_name = "cash balance"
        ordering = ["portfolio_id", "currency"]
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["portfolio", "currency"], name="portfolio_cash_unique")]

    def __str__(self) -> str:
        return f"{self.balance} {self.currency}"


class PortfolioPosition(models.Model):
    """The holding of one symbol. The average cost is derived for display, never stored."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="positions")
    symbol = SymbolField()
    quantity = QuantityField(help_text="Units held; below zero when short.")
    cost = MoneyField(help_text="What the units held cost, in the instrument's currency.")
    realised_pnl = MoneyField("realised P&L", default=0)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PortfolioRowQuerySet["PortfolioPosition"].as_manager()

    class Meta:
        db_table = "portfolio_positions"
        verbose_name = "position"
        ordering = ["portfolio_id", "symbol"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "symbol"], name="portfolio_positions_unique"),
            # Nothing held costs nothing: the last sale takes the remainder of the cost with it.
            models.CheckConstraint(condition=~Q(quantity=0) | Q(cost=0), name="portfolio_positions_closed"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} {self.symbol}"
