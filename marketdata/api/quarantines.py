"""Jumps that nothing explains, over HTTP: look, accept with a note."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketdata.api.filters import BarFilters
from marketdata.models import Quarantine
from marketdata.services.quarantines import LONGEST_NOTE, accept_quarantine
from tradingsite.core.api.filters import FlagFilter, moment_range
from tradingsite.core.api.serializers import RowSerializer, StrictSerializer, TextField
from tradingsite.core.api.viewsets import ReadOnlyScopedViewSet


class QuarantineSerializer(RowSerializer[Quarantine]):
    symbol = serializers.CharField(source="instrument.symbol")
    is_open = serializers.SerializerMethodField(help_text="Whether the instrument is quarantined by it.")
    accepted_by = serializers.CharField(source="accepted_by.username", default=None, allow_null=True)

    class Meta:
        model = Quarantine
        fields = [
            *("id", "symbol", "timeframe", "start", "close_before", "open_after", "batch", "found_at"),
            *("is_open", "accepted_at", "accepted_by", "note"),
        ]

    def get_is_open(self, quarantine: Quarantine) -> bool:
        return quarantine.accepted_at is None


class Acceptance(StrictSerializer):
    """Why the jump is a good price."""

    note = TextField(max_length=LONGEST_NOTE)


class QuarantineFilters(BarFilters):
    start, end = moment_range("start")
    open = FlagFilter(method="by_state", label="Those that hold (true), or that are accepted or lifted (false).")

    def by_state(self, queryset: QuerySet[Any], name: str, flag: bool) -> QuerySet[Any]:
        return queryset.filter(accepted_at__isnull=flag)


@extend_schema_view(
    list=extend_schema(summary="Jumps of daily prices that no corporate action explains"),
    retrieve=extend_schema(summary="One jump"),
)
class QuarantineViewSet(ReadOnlyScopedViewSet):
    model = Quarantine
    serializer_class = QuarantineSerializer
    filterset_class = QuarantineFilters
    related = ("instrument", "accepted_by")
    permissions: ClassVar[dict[str, str]] = {"accept": "marketdata.change_quarantine"}

    @extend_schema(
        summary="Accept a jump: the instrument is filled and valued again",
        request=Acceptance,
        responses={200: QuarantineSerializer},
    )
    def accept(self, request: Request, pk: str) -> Response:
        quarantine = self.get_object()
        accepted = accept_quarantine(actor=self.actor, quarantine=quarantine, **self.body(Acceptance))
        return Response(QuarantineSerializer(accepted).data)
