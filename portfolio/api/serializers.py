"""How portfolios and watchlists are taken in and answered."""

from __future__ import annotations

from rest_framework import serializers

from portfolio.models import (
    CostMethod,
    Portfolio,
    PortfolioCash,
    PortfolioKind,
    PortfolioPerformance,
    PortfolioPosition,
    Watchlist,
    WatchlistItem,
)
from portfolio.selectors import average_cost
from tradingsite.core.api.serializers import (
    IdField,
    PlainDecimalField,
    RowSerializer,
    StrictSerializer,
    SymbolField,
    TextField,
)


class PortfolioSerializer(RowSerializer[Portfolio]):
    owner = serializers.CharField(source="owner.username")

    class Meta:
        model = Portfolio
        fields = ["id", "owner", "name", "base_currency", "kind", "cost_method", "calendar", "created_at"]


class PortfolioChange(StrictSerializer):
    """What can be changed of a portfolio."""

    name = TextField(max_length=100)
    cost_method = serializers.ChoiceField(choices=CostMethod.choices, required=False)


class NewPortfolio(PortfolioChange):
    """A portfolio of the caller's own."""

    base_currency = TextField(max_length=3, required=False, help_text="ISO 4217; USD when left out.")
    kind = serializers.ChoiceField(choices=PortfolioKind.choices, required=False)
    calendar = TextField(max_length=32, required=False, help_text="Of its valuations; XNYS when left out.")


class PositionSerializer(RowSerializer[PortfolioPosition]):
    average_cost = serializers.SerializerMethodField(help_text="Cost of one unit; null when nothing is held.")

    class Meta:
        model = PortfolioPosition
        fields = ["id", "symbol", "quantity", "cost", "average_cost", "realised_pnl", "updated_at"]

    def get_average_cost(self, position: PortfolioPosition) -> str | None:
        average = average_cost(position)
        return (
            None if average is None else PlainDecimalField(max_digits=18, decimal_places=8).to_representation(average)
        )


class CashSerializer(RowSerializer[PortfolioCash]):
    class Meta:
        model = PortfolioCash
        fields = ["id", "currency", "balance"]


class PerformanceSerializer(RowSerializer[PortfolioPerformance]):
    class Meta:
        model = PortfolioPerformance
        fields = ["id", "date", "portfolio_value", "daily_return", "volatility", "sharpe_ratio", "max_drawdown"]


class WatchlistSerializer(RowSerializer[Watchlist]):
    owner = serializers.CharField(source="owner.username")
    symbols = serializers.SerializerMethodField(help_text="What is on it, in the order in which it was added.")

    class Meta:
        model = Watchlist
        fields = ["id", "owner", "portfolio", "name", "symbols", "created_at"]

    def get_symbols(self, watchlist: Watchlist) -> list[str]:
        return [item.symbol for item in watchlist.items.all()]


class WatchlistChange(StrictSerializer):
    """What can be changed of a watchlist."""

    name = TextField(max_length=100)


class NewWatchlist(WatchlistChange):
    """A watchlist of the caller's own."""

    portfolio = IdField(required=False, allow_null=True, help_text="Shares the list with the portfolio's members.")


class WatchlistItemSerializer(RowSerializer[WatchlistItem]):
    class Meta:
        model = WatchlistItem
        fields = ["id", "symbol", "added_at"]


class AddSymbol(StrictSerializer):
    """A symbol to put on a watchlist."""

    symbol = SymbolField()
