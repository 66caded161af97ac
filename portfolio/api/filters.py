"""What lists of portfolios and watchlists can be cut by."""

from __future__ import annotations

import django_filters

from portfolio.models import PortfolioKind
from tradingsite.core.api.filters import IdFilter, SymbolFilter, SymbolsFilter, day_range


class PortfolioFilters(django_filters.FilterSet):
    name = django_filters.CharFilter(lookup_expr="icontains", max_length=100, label="Part of the name.")
    kind = django_filters.ChoiceFilter(choices=PortfolioKind.choices)
    owner = django_filters.CharFilter(field_name="owner__username", max_length=150, label="The owner's user name.")


class PositionFilters(django_filters.FilterSet):
    symbol = SymbolFilter()
    symbols = SymbolsFilter(field_name="symbol", label="These symbols, separated by commas.")


class CashFilters(django_filters.FilterSet):
    currency = django_filters.CharFilter(max_length=3)


class PerformanceFilters(django_filters.FilterSet):
    start, end = day_range("date")


class WatchlistFilters(django_filters.FilterSet):
    name = django_filters.CharFilter(lookup_expr="icontains", max_length=100, label="Part of the name.")
    owner = django_filters.CharFilter(field_name="owner__username", max_length=150, label="The owner's user name.")
    portfolio = IdFilter()


class WatchlistItemFilters(django_filters.FilterSet):
    symbol = SymbolFilter()
