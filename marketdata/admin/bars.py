"""Bars: lists that stay quick with millions of rows.

No counting, no drill-down by date, no free sorting: the order is the unique index read
backwards, filters are on choices and date ranges, the search goes through the instrument.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter

from marketdata.admin.bar_import import DailyBarResource
from marketdata.models import DailyBar, Instrument, IntradayBar
from marketdata.services.bars import add_daily_bar, add_intraday_bar, correct_bar
from tradingsite.core.actor import Actor
from tradingsite.core.admin.base import ScopedModelAdmin
from tradingsite.core.admin.filters import DayRangeFilter, ScopedAutocompleteFilter
from tradingsite.core.admin.transfer import ExportPages, ImportPages
from tradingsite.core.timeframes import Timeframe

PRICES = ("open", "high", "low", "close", "volume")
# More than that would be a list of everything.
MOST_SEARCHED = 200


class BarAdmin(ExportPages, ScopedModelAdmin):
    """What daily and intraday bars share."""

    #: What names a bar; the rest are its numbers.
    key: tuple[str, ...]
    autocomplete_fields = ("instrument",)
    list_select_related = ("instrument",)
    sortable_by = ()
    search_fields = ("instrument__symbol",)
    search_help_text = "Beginning of the symbol"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip().upper()
        if not term:
            return queryset, False
        # The ids first: a join with LIKE would walk the whole table.
        found = Instrument.objects.filter(symbol__startswith=term).values_list("pk", flat=True)
        exact = Instrument.objects.filter(symbol=term).values_list("pk", flat=True)
        return queryset.filter(instrument_id__in=[*exact, *found[:MOST_SEARCHED]]), False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = [*super().get_readonly_fields(request, obj), "batch"]
        return fields if obj is None else [*fields, *self.key]

    def split(self, values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What names the bar, and its numbers."""
        return (
            {name: value for name, value in values.items() if name in self.key},
            {name: value for name, value in values.items() if name not in self.key},
        )


@admin.register(DailyBar)
class DailyBarAdmin(ImportPages, BarAdmin):
    """One row a session."""

    key = ("instrument", "date")
    list_display = ("instrument", "date", *PRICES, "dividends", "stock_splits")
    list_filter = (("instrument", ScopedAutocompleteFilter), ("date", RangeDateFilter))
    ordering = ("-instrument_id", "-date")
    fieldsets = (
        (None, {"fields": ("instrument", "date")}),
        ("Prices, as traded", {"fields": PRICES}),
        ("As the source said", {"fields": ("dividends", "stock_splits", "batch")}),
    )
    add_fieldsets = (
        (None, {"fields": ("instrument", "date")}),
        ("Prices, as traded", {"fields": PRICES}),
        ("As the source said", {"fields": ("dividends", "stock_splits")}),
    )
    export_fields = ("instrument__symbol", "date", *PRICES, "dividends", "stock_splits")
    import_resource = DailyBarResource
    most_imported_rows = 50_000
    # The batch says who loaded what; a line of history a bar would say it again.
    skip_admin_log = True

    def save_through_service(self, actor: Actor, obj: Any, values: dict[str, Any]) -> DailyBar:
        key, numbers = self.split(values)
        if obj is not None:
            corrected: DailyBar = correct_bar(actor=actor, bar=obj, numbers=numbers)
            return corrected
        return add_daily_bar(actor=actor, instrument=key["instrument"], date=key["date"], numbers=numbers)


@admin.register(IntradayBar)
class IntradayBarAdmin(BarAdmin):
    """One row an interval; the live buffer of days not yet sealed."""

    key = ("instrument", "timeframe", "timestamp")
    list_display = ("instrument", "timeframe", "timestamp", *PRICES, "vwap", "trade_count")
    list_filter = (
        ("instrument", ScopedAutocompleteFilter),
        ("timeframe", ChoicesDropdownFilter),
        ("timestamp", DayRangeFilter),
    )
    ordering = ("-instrument_id", "-timeframe", "-timestamp")
    fieldsets = (
        (None, {"fields": ("instrument", "timeframe", "timestamp")}),
        ("Prices, as traded", {"fields": PRICES}),
        ("As the source said", {"fields": ("vwap", "trade_count", "batch")}),
    )
    add_fieldsets = (
        (None, {"fields": ("instrument", "timeframe", "timestamp")}),
        ("Prices, as traded", {"fields": PRICES}),
        ("As the source said", {"fields": ("vwap", "trade_count")}),
    )
    export_fields = ("instrument__symbol", "timeframe", "timestamp", *PRICES, "vwap", "trade_count")

    def save_through_service(self, actor: Actor, obj: Any, values: dict[str, Any]) -> IntradayBar:
        key, numbers = self.split(values)
        if obj is not None:
            corrected: IntradayBar = correct_bar(actor=actor, bar=obj, numbers=numbers)
            return corrected
        return add_intraday_bar(
            actor=actor,
            instrument=key["instrument"],
            timeframe=Timeframe(key["timeframe"]),
            timestamp=key["timestamp"],
            numbers=numbers,
        )
