"""What the list of signals can be cut by."""

from __future__ import annotations

import django_filters

from trading.models import SignalType
from tradingsite.core.api.filters import IdFilter, SymbolFilter, SymbolsFilter, day_range
from tradingsite.core.timeframes import Timeframe


class SignalFilters(django_filters.FilterSet):
    symbol = SymbolFilter()
    symbols = SymbolsFilter(field_name="symbol", label="These symbols, separated by commas.")
    signal_type = django_filters.ChoiceFilter(choices=SignalType.choices)
    timeframe = django_filters.ChoiceFilter(choices=Timeframe.choices)
    portfolio = IdFilter()
    owner = django_filters.CharFilter(field_name="owner__username", max_length=150, label="The owner's user name.")
    start, end = day_range("date")
