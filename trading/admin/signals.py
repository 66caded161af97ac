"""Signals: kept as they were given, so they are added and read, never changed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from import_export import fields as columns
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from portfolio.models import Portfolio
from trading.models import Signal, SignalType
from trading.services.signals import Levels, record_signal
from tradingsite.core.actor import Actor
from tradingsite.core.admin.base import ScopedModelAdmin, SymbolSearchMixin
from tradingsite.core.admin.filters import ScopedRelatedFilter
from tradingsite.core.admin.forms import DeskModelForm
from tradingsite.core.admin.numbers import EMPTY, plain_number
from tradingsite.core.admin.transfer import ExportPages, ImportPages, ImportResource
from tradingsite.core.admin.transfer.resources import VisibleRowWidget
from tradingsite.core.errors import InvalidInput

LEVELS = ("entry_price", "target_price", "stop_loss")
GIVEN = (
    "symbol",
    "date",
    "timeframe",
    "signal_type",
    "signal_value",
    "confidence",
    *LEVELS,
    "regime",
)


def record(actor: Actor, values: dict[str, Any]) -> Signal:
    """Hand the columns to the service; what was left empty is left out."""
    given = {name: value for name, value in values.items() if value not in (None, "")}
    levels = Levels(**{name: given.pop(name) for name in LEVELS if name in given})
    for name in ("symbol", "date", "signal_type"):
        if name not in given:
            raise InvalidInput.field(name, "This is needed.", code="required")
    return record_signal(actor=actor, levels=levels, **given)


class SignalResource(ImportResource):
    """Each row is a new signal of the actor's own; its portfolio is named, among those it sees."""

    portfolio = columns.Field(attribute="portfolio", column_name="portfolio")

    class Meta:
        model = Signal
        name = "signals"
        fields = (*GIVEN, "generated_at", "portfolio")
        import_id_fields = ()
        force_init_instance = True

    def __init__(self, actor: Actor | None = None, **kwargs: Any) -> None:
        super().__init__(actor, **kwargs)
        if actor is not None:
            self.fields["portfolio"].widget = VisibleRowWidget(actor, Portfolio)

    def save_row(self, actor: Actor, instance: Any, is_create: bool, values: dict[str, Any]) -> Signal:
        if values.get("signal_type"):
            values["signal_type"] = str(values["signal_type"]).upper()
        return record(actor, values)


class SignalForm(DeskModelForm):
    """Reasons are sentences, one a line, not JSON."""

    reasons = forms.CharField(
        required=False, widget=UnfoldAdminTextareaWidget, help_text="One a line.", max_length=50_000
    )

    class Meta:
        model = Signal
        fields = ("symbol",)

    def clean_reasons(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["reasons"].splitlines() if line.strip()]


@admin.register(Signal)
class SignalAdmin(SymbolSearchMixin, ExportPages, ImportPages, ScopedModelAdmin):
    """One's own signals, and those of shared portfolios."""

    form = SignalForm
    list_display = ("symbol", "date", "timeframe", "signal", "strength", *LEVELS, "owner", "portfolio")
    list_filter = (
        ("signal_type", ChoicesDropdownFilter),
        ("timeframe", ChoicesDropdownFilter),
        ("portfolio", ScopedRelatedFilter),
        ("date", RangeDateFilter),
    )
    list_select_related = ("owner", "portfolio")
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("symbol", "date", "timeframe", "generated_at", "portfolio", "owner")}),
        ("Signal", {"fields": ("signal_type", "signal_value", "confidence", "regime", "reasons_shown")}),
        ("Levels", {"fields": LEVELS}),
    )
    add_fieldsets = (
        (None, {"fields": ("symbol", "date", "timeframe", "portfolio")}),
        ("Signal", {"fields": ("signal_type", "signal_value", "confidence", "regime", "reasons")}),
        ("Levels", {"fields": LEVELS}),
    )
    export_fields = (*GIVEN, "generated_at", "portfolio__name", "owner__username")
    import_resource = SignalResource

    @display(
        description="signal",
        ordering="signal_type",
        label={SignalType.BUY: "success", SignalType.SELL: "danger", SignalType.HOLD: "info"},
    )
    def signal(self, signal: Signal) -> str:
        return str(signal.signal_type)

    @display(description="confidence", ordering="confidence")
    def strength(self, signal: Signal) -> str:
        return EMPTY if signal.confidence is None else f"{plain_number(signal.confidence)} %"

    @display(description="reasons")
    def reasons_shown(self, signal: Signal) -> str:
        return "\n".join(map(str, signal.reasons)) or EMPTY

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else [*fields, "reasons_shown"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_through_service(self, actor: Actor, obj: Any, values: dict[str, Any]) -> Signal:
        return record(actor, values)
