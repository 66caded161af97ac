"""How events and the audit trail are answered."""

from __future__ import annotations

from rest_framework import serializers

from systemevents.models import AuditLog, SystemEvent
from tradingsite.core.api.serializers import RowSerializer


class SystemEventSerializer(RowSerializer[SystemEvent]):
    class Meta:
        model = SystemEvent
        fields = ["id", "occurred_at", "event_type", "severity", "source", "description", "details"]


class AuditLogSerializer(RowSerializer[AuditLog]):
    actor = serializers.CharField(source="actor_label", help_text="The actor's name at that time.")

    class Meta:
        model = AuditLog
        fields = [
            "id",
            "occurred_at",
            "actor",
            "key_id",
            "front",
            "action",
            "object_type",
            "object_id",
            "object_label",
            "before",
            "after",
            "request_id",
            "address",
        ]
