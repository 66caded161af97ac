"""Seals over the audit trail: how far it is sealed, and by what it is verified."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from unfold.decorators import display

from systemevents.models import AuditSeal
from systemevents.selectors import MOST_WAITING, seal_state
from tradingsite.core.admin.base import ReadOnlyScopedAdmin
from tradingsite.core.admin.filters import DayRangeFilter
from tradingsite.core.admin.transfer import ExportPages
from tradingsite.core.http import admin_actor


@admin.register(AuditSeal)
class AuditSealAdmin(ExportPages, ReadOnlyScopedAdmin):
    """Seen by who may see the whole trail; made by `manage.py audit seal` only."""

    list_display = ("number", "sealed_at", "entries", "first_id", "last_id", "short_digest")
    list_display_links = ("number", "sealed_at")
    list_filter = (("sealed_at", DayRangeFilter),)
    list_before_template = "admin/systemevents/auditseal/state.html"
    ordering = ("-number",)
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("number", "sealed_at", "entries", "first_id", "last_id", "ranges")}),
        ("Proof", {"fields": ("digest", "key_name", "previous", "code", "closed_through", "version")}),
    )
    export_fields = (
        "number",
        "sealed_at",
        "entries",
        "first_id",
        "last_id",
        "closed_through",
        "digest",
        "key_name",
        "previous",
        "code",
    )

    @display(description="digest")
    def short_digest(self, seal: AuditSeal) -> str:
        return f"{seal.digest[:16]}…"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The table has no permissions of its own: it says something about the whole trail.
        return bool(request.user.has_perm("systemevents.view_auditlog")) and admin_actor(request).sees_everything

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditSeal]:
        # 80 kB of fingerprints each, which no page shows.
        seals: QuerySet[AuditSeal] = super().get_queryset(request)
        return seals.defer("fingerprints")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        state = seal_state() if self.has_view_permission(request) else None
        context = {"state": state, "most_waiting": MOST_WAITING, "has_seal_key": bool(settings.AUDIT_SEAL_KEY)}
        return super().changelist_view(request, {**(extra_context or {}), **context})  # type: ignore[no-any-return]  # unfold's
