"""Splits and dividends: entered, imported, taken back with a reason; never edited."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from marketdata.actions.values import ActionValues, parse_ratio
from marketdata.admin.action_import import CorporateActionResource
from marketdata.models import ActionKind, CorporateAction
from marketdata.services.corporate_actions import (
    LONGEST_REASON,
    record_corporate_action,
    retract_corporate_action,
)
from tradingsite.core.actor import Actor
from tradingsite.core.admin.base import ScopedModelAdmin
from tradingsite.core.admin.filters import ScopedAutocompleteFilter
from tradingsite.core.admin.forms import DeskModelForm, refusal_messages
from tradingsite.core.admin.transfer import ExportPages, ImportPages
from tradingsite.core.errors import DeskError, InvalidInput
from tradingsite.core.http import admin_actor

WHAT = ("new_shares", "old_shares", "amount", "currency")


class CorporateActionForm(DeskModelForm):
    """A split by its ratio, a dividend by its amount."""

    ratio = forms.CharField(
        required=False,
        max_length=40,
        widget=UnfoldAdminTextInputWidget,
        help_text="Of a split, new shares for old ones: 4:1, 4/1, or a number such as 4 or 0.1.",
    )

    class Meta:
        model = CorporateAction
        fields = ("instrument", "kind", "ex_date", "amount", "currency", "pay_date", "known_at", "number", "source")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What nobody says is decided by the service, not by the table's defaults.
        for name in ("known_at", "number"):
            if name in self.fields:
                self.fields[name].required = False
                self.fields[name].initial = None
                self.initial.pop(name, None)

    def clean_ratio(self) -> tuple[int, int] | None:
        text = self.cleaned_data["ratio"]
        try:
            return parse_ratio(text) if text else None
        except InvalidInput as refusal:
            raise forms.ValidationError(refusal.detail) from None


class RetractionForm(forms.Form):
    """Why an action is taken back."""

    reason = forms.CharField(
        max_length=LONGEST_REASON, widget=UnfoldAdminTextInputWidget, help_text="Stands in the audit trail."
    )


@admin.register(CorporateAction)
class CorporateActionAdmin(ExportPages, ImportPages, ScopedModelAdmin):
    """What adjusts prices and positions."""

    form = CorporateActionForm
    autocomplete_fields = ("instrument",)
    list_display = ("instrument", "kind", "ex_date", "what", "pay_date", "known_at", "state")
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
    add_fieldsets = (
        (None, {"fields": ("instrument", "kind", "ex_date")}),
        ("What happened", {"fields": ("ratio", "amount", "currency", "pay_date")}),
        ("What is known", {"fields": ("known_at", "number", "source")}),
    )
    readonly_fields = ("batch", "recorded_at", "retracted_at")
    export_fields = (
        "id",
        "instrument__symbol",
        "kind",
        "ex_date",
        *WHAT,
        *("pay_date", "known_at", "number", "source", "recorded_at", "retracted_at"),
    )
    import_resource = CorporateActionResource
    most_imported_rows = 50_000
    # The batch says who loaded what; a line of history a row would say it again.
    skip_admin_log = True
    actions_detail = ("retract",)

    @display(description="what")
    def what(self, row: CorporateAction) -> str:
        if row.kind == ActionKind.SPLIT:
            return f"{row.new_shares}:{row.old_shares}"
        return f"{row.amount.normalize():f} {row.currency}" if row.amount is not None else ""

    @display(description="state", label={"holds": "success", "retracted": "danger"})
    def state(self, row: CorporateAction) -> str:
        return "holds" if row.retracted_at is None else "retracted"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.add_fieldsets if obj is None else self.fieldsets

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # It is entered and taken back; nothing else about it changes.
        return False

    def has_import_permission(self, request: HttpRequest) -> bool:
        return super().has_import_permission(request) and request.user.has_perm("marketdata.change_corporateaction")

    def save_through_service(self, actor: Actor, obj: Any, values: dict[str, Any]) -> CorporateAction:
        new, old = values.pop("ratio", None) or (None, None)
        instrument, source = values.pop("instrument"), values.pop("source", "")
        values["kind"] = ActionKind(values["kind"])
        said = ActionValues(**values, new_shares=new, old_shares=old)
        return record_corporate_action(actor=actor, symbol=instrument.symbol, values=said, source=source or "admin")

    def has_retract_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm("marketdata.change_corporateaction"):
            return False
        row = None if object_id is None else self.get_object(request, str(object_id))
        return object_id is None or (row is not None and row.retracted_at is None)

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(never_cache(self.retract_view))
        name = "marketdata_corporateaction_take_back"
        urls: list[Any] = [path("<int:action_id>/take-back/", page, name=name), *super().get_urls()]
        return urls

    @action(description="Take back…", icon="undo", url_path="retract", permissions=["retract"])
    def retract(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(f"{self.page_of(object_id).removesuffix('change/')}take-back/")

    def retract_view(self, request: HttpRequest, action_id: int) -> HttpResponse:
        """Asks why; the POST takes the action back."""
        row: CorporateAction | None = self.get_object(request, str(action_id))
        if row is None:
            raise Http404
        if not request.user.has_perm("marketdata.change_corporateaction"):
            raise PermissionDenied
        form = RetractionForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                retract_corporate_action(actor=admin_actor(request), action=row, **form.cleaned_data)
            except DeskError as refusal:
                for field, message in refusal_messages(refusal):
                    form.add_error(field if field in form.fields else None, message)
            else:
                messages.success(request, f"{row} is taken back.")
                return HttpResponseRedirect(self.page_of(row.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": "Take this action back?",
            "opts": self.opts,
            "original": row,
            "row": row,
            "form": form,
            "back_url": self.page_of(row.pk),
        }
        return TemplateResponse(request, "admin/marketdata/corporateaction/retract.html", context)
