"""Signals over HTTP."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portfolio.models import Portfolio
from trading.api.filters import SignalFilters
from trading.api.serializers import NewSignal, SignalSerializer
from trading.models import Signal
from trading.services.signals import Levels, record_signal
from tradingsite.core.api.viewsets import ReadOnlyScopedViewSet


@extend_schema_view(
    list=extend_schema(summary="Signals: one's own and those of one's portfolios"),
    retrieve=extend_schema(summary="One signal"),
)
class SignalViewSet(ReadOnlyScopedViewSet):
    model = Signal
    serializer_class = SignalSerializer
    filterset_class = SignalFilters
    related = ("owner",)

    @extend_schema(summary="Write a signal down", request=NewSignal, responses={201: SignalSerializer})
    def create(self, request: Request) -> Response:
        values = self.body(NewSignal)
        pk = values.pop("portfolio", None)
        portfolio = None if pk is None else self.named(Portfolio, pk, field="portfolio")
        levels = Levels(**{name: values.pop(name, None) for name in ("entry_price", "target_price", "stop_loss")})
        signal = record_signal(actor=self.actor, portfolio=portfolio, levels=levels, **values)
        return Response(SignalSerializer(signal).data, status=201)
