"""Splits and dividends."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter

from marketdata.models import CorporateAction
from tradingsite.core.admin.base import ReadOnlyScopedAdmin
from tradingsite.core.admin.filters import ScopedAutocompleteFilter
from tradingsite.core.admin.transfer import ExportPages

WHAT = ("new_shares", "old_shares", "amount", "currency")


@admin.register(CorporateAction)
class CorporateActionAdmin(ExportPages, ReadOnlyScopedAdmin):
    """What adjusts prices and positions."""

    list_display = ("instrument", "kind", "ex_date", *WHAT, "pay_date", "retracted_at")
    list_filter = (
        ("instrument", ScopedAutocompleteFilter),
        ("kind", ChoicesDropdownFilter),
        ("ex_date", RangeDateFilter),
    )
    list_select_related = ("instrument",)
    search_fields = ("instrument__symbol",)
    search_help_text = "Part of the symbol"
    ordering = ("-ex_date", "-id")
    fieldsets = (
        (None, {"fields": ("instrument", "kind", "ex_date", "number", "pay_date")}),
        ("What happened", {"fields": WHAT}),
        ("What is known", {"fields": ("known_at", "source", "batch", "recorded_at", "retracted_at")}),
    )
    export_fields = (
        "id",
        "instrument__symbol",
        "kind",
        "ex_date",
        *WHAT,
        *("pay_date", "known_at", "source", "recorded_at", "retracted_at"),
    )
