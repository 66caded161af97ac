"""What lists of market data can be cut by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from marketdata.models import AssetClass, Instrument
from marketdata.models.bar import INTRADAY_CHOICES
from marketdata.models.batch import BatchStatus
from marketdata.services.instruments import find_instruments
from tradingsite.core.api.filters import (
    FlagFilter,
    SymbolFilter,
    SymbolPrefixFilter,
    SymbolsFilter,
    day_range,
    moment_range,
)
from tradingsite.core.timeframes import Timeframe


class InstrumentFilters(django_filters.FilterSet):
    symbol = SymbolFilter(label="Exactly this symbol.")
    symbols = SymbolsFilter(field_name="symbol", label="These symbols, separated by commas.")
    symbol__startswith = SymbolPrefixFilter(field_name="symbol", label="Symbols that begin so.")
    search = django_filters.CharFilter(method="by_text", max_length=100, label="Part of the symbol or the name.")
    asset_class = django_filters.ChoiceFilter(choices=AssetClass.choices)
    exchange = django_filters.CharFilter(max_length=32)
    calendar = django_filters.CharFilter(max_length=32)
    currency = django_filters.CharFilter(max_length=3)
    sector = django_filters.CharFilter(max_length=100)
    is_active = FlagFilter()
    is_simulated = FlagFilter()

    def by_text(self, queryset: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        return queryset.filter(Q(symbol__icontains=text) | Q(company_name__icontains=text))


class BarFilters(django_filters.FilterSet):
    """The instruments are looked up first: a condition on their ids walks the bars' own index."""

    symbol = SymbolFilter(method="by_symbol", label="Bars of this symbol.")
    symbols = SymbolsFilter(method="by_symbols", label="Bars of these symbols, separated by commas.")

    def by_symbol(self, queryset: QuerySet[Any], name: str, symbol: str) -> QuerySet[Any]:
        instrument = Instrument.objects.filter(symbol=symbol).first()
        return queryset.none() if instrument is None else queryset.filter(instrument_id=instrument.pk)

    def by_symbols(self, queryset: QuerySet[Any], name: str, symbols: Sequence[str]) -> QuerySet[Any]:
        found = find_instruments(symbols)
        return queryset.filter(instrument_id__in=sorted(instrument.pk for instrument in found.values()))


class DailyBarFilters(BarFilters):
    start, end = day_range("date")


class IntradayBarFilters(BarFilters):
    timeframe = django_filters.ChoiceFilter(choices=INTRADAY_CHOICES)
    start, end = moment_range("timestamp")


class IngestBatchFilters(django_filters.FilterSet):
    timeframe = django_filters.ChoiceFilter(choices=Timeframe.choices)
    status = django_filters.ChoiceFilter(choices=BatchStatus.choices)
    source = django_filters.CharFilter(lookup_expr="icontains", max_length=255, label="Part of the source's name.")
    start, end = moment_range("started_at")
