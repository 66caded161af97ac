"""Portfolios with what they hold, and watchlists."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portfolio.api.filters import (
    CashFilters,
    PerformanceFilters,
    PortfolioFilters,
    PositionFilters,
    WatchlistFilters,
    WatchlistItemFilters,
)
from portfolio.api.serializers import (
    AddSymbol,
    CashSerializer,
    NewPortfolio,
    NewWatchlist,
    PerformanceSerializer,
    PortfolioChange,
    PortfolioSerializer,
    PositionSerializer,
    WatchlistChange,
    WatchlistItemSerializer,
    WatchlistSerializer,
)
from portfolio.models import (
    Portfolio,
    PortfolioCash,
    PortfolioPerformance,
    PortfolioPosition,
    Watchlist,
    WatchlistItem,
)
from portfolio.services.portfolios import change_portfolio, create_portfolio
from portfolio.services.watchlists import (
    add_symbol,
    create_watchlist,
    delete_watchlist,
    remove_symbol,
    rename_watchlist,
)
from tradingsite.core.api.conditional import ConditionalMixin, if_match
from tradingsite.core.api.viewsets import ListViewSet, ReadOnlyScopedViewSet
from tradingsite.core.errors import InvalidInput, NotFound
from tradingsite.core.symbols import normalise_symbol


@extend_schema_view(
    list=extend_schema(summary="Portfolios: one's own and those shared with one"),
    retrieve=extend_schema(summary="One portfolio"),
)
class PortfolioViewSet(ConditionalMixin, ReadOnlyScopedViewSet):
    model = Portfolio
    serializer_class = PortfolioSerializer
    filterset_class = PortfolioFilters
    related = ("owner",)

    @extend_schema(summary="Make a portfolio", request=NewPortfolio, responses={201: PortfolioSerializer})
    def create(self, request: Request) -> Response:
        portfolio = create_portfolio(actor=self.actor, **self.body(NewPortfolio))
        return Response(PortfolioSerializer(portfolio).data, status=201)

    @extend_schema(summary="Change a portfolio", request=PortfolioChange, responses=PortfolioSerializer)
    @if_match
    def partial_update(self, request: Request, pk: str) -> Response:
        portfolio = self.get_object()
        values = self.body(PortfolioChange, partial=True)
        return Response(PortfolioSerializer(change_portfolio(actor=self.actor, portfolio=portfolio, **values)).data)


class PortfolioPartViewSet(ListViewSet):
    """A list of what belongs to the portfolio in the path."""

    def get_queryset(self) -> QuerySet[Any]:
        queryset = super().get_queryset()
        if self.is_documented:
            return queryset
        return queryset.filter(portfolio=self.visible(Portfolio, self.kwargs["pk"]))


@extend_schema_view(list=extend_schema(summary="Positions of a portfolio"))
class PositionViewSet(PortfolioPartViewSet):
    model = PortfolioPosition
    serializer_class = PositionSerializer
    filterset_class = PositionFilters
    keyset = ("symbol",)


@extend_schema_view(list=extend_schema(summary="Cash of a portfolio, by currency"))
class CashViewSet(PortfolioPartViewSet):
    model = PortfolioCash
    serializer_class = CashSerializer
    filterset_class = CashFilters
    keyset = ("currency",)


@extend_schema_view(list=extend_schema(summary="Performance of a portfolio, day by day"))
class PerformanceViewSet(PortfolioPartViewSet):
    model = PortfolioPerformance
    serializer_class = PerformanceSerializer
    filterset_class = PerformanceFilters
    keyset = ("date",)


@extend_schema_view(
    list=extend_schema(summary="Watchlists: one's own and those shared with one"),
    retrieve=extend_schema(summary="One watchlist with its symbols"),
)
class WatchlistViewSet(ConditionalMixin, ReadOnlyScopedViewSet):
    model = Watchlist
    serializer_class = WatchlistSerializer
    filterset_class = WatchlistFilters
    related = ("owner",)
    prefetched = ("items",)

    @extend_schema(summary="Make a watchlist", request=NewWatchlist, responses={201: WatchlistSerializer})
    def create(self, request: Request) -> Response:
        values = self.body(NewWatchlist)
        pk = values.pop("portfolio", None)
        portfolio = None if pk is None else self.named(Portfolio, pk, field="portfolio")
        watchlist = create_watchlist(actor=self.actor, portfolio=portfolio, **values)
        return Response(WatchlistSerializer(watchlist).data, status=201)

    @extend_schema(summary="Rename a watchlist", request=WatchlistChange, responses=WatchlistSerializer)
    @if_match
    def partial_update(self, request: Request, pk: str) -> Response:
        watchlist = self.get_object()
        values = self.body(WatchlistChange, partial=True)
        return Response(WatchlistSerializer(rename_watchlist(actor=self.actor, watchlist=watchlist, **values)).data)

    @extend_schema(summary="Drop a watchlist with what is on it", responses={204: None})
    @if_match
    def destroy(self, request: Request, pk: str) -> Response:
        delete_watchlist(actor=self.actor, watchlist=self.get_object())
        return Response(status=204)


@extend_schema_view(list=extend_schema(summary="What is on a watchlist"))
class WatchlistItemViewSet(ListViewSet):
    model = WatchlistItem
    serializer_class = WatchlistItemSerializer
    filterset_class = WatchlistItemFilters
    keyset = ("id",)

    @property
    def watchlist(self) -> Watchlist:
        """The list in the path."""
        return self.visible(Watchlist, self.kwargs["pk"])

    def get_queryset(self) -> QuerySet[Any]:
        queryset = super().get_queryset()
        return queryset if self.is_documented else queryset.filter(watchlist=self.watchlist)

    @extend_schema(summary="Put a symbol on a watchlist", request=AddSymbol, responses={201: WatchlistItemSerializer})
    def create(self, request: Request, pk: str) -> Response:
        watchlist = self.watchlist
        item = add_symbol(actor=self.actor, watchlist=watchlist, symbol=self.body(AddSymbol)["symbol"])
        return Response(WatchlistItemSerializer(item).data, status=201)

    @extend_schema(summary="Take a symbol off a watchlist", responses={204: None})
    def destroy(self, request: Request, pk: str, symbol: str) -> Response:
        watchlist = self.watchlist
        try:
            symbol = normalise_symbol(symbol)
        except InvalidInput:
            raise NotFound from None
        remove_symbol(actor=self.actor, watchlist=watchlist, symbol=symbol)
        return Response(status=204)
