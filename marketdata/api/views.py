"""Lists of market data, and the instruments."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from marketdata.api.filters import DailyBarFilters, IngestBatchFilters, InstrumentFilters, IntradayBarFilters
from marketdata.api.serializers import (
    DailyBarSerializer,
    IngestBatchSerializer,
    InstrumentChange,
    InstrumentSerializer,
    IntradayBarSerializer,
    NewInstrument,
)
from marketdata.models import DailyBar, IngestBatch, Instrument, IntradayBar
from marketdata.services.instruments import save_instrument
from tradingsite.core.api.conditional import ConditionalMixin, if_match
from tradingsite.core.api.viewsets import ReadOnlyScopedViewSet
from tradingsite.core.errors import InvalidInput, NotFound
from tradingsite.core.symbols import normalise_symbol


@extend_schema_view(
    list=extend_schema(summary="Instruments"),
    retrieve=extend_schema(summary="One instrument, by its symbol (a slash in it may stay as it is)"),
)
class InstrumentViewSet(ConditionalMixin, ReadOnlyScopedViewSet):
    model = Instrument
    serializer_class = InstrumentSerializer
    filterset_class = InstrumentFilters
    keyset = ("symbol",)
    lookup_field = "symbol"

    def get_object(self) -> Instrument:
        try:
            symbol = normalise_symbol(self.kwargs["symbol"])
        except InvalidInput:
            raise NotFound from None
        instrument: Instrument | None = self.get_queryset().filter(symbol=symbol).first()
        if instrument is None:
            raise NotFound
        return instrument

    @extend_schema(summary="Make an instrument", request=NewInstrument, responses={201: InstrumentSerializer})
    def create(self, request: Request) -> Response:
        instrument = save_instrument(actor=self.actor, values=self.body(NewInstrument))
        return Response(InstrumentSerializer(instrument).data, status=201)

    @extend_schema(summary="Change an instrument", request=InstrumentChange, responses=InstrumentSerializer)
    @if_match
    def partial_update(self, request: Request, symbol: str) -> Response:
        instrument = self.get_object()
        values: dict[str, Any] = self.body(InstrumentChange, partial=True)
        changed = save_instrument(actor=self.actor, values=values, instrument=instrument)
        return Response(InstrumentSerializer(changed).data)


@extend_schema_view(list=extend_schema(summary="Daily bars"), retrieve=extend_schema(summary="One daily bar"))
class DailyBarViewSet(ReadOnlyScopedViewSet):
    model = DailyBar
    serializer_class = DailyBarSerializer
    filterset_class = DailyBarFilters
    keyset = ("instrument_id", "date")
    related = ("instrument",)


@extend_schema_view(list=extend_schema(summary="Intraday bars"), retrieve=extend_schema(summary="One intraday bar"))
class IntradayBarViewSet(ReadOnlyScopedViewSet):
    model = IntradayBar
    serializer_class = IntradayBarSerializer
    filterset_class = IntradayBarFilters
    keyset = ("instrument_id", "timeframe", "timestamp")
    related = ("instrument",)


@extend_schema_view(list=extend_schema(summary="Loads of bars"), retrieve=extend_schema(summary="One load of bars"))
class IngestBatchViewSet(ReadOnlyScopedViewSet):
    model = IngestBatch
    serializer_class = IngestBatchSerializer
    filterset_class = IngestBatchFilters
    related = ("started_by",)
