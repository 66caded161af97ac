"""Jumps that nothing explains: looked at, accepted with a note."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from marketdata.models import Quarantine
from marketdata.services.quarantines import LONGEST_NOTE, accept_quarantine
from tradingsite.core.admin.base import ReadOnlyScopedAdmin
from tradingsite.core.admin.filters import DayRangeFilter, ScopedAutocompleteFilter
from tradingsite.core.admin.forms import refusal_messages
from tradingsite.core.admin.transfer import ExportPages
from tradingsite.core.errors import DeskError
from tradingsite.core.http import admin_actor


class AcceptanceForm(forms.Form):
    """Why the jump is a good price."""

    note = forms.CharField(
        max_length=LONGEST_NOTE, widget=UnfoldAdminTextInputWidget, help_text="Stands beside it and in the audit trail."
    )


class OpenFilter(admin.SimpleListFilter):
    """Those that hold, or those that are over."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("over", "Accepted or lifted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("open", "over"):
            return queryset.filter(accepted_at__isnull=self.value() == "open")
        return queryset


@admin.register(Quarantine)
class QuarantineAdmin(ExportPages, ReadOnlyScopedAdmin):
    """Found by the loads; a person accepts what is right."""

    list_display = ("instrument", "start", "close_before", "open_after", "state", "found_at", "note")
    list_filter = (OpenFilter, ("instrument", ScopedAutocompleteFilter), ("start", DayRangeFilter))
    list_select_related = ("instrument",)
    search_fields = ("instrument__symbol",)
    search_help_text = "Part of the symbol"
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("instrument", "timeframe", "start", "close_before", "open_after", "state")}),
        ("Found", {"fields": ("found_at", "batch")}),
        ("Accepted", {"fields": ("accepted_at", "accepted_by", "note")}),
    )
    readonly_fields = ("state",)
    export_fields = (
        *("id", "instrument__symbol", "timeframe", "start", "close_before", "open_after"),
        *("found_at", "accepted_at", "accepted_by__username", "note"),
    )
    actions_detail = ("accept",)

    @display(description="state", label={"open": "danger", "over": "success"})
    def state(self, row: Quarantine) -> str:
        return "open" if row.accepted_at is None else "over"

    def has_accept_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm("marketdata.change_quarantine"):
            return False
        row = None if object_id is None else self.get_object(request, str(object_id))
        return object_id is None or (row is not None and row.accepted_at is None)

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(never_cache(self.accept_view))
        name = "marketdata_quarantine_let_go"
        urls: list[Any] = [path("<int:quarantine_id>/let-go/", page, name=name), *super().get_urls()]
        return urls

    @action(description="Accept…", icon="check", url_path="accept", permissions=["accept"])
    def accept(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(f"{self.page_of(object_id).removesuffix('change/')}let-go/")

    def accept_view(self, request: HttpRequest, quarantine_id: int) -> HttpResponse:
        """Asks why; the POST accepts the jump."""
        row: Quarantine | None = self.get_object(request, str(quarantine_id))
        if row is None:
            raise Http404
        if not request.user.has_perm("marketdata.change_quarantine"):
            raise PermissionDenied
        form = AcceptanceForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                accept_quarantine(actor=admin_actor(request), quarantine=row, **form.cleaned_data)
            except DeskError as refusal:
                for field, message in refusal_messages(refusal):
                    form.add_error(field if field in form.fields else None, message)
            else:
                messages.success(request, f"{row} is accepted.")
                return HttpResponseRedirect(self.page_of(row.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": "Accept this jump?",
            "opts": self.opts,
            "original": row,
            "row": row,
            "form": form,
            "back_url": self.page_of(row.pk),
        }
        return TemplateResponse(request, "admin/marketdata/quarantine/accept.html", context)
