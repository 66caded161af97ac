"""System events: what people should know of."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from systemevents.models import Severity, SystemEvent
from tradingsite.core.admin.base import ReadOnlyScopedAdmin
from tradingsite.core.admin.filters import DayRangeFilter
from tradingsite.core.admin.transfer import ExportPages


@admin.register(SystemEvent)
class SystemEventAdmin(ExportPages, ReadOnlyScopedAdmin):
    """Written by the software; seen by who may see everybody's rows."""

    list_display = ("occurred_at", "level", "event_type", "source", "description")
    list_display_links = ("occurred_at", "event_type")
    list_filter = (("severity", ChoicesDropdownFilter), ("occurred_at", DayRangeFilter))
    search_fields = ("event_type__startswith", "=source", "description")
    search_help_text = "Beginning of the type, the source, or part of the description"
    ordering = ("-id",)
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("occurred_at", "level", "event_type", "source", "description")}),
        ("For programs", {"fields": ("details",)}),
    )
    readonly_fields = ("level",)
    export_fields = ("id", "occurred_at", "severity", "event_type", "source", "description", "details")

    @display(
        description="severity",
        ordering="severity",
        label={
            Severity.DEBUG.label: "info",
            Severity.INFO.label: "info",
            Severity.WARNING.label: "warning",
            Severity.ERROR.label: "danger",
            Severity.CRITICAL.label: "danger",
        },
    )
    def level(self, event: SystemEvent) -> str:
        return str(Severity(event.severity).label)
