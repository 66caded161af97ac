"""Ingest batches: where bars came from, with counts that add up."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from marketdata.models import BatchStatus, IngestBatch
from tradingsite.core.admin.base import ReadOnlyScopedAdmin
from tradingsite.core.admin.filters import DayRangeFilter
from tradingsite.core.admin.transfer import ExportPages

COUNTS = ("read", "inserted", "updated", "unchanged", "rejected")


@admin.register(IngestBatch)
class IngestBatchAdmin(ExportPages, ReadOnlyScopedAdmin):
    """Written by the ingest service only."""

    list_display = ("id", "source", "timeframe", "state", "started_at", "started_by", *COUNTS)
    list_display_links = ("id", "source")
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("timeframe", ChoicesDropdownFilter),
        ("price_basis", ChoicesDropdownFilter),
        ("started_at", DayRangeFilter),
    )
    list_select_related = ("started_by",)
    search_fields = ("source",)
    search_help_text = "Part of the source's name"
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("source", "timeframe", "price_basis", "state", "error")}),
        ("When", {"fields": ("started_at", "finished_at", "started_by")}),
        ("What became of the rows", {"fields": (*COUNTS, "digest")}),
    )
    readonly_fields = ("state",)
    export_fields = (
        "id",
        "source",
        "timeframe",
        "price_basis",
        "status",
        "started_at",
        "finished_at",
        "started_by__username",
        *COUNTS,
        "digest",
        "error",
    )

    @display(
        description="status",
        ordering="status",
        label={
            BatchStatus.FINISHED.label: "success",
            BatchStatus.RUNNING.label: "info",
            BatchStatus.FAILED.label: "danger",
        },
    )
    def state(self, batch: IngestBatch) -> str:
        return str(BatchStatus(batch.status).label)
