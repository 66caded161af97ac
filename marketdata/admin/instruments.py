"""Instruments: the metadata of everything that has prices."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR
from django.db.models import Case, Q, QuerySet, When
from django.http import HttpRequest
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.decorators import display

from marketdata.models import Instrument
from marketdata.services.instruments import EDITABLE, save_instrument
from tradingsite.core.actor import Actor
from tradingsite.core.admin.base import ScopedModelAdmin
from tradingsite.core.admin.transfer import ExportPages, ImportPages, ImportResource


class InstrumentResource(ImportResource):
    """A row makes an instrument, or changes the one with its symbol."""

    class Meta:
        model = Instrument
        name = "instruments"
        fields = EDITABLE
        import_id_fields = ("symbol",)
        skip_unchanged = True

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        # The stored form, so that "aapl" finds AAPL.
        row["symbol"] = str(row.get("symbol") or "").strip().upper()

    def save_row(self, actor: Actor, instance: Any, is_create: bool, values: dict[str, Any]) -> Instrument:
        return save_instrument(actor=actor, values=values, instrument=None if is_create else instance)


@admin.register(Instrument)
class InstrumentAdmin(ExportPages, ImportPages, ScopedModelAdmin):
    """Its search answers the autocompletes of all other pages."""

    list_display = ("symbol", "company_name", "asset_class", "exchange", "currency", "sector", "tradable", "simulated")
    list_filter = (
        ("asset_class", ChoicesDropdownFilter),
        ("is_active", BooleanRadioFilter),
        ("is_simulated", BooleanRadioFilter),
    )
    search_fields = ("symbol",)
    search_help_text = "Beginning of the symbol, or part of the name"
    ordering = ("symbol",)
    readonly_fields = ("created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("symbol", "company_name", "asset_class", "is_active", "is_simulated")}),
        ("Where it trades", {"fields": ("exchange", "calendar", "time_zone", "currency")}),
        ("What it is", {"fields": ("sector", "industry", "market_cap")}),
        ("How it is traded", {"fields": ("tick_size", "quantity_step", "lot_size", "multiplier")}),
        ("Record", {"fields": ("created_at", "updated_at")}),
    )
    add_fieldsets = fieldsets[:-1]
    export_fields = EDITABLE
    import_resource = InstrumentResource

    @display(description="tradable", boolean=True)
    def tradable(self, instrument: Instrument) -> bool:
        return instrument.is_tradable

    @display(description="prices", label={"simulated": "warning", "real": "success"}, ordering="is_simulated")
    def simulated(self, instrument: Instrument) -> str:
        return "simulated" if instrument.is_simulated else "real"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        # Bars, positions and orders name the instrument by its symbol.
        return fields if obj is None else [*fields, "symbol"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        begins = Q(symbol__startswith=term.upper())
        found = queryset.filter(begins | Q(company_name__icontains=term))
        if ORDER_VAR not in request.GET:
            # Who types "ms" means MSFT rather than Meta Platforms.
            found = found.order_by(Case(When(begins, then=0), default=1), "symbol")
        return found, False

    def save_through_service(self, actor: Actor, obj: Any, values: dict[str, Any]) -> Instrument:
        return save_instrument(actor=actor, values=values, instrument=obj)
