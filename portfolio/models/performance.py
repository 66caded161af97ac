"""How a portfolio did, day by day."""

from django.db import models

from portfolio.models.portfolio import Portfolio, PortfolioRowQuerySet
from tradingsite.core.fields import MoneyField, PriceField


class PortfolioPerformance(models.Model):
    """One day's figures. A figure that is not defined yet is null, never zero."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="performance")
    date = models.DateField()
    portfolio_value = MoneyField(help_text="Positions and cash at the close, in the base currency.")
    daily_return = PriceField(null=True, help_text="Fraction: 0.01 is one percent.")
    volatility = PriceField(null=True, help_text="Annualised sample deviation of the daily returns so far.")
    sharpe_ratio = PriceField(null=True, help_text="Annualised mean excess return over its deviation, so far.")
    max_drawdown = PriceField(null=True, help_text="Deepest fall from a peak so far; 0.2 is twenty percent.")

    objects = PortfolioRowQuerySet["PortfolioPerformance"].as_manager()

    class Meta:
        db_table = "portfolio_performance"
        verbose_name = "daily performance"
        verbose_name_plural = "daily performance"
        ordering = ["portfolio_id", "date"]
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["portfolio", "date"], name="portfolio_perf_unique")]

    def __str__(self) -> str:
        return f"{self.portfolio} {self.date}"
