"""Ticks over HTTP: listed, taken in bulk, made into bars."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiRequest, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketdata.api.filters import BarFilters
from marketdata.api.intake import COMMON, REQUEST, RESPONSES, SUMMARY, Intake, common_options
from marketdata.models import IntradayBar, Tick
from tradingsite.core.api.filters import moment_range
from tradingsite.core.api.moments import parse_moment
from tradingsite.core.api.serializers import (
    EARLIEST,
    LATEST,
    RowSerializer,
    StrictSerializer,
    SymbolField,
    TextField,
)
from tradingsite.core.api.viewsets import Endpoint, ListViewSet
from tradingsite.core.errors import InvalidInput
from tradingsite.core.timeframes import Timeframe

_TICKS = [{"symbol": "IBM", "timestamp": "2013-10-07T13:30:00.25Z", "price": 181.52, "size": 283, "exchange": "P"}]
_CSV = "symbol,timestamp,price,size,exchange\nIBM,2013-10-07T13:30:00.25Z,181.52,283,P\n"
_BODIES: dict[str, Any] = {
    **REQUEST,
    "application/json": OpenApiRequest(
        REQUEST["application/json"], examples=[OpenApiExample("rows", value={"ticks": _TICKS})]
    ),
    "text/csv": OpenApiRequest(REQUEST["text/csv"], examples=[OpenApiExample("csv", value=_CSV)]),
}


class TickFilters(BarFilters):
    start, end = moment_range("timestamp")


class TickSerializer(RowSerializer[Tick]):
    symbol = serializers.CharField(source="instrument.symbol")

    class Meta:
        model = Tick
        fields = ["id", "symbol", "timestamp", "sequence", "price", "size", "exchange", "condition", "batch"]


@extend_schema_view(list=extend_schema(summary="Ticks of days that are not sealed yet"))
class TickViewSet(Intake, ListViewSet):
    model = Tick
    serializer_class = TickSerializer
    filterset_class = TickFilters
    keyset = ("instrument_id", "timestamp", "sequence")
    related = ("instrument",)

    @extend_schema(
        summary="Load ticks in bulk: JSON, NDJSON, CSV, Parquet or an Arrow stream",
        description=(
            "The same as `manage.py import_ticks`, with the answer of `POST bars`. Each symbol's ticks must be in the "
            "order of time; those of the same moment are told apart by their order, so cut bodies between moments. "
            "The same ticks sent again change nothing."
        ),
        parameters=COMMON,
        request=_BODIES,
        responses=RESPONSES,
    )
    def create(self, request: Request) -> HttpResponse:
        from marketdata.ingest.headers import TICK_WORDS
        from marketdata.ingest.options import LoadOptions
        from marketdata.services.ticks import load_ticks

        options = LoadOptions(**common_options(request, more=frozenset()))
        if options.create_symbols:
            self.actor.require("marketdata.add_instrument")
        return self.loaded(
            request, lambda source: load_ticks(actor=self.actor, source=source, options=options), words=TICK_WORDS
        )


class MakeBars(StrictSerializer):
    """Which ticks to make into bars."""

    symbols = serializers.ListField(child=SymbolField(), min_length=1, max_length=100)
    timeframe = serializers.ChoiceField(choices=["1m", "5m", "15m", "30m"])
    start = TextField(max_length=40, help_text="A date or a time with its zone; widened to whole days of UTC.")
    end = TextField(max_length=40, help_text="The moment after the last one; at most 31 days.")


class TickBarsView(Endpoint):
    """Bars made of stored ticks."""

    model = IntradayBar
    # Bars are loaded in steps, and making the same again changes nothing.
    never_replayed: ClassVar[frozenset[str]] = frozenset({"post"})

    @extend_schema(
        operation_id="ticks_bars_create",
        summary="Make bars of stored ticks and store them",
        description=(
            "Of the ticks of whole days (UTC), live and sealed: open, high, low, close, volume, vwap, trade count, "
            "by exact sums. Intervals that have not ended are left out. The answer counts bars; all zero without ticks."
        ),
        request=MakeBars,
        responses={200: SUMMARY},
    )
    def post(self, request: Request) -> Response:
        from marketdata.services.ticks import bars_from_ticks

        values = self.body(MakeBars)
        summary = bars_from_ticks(
            actor=self.actor,
            symbols=values["symbols"],
            timeframe=Timeframe(values["timeframe"]),
            start=limit_of(values, "start"),
            end=limit_of(values, "end"),
        )
        return Response(answer_of(summary))


def limit_of(values: dict[str, Any], name: str) -> datetime:
    """One end of the range. Raises InvalidInput for a day before or after which there are no more to count."""
    moment = parse_moment(values[name], field=name)
    if not EARLIEST <= moment.date() <= LATEST:
        raise InvalidInput.field(name, f"Enter a time from {EARLIEST} to {LATEST}.", code="out_of_range")
    return moment


def answer_of(summary: Any) -> dict[str, Any]:
    """The counts, as an intake answers them."""
    names = ("batch", "read", "inserted", "updated", "unchanged", "rejected")
    if summary is None:
        return {**dict.fromkeys(names, 0), "batch": None, "notes": [], "rejects": []}
    known = summary.as_dict()
    return {**{name: known[name] for name in names}, "notes": known["notes"], "rejects": []}
