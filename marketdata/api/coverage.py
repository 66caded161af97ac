"""The latest bar of each symbol, and what is stored of it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketdata.api.bars import parse_symbols
from marketdata.bars.coverage import MOST_NAMED, LatestBar, by_symbol
from marketdata.bars.encoding import rows_of
from marketdata.bars.query import MAX_SYMBOLS, SymbolBars, utc_text
from marketdata.models import DailyBar
from marketdata.selectors import STORED, get_coverage, get_latest_bars
from tradingsite.core.api.filters import refuse_unknown
from tradingsite.core.api.viewsets import Endpoint
from tradingsite.core.errors import InvalidInput
from tradingsite.core.timeframes import Timeframe, parse_timeframe

_SYMBOLS = OpenApiParameter(
    "symbols",
    description=f"Symbols separated by commas, at most {MAX_SYMBOLS}.",
    required=True,
    examples=[OpenApiExample("two", value="SPY,IBM")],
)
_NUMBERS = {name: serializers.FloatField() for name in "ohlc"}
_LATEST = inline_serializer(
    "LatestBars",
    {
        "bars": serializers.DictField(
            help_text="By symbol; null where nothing is stored.",
            child=inline_serializer(
                "LatestBar",
                {
                    "t": serializers.DateTimeField(help_text="Start of the bar, UTC."),
                    **_NUMBERS,
                    "v": serializers.FloatField(allow_null=True),
                    "available_at": serializers.DateTimeField(help_text="The moment from which on it can be used."),
                    "final": serializers.BooleanField(help_text="Whether it is over; until then it may grow."),
                },
                allow_null=True,
            ),
        )
    },
)
_COVERAGE = inline_serializer(
    "BarCoverage",
    {
        "coverage": serializers.DictField(
            help_text="By symbol, the shortest timeframe first; an empty list where nothing is stored.",
            child=inline_serializer(
                "StoredBars",
                {
                    "timeframe": serializers.ChoiceField(choices=Timeframe.choices),
                    "first": serializers.DateTimeField(help_text="Start of the first bar."),
                    "last": serializers.DateTimeField(help_text="Start of the last bar."),
                    "count": serializers.IntegerField(
                        help_text="Bars. A late one of a sealed day counts beside the sealed one until it is sealed."
                    ),
                    "missing_sessions": serializers.IntegerField(
                        allow_null=True,
                        help_text="Sessions without any bar between the first and the last one; null without an "
                        "exchange calendar. A session inside of a sealed stretch counts as there.",
                    ),
                    "missing": serializers.ListField(
                        child=serializers.DateField(), help_text=f"The first {MOST_NAMED} of them."
                    ),
                },
                many=True,
            ),
        )
    },
)


class LatestBarsView(Endpoint):
    """The last bar of each symbol."""

    model = DailyBar

    @extend_schema(
        operation_id="bars_latest",
        summary="The last bar of each symbol",
        description="Over or not: `final` says it. Made of shorter bars where the timeframe is not stored.",
        parameters=[
            _SYMBOLS,
            OpenApiParameter("timeframe", description="Length of a bar.", enum=Timeframe.values, default="1d"),
        ],
        responses=_LATEST,
    )
    def get(self, request: Request) -> Response:
        refuse_unknown(request, {"symbols", "timeframe"})
        symbols = parse_symbols(request.query_params.get("symbols", ""))
        timeframe = parse_timeframe(request.query_params.get("timeframe", Timeframe.DAY_1))
        latest = get_latest_bars(actor=self.actor, symbols=symbols, timeframe=timeframe)
        return Response({"bars": {bar.symbol: _row(bar) for bar in latest}})


class CoverageView(Endpoint):
    """What is stored of each symbol."""

    model = DailyBar

    @extend_schema(
        operation_id="bars_coverage",
        summary="What is stored of each symbol: first and last bar, how many, missing sessions",
        parameters=[
            _SYMBOLS,
            OpenApiParameter(
                "timeframe", description="Only this one, else all that are stored.", enum=[t.value for t in STORED]
            ),
        ],
        responses=_COVERAGE,
    )
    def get(self, request: Request) -> Response:
        refuse_unknown(request, {"symbols", "timeframe"})
        symbols = parse_symbols(request.query_params.get("symbols", ""))
        text = request.query_params.get("timeframe")
        timeframes = [parse_timeframe(text)] if text else list(STORED)
        if not set(timeframes) <= set(STORED):
            raise InvalidInput.field(
                "timeframe", "Weeks and months are not stored: they are made of days.", code="timeframe_not_stored"
            )
        found = get_coverage(actor=self.actor, symbols=symbols, timeframes=timeframes)
        return Response({"coverage": by_symbol(found, symbols)})


def _row(bar: LatestBar) -> dict[str, Any] | None:
    if bar.available_at is None:
        return None
    (row,) = rows_of(SymbolBars(bar.symbol, bar.series))
    return {**row, "available_at": utc_text(bar.available_at), "final": bar.final}
