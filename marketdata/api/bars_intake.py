"""Bars in bulk over HTTP: the POST beside the unified query."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiRequest, extend_schema
from rest_framework.request import Request

from marketdata.api.intake import COMMON, REQUEST, RESPONSES, Intake, choice, common_options
from tradingsite.core.errors import InvalidInput
from tradingsite.core.timeframes import INTRADAY, Timeframe, parse_timeframe

_MORE = frozenset({"timeframe", "prices", "bar_label"})
_ROWS = [{"symbol": "SPY", "timestamp": "2013-01-02", "open": 145.11, "high": 146.15, "low": 144.73, "close": 146.06}]
_COLUMNS = {name: [value] for name, value in _ROWS[0].items()}
_CSV = "symbol,timestamp,open,high,low,close,volume\nSPY,2013-01-02,145.11,146.15,144.73,146.06,192059000\n"
_BODIES: dict[str, Any] = {
    **REQUEST,
    "application/json": OpenApiRequest(
        REQUEST["application/json"],
        examples=[
            OpenApiExample("rows", value={"bars": _ROWS}),
            OpenApiExample("by symbol", value={"bars": {"SPY": [{"t": "2013-01-02", "o": 1, "h": 1, "l": 1, "c": 1}]}}),
            OpenApiExample("columns", value=_COLUMNS),
        ],
    ),
    "text/csv": OpenApiRequest(REQUEST["text/csv"], examples=[OpenApiExample("csv", value=_CSV)]),
}


class BarsIntake(Intake):
    """Takes bars in any form in which they are answered."""

    @extend_schema(
        operation_id="bars_create",
        summary="Load bars in bulk: JSON, NDJSON, CSV, Parquet or an Arrow stream",
        description=(
            "The same as `manage.py import_bars`: each row is checked, bad ones are left out and named (the first "
            "100), and the same bars sent again change nothing. The whole body is read before the first bar is "
            "written. Bars are then written in steps of about 100,000, each of them whole or not at all; with "
            "`on_error=abort` all rows are checked before."
        ),
        parameters=[
            OpenApiParameter(
                "timeframe", enum=["1d", *INTRADAY], required=True, description="Length of the bars; a day or less."
            ),
            OpenApiParameter(
                "prices",
                enum=["raw", "split", "all"],
                description="How the prices are adjusted; needed for rows as yfinance and Stooq write them.",
            ),
            OpenApiParameter(
                "bar_label",
                enum=["start", "end"],
                default="start",
                description="Which end of its interval an intraday bar's time is.",
            ),
            *COMMON,
        ],
        request=_BODIES,
        responses=RESPONSES,
    )
    def post(self, request: Request) -> HttpResponse:
        from marketdata.ingest.options import BarLabel, LoadOptions
        from marketdata.ingest.tables import bar_table
        from marketdata.models.batch import PriceBasis
        from marketdata.services.ingest import load_bars

        parameters = request.query_params
        options = common_options(request, more=_MORE)
        if not parameters.get("timeframe"):
            raise InvalidInput.field("timeframe", "Name the bars' timeframe, as in timeframe=1m.", code="required")
        timeframe: Timeframe = parse_timeframe(parameters["timeframe"])
        table = bar_table(timeframe)
        # Before the body is read: it may be long.
        self.actor.require(table.permission)
        if options["create_symbols"]:
            self.actor.require("marketdata.add_instrument")
        prices = parameters.get("prices")
        load = LoadOptions(
            **options,
            price_basis=PriceBasis(choice(parameters, "prices", PriceBasis.values, "raw")) if prices else None,
            bar_label=BarLabel(choice(parameters, "bar_label", BarLabel.values, "start")),
        )
        return self.loaded(
            request,
            lambda source: load_bars(actor=self.actor, source=source, timeframe=timeframe, options=load),
        )
