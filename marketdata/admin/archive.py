"""The manifest of the archive: which file holds which days."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display

from marketdata.models import ArchivePartition, PartitionStatus
from tradingsite.core.admin.base import ReadOnlyScopedAdmin
from tradingsite.core.admin.transfer import ExportPages

COLUMNS = ("kind", "timeframe", "first_day", "last_day", "version")


@admin.register(ArchivePartition)
class ArchivePartitionAdmin(ExportPages, ReadOnlyScopedAdmin):
    """Written by `rollover` and `archive compact` only."""

    list_display = (*COLUMNS, "state", "rows", "size", "sealed_at")
    list_display_links = ("kind", "timeframe", "first_day")
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("timeframe", ChoicesDropdownFilter),
        ("status", ChoicesDropdownFilter),
        ("first_day", RangeDateFilter),
    )
    search_fields = ("path",)
    search_help_text = "Part of the path"
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (*COLUMNS, "state", "path")}),
        ("The file", {"fields": ("rows", "size", "sha256", "digest", "schema_version")}),
        ("When", {"fields": ("sealed_at", "superseded_at", "superseded_by")}),
    )
    readonly_fields = ("state",)
    export_fields = (
        "id",
        *COLUMNS,
        "status",
        "path",
        *("rows", "size", "sha256", "digest", "schema_version"),
        *("sealed_at", "superseded_at", "superseded_by__path"),
    )

    @display(
        description="status",
        ordering="status",
        label={PartitionStatus.CURRENT.label: "success", PartitionStatus.SUPERSEDED.label: "info"},
    )
    def state(self, partition: ArchivePartition) -> str:
        return str(PartitionStatus(partition.status).label)
