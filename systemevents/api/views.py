"""What happened, and who did what; read only."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view

from systemevents.api.filters import AuditLogFilters, SystemEventFilters
from systemevents.api.serializers import AuditLogSerializer, SystemEventSerializer
from systemevents.models import AuditLog, SystemEvent
from tradingsite.core.api.viewsets import ReadOnlyScopedViewSet


@extend_schema_view(list=extend_schema(summary="System events"), retrieve=extend_schema(summary="One system event"))
class SystemEventViewSet(ReadOnlyScopedViewSet):
    model = SystemEvent
    serializer_class = SystemEventSerializer
    filterset_class = SystemEventFilters


@extend_schema_view(
    list=extend_schema(summary="The audit trail: one's own part of it, or all for administrators"),
    retrieve=extend_schema(summary="One entry of the audit trail"),
)
class AuditLogViewSet(ReadOnlyScopedViewSet):
    model = AuditLog
    serializer_class = AuditLogSerializer
    filterset_class = AuditLogFilters

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """As everywhere; what is cut by time is also read by time.

        PostgreSQL takes ids and times for unrelated, and would look for an old day from the newest id down.
        """
        if any(self.request.query_params.get(end) for end in ("start", "end")):
            self.keyset = ("-occurred_at", "-id")
        return super().filter_queryset(queryset)
