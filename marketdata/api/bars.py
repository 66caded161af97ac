"""The unified bars query over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from marketdata.api.bars_intake import BarsIntake
from marketdata.bars.encoding import to_arrow, to_csv, to_json_columns, to_json_rows, to_parquet
from marketdata.bars.query import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    MAX_SYMBOLS,
    Adjustment,
    BarPage,
    BarQuery,
    TradingHours,
    Unadjusted,
    decode_page_token,
)
from marketdata.calendars import EARLIEST
from marketdata.models import DailyBar
from marketdata.selectors import get_bars
from tradingsite.core.api.filters import FORMAT, refuse_unknown
from tradingsite.core.api.moments import parse_moment
from tradingsite.core.api.pagination import LIMIT, parse_limit
from tradingsite.core.errors import InvalidInput
from tradingsite.core.symbols import split_symbols
from tradingsite.core.timeframes import Timeframe, parse_timeframe

PARAMETERS = frozenset(
    {"symbols", "timeframe", "start", "end", LIMIT, "page_token", "sort", "adjustment", "asof", "sessions", FORMAT}
)

#: Of dividends in a header.
MOST_NAMED = 20


class _Encoded(BaseRenderer):
    """Stands for a format in the negotiation; the view hands over bytes."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> Any:
        return data


class JsonRows(_Encoded):
    media_type = "application/json"
    format = "json"


class JsonColumns(_Encoded):
    media_type = "application/json"
    format = "json-columns"


class Csv(_Encoded):
    media_type = "text/csv"
    format = "csv"


class Arrow(_Encoded):
    media_type = "application/vnd.apache.arrow.stream"
    format = "arrow"


class Parquet(_Encoded):
    media_type = "application/vnd.apache.parquet"
    format = "parquet"


RENDERERS = (JsonRows, JsonColumns, Csv, Arrow, Parquet)
BAR = inline_serializer(
    "BarRow",
    {
        "t": serializers.DateTimeField(help_text="Start of the bar, UTC; of a daily bar its date at the exchange."),
        "o": serializers.FloatField(),
        "h": serializers.FloatField(),
        "l": serializers.FloatField(),
        "c": serializers.FloatField(),
        "v": serializers.FloatField(allow_null=True, help_text="null where the source told none."),
    },
    many=True,
)
GAP = inline_serializer(
    "Gap",
    {
        "symbol": serializers.CharField(),
        "start": serializers.DateTimeField(help_text="First session without a bar."),
        "end": serializers.DateTimeField(help_text="Half-open: the day after the last such session."),
    },
    many=True,
)
UNADJUSTED = inline_serializer(
    "Unadjusted",
    {
        "symbol": serializers.CharField(),
        "ex_date": serializers.DateField(),
        "amount": serializers.CharField(help_text="Cash a share."),
        "reason": serializers.CharField(
            help_text="not_below_close: no less than the close before it. other_currency: not the instrument's."
        ),
    },
    many=True,
    required=False,
    help_text="Dividends that the prices could not be adjusted for; only where adjustment is not raw.",
)
ANSWER = inline_serializer(
    "Bars",
    {
        "bars": serializers.DictField(child=BAR, help_text="By symbol, in the order asked for."),
        "complete": serializers.BooleanField(help_text="Whether the whole asked range has a bar of every session."),
        "gaps": GAP,
        "next_page_token": serializers.CharField(allow_null=True, help_text="null on the last page."),
        "unadjusted": UNADJUSTED,
    },
)
COLUMNS = inline_serializer(
    "BarColumns",
    {
        "symbol": serializers.ListField(child=serializers.CharField()),
        "timestamp": serializers.ListField(child=serializers.DateTimeField()),
        **{name: serializers.ListField(child=serializers.FloatField()) for name in ("open", "high", "low", "close")},
        "volume": serializers.ListField(child=serializers.FloatField(allow_null=True)),
    },
)
_ROWS_EXAMPLE = {
    "bars": {
        "SPY": [{"t": "2013-01-02T00:00:00Z", "o": 145.11, "h": 146.15, "l": 144.73, "c": 146.06, "v": 192059000}]
    },
    "complete": True,
    "gaps": [],
    "next_page_token": None,
}
_COLUMNS_EXAMPLE = {
    "symbol": ["SPY"],
    "timestamp": ["2013-01-02T00:00:00Z"],
    "open": [145.11],
    "high": [146.15],
    "low": [144.73],
    "close": [146.06],
    "volume": [192059000],
}
_CSV_EXAMPLE = (
    "symbol,timestamp,open,high,low,close,volume\nSPY,2013-01-02T00:00:00Z,145.11,146.15,144.73,146.06,192059000\n"
)


def _parameter(name: str, description: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, more.pop("type", OpenApiTypes.STR), description=description, **more)


class BarsView(BarsIntake):
    """Bars of any symbols and timeframe, wherever they are stored."""

    model = DailyBar
    renderer_classes = list(RENDERERS)

    @extend_schema(
        operation_id="bars_list",
        summary="Bars of these symbols, this timeframe, this half-open time range",
        description=(
            "Rows are ordered by symbol and time. Every format says in its headers `Bars-Complete` (true or false) "
            "and, when another page follows, `Next-Page-Token`. `gaps` names the sessions of the whole asked range, "
            "up to the last one that is over, without any bar: by the instrument's exchange calendar; for an "
            "instrument without one, what is missing before its first and after its last bar of the range. "
            "Bars that are not stored in the asked timeframe are made of shorter ones: hours are counted from the open "
            "of the session (from midnight UTC without an exchange calendar), days by the exchange's sessions, weeks "
            "begin on Monday. The last bar may still be growing. Dividends that prices could not be adjusted for are "
            "named in `unadjusted`, in every format in the header "
            "`Bars-Unadjusted`. The formats are also chosen by `Accept`; in `arrow` "
            "(an IPC stream) and `parquet` numbers are doubles, which hold all 15 digits."
        ),
        parameters=[
            _parameter(
                "symbols",
                f"Symbols separated by commas, at most {MAX_SYMBOLS}.",
                required=True,
                examples=[OpenApiExample("two", value="SPY,IBM")],
            ),
            _parameter("timeframe", "Length of a bar.", enum=Timeframe.values, default="1d"),
            _parameter(
                "start",
                "First moment: a date (its midnight in UTC) or a time with its zone. Without it: the earliest bar.",
                examples=[
                    OpenApiExample("date", value="2013-01-01"),
                    OpenApiExample("time", value="2013-10-07T13:30:00Z"),
                ],
            ),
            _parameter(
                "end",
                "The moment after the last one, likewise. Without it: now.",
                examples=[OpenApiExample("date", value="2014-01-01")],
            ),
            _parameter(LIMIT, f"Rows a page, 1 to {MAX_LIMIT}.", type=OpenApiTypes.INT, default=DEFAULT_LIMIT),
            _parameter("page_token", "`next_page_token` of the page before, with the same parameters otherwise."),
            _parameter("sort", "Order of a symbol's rows by time.", enum=["asc", "desc"], default="asc"),
            _parameter(
                "adjustment",
                "What prices are adjusted for, as if today's splits (split), dividends (dividend) or both (all) had "
                "always been: by `corporate-actions` alone.",
                enum=[adjustment.value for adjustment in Adjustment],
                default="raw",
            ),
            _parameter(
                "asof",
                "As it stood at that moment: only bars that were over by then, adjusted by what was known then.",
                examples=[OpenApiExample("time", value="2020-08-28T21:00:00Z")],
            ),
            _parameter(
                "sessions",
                "Intraday bars of the exchange's sessions only (regular), or of before and after them too.",
                enum=[hours.value for hours in TradingHours],
                default="extended",
            ),
            _parameter(FORMAT, "Form of the answer.", enum=[form.format for form in RENDERERS], default="json"),
        ],
        responses={
            (200, "application/json"): OpenApiResponse(
                ANSWER,
                description="The bars.",
                examples=[
                    OpenApiExample("json", value=_ROWS_EXAMPLE),
                    OpenApiExample("json-columns", value=_COLUMNS_EXAMPLE),
                ],
            ),
            (200, "text/csv"): OpenApiResponse(
                OpenApiTypes.STR, description="The bars.", examples=[OpenApiExample("csv", value=_CSV_EXAMPLE)]
            ),
            (200, Arrow.media_type): OpenApiResponse(OpenApiTypes.BINARY, description="The bars."),
            (200, Parquet.media_type): OpenApiResponse(OpenApiTypes.BINARY, description="The bars."),
        },
    )
    def get(self, request: Request) -> HttpResponse:
        refuse_unknown(request, PARAMETERS)
        query = parse_query(request.query_params)
        page = get_bars(actor=self.actor, query=query)
        return _response(page, query, str(request.accepted_renderer.format))


def parse_query(parameters: Mapping[str, str]) -> BarQuery:
    """The question in the query's parameters. Raises InvalidInput naming the one that is wrong."""
    symbols = tuple(parse_symbols(parameters.get("symbols", "")))
    adjustment = parameters.get("adjustment", Adjustment.RAW)
    if adjustment not in set(Adjustment):
        raise InvalidInput.field("adjustment", "adjustment is raw, split, dividend or all.", code="invalid_adjustment")
    sort = parameters.get("sort", "asc")
    if sort not in ("asc", "desc"):
        raise InvalidInput.field("sort", "sort is asc or desc.", code="invalid_sort")
    hours = parameters.get("sessions", TradingHours.EXTENDED)
    if hours not in set(TradingHours):
        raise InvalidInput.field("sessions", "sessions is regular or extended.", code="invalid_sessions")
    start, end = (
        parse_moment(parameters[name], field=name) if parameters.get(name) else None for name in ("start", "end")
    )
    if start is not None and end is not None and end < start:
        raise InvalidInput.field("end", "end lies before start.", code="end_before_start")
    token = parameters.get("page_token")
    asof = parameters.get("asof")
    return BarQuery(
        symbols=symbols,
        timeframe=parse_timeframe(parameters.get("timeframe", Timeframe.DAY_1)),
        start=start,
        end=end,
        limit=parse_limit(parameters.get(LIMIT), DEFAULT_LIMIT, MAX_LIMIT),
        after=decode_page_token(token, symbols=symbols) if token else None,
        descending=sort == "desc",
        hours=TradingHours(hours),
        adjustment=Adjustment(adjustment),
        asof=_parse_asof(asof) if asof else None,
    )


def _parse_asof(text: str) -> datetime:
    asof = parse_moment(text, field="asof")
    if asof.date() < EARLIEST:
        raise InvalidInput.field("asof", f"Nobody has bars from before {EARLIEST:%Y}.", code="too_early")
    return asof


def parse_symbols(text: str) -> list[str]:
    """The symbols of a query, each once. Raises InvalidInput for none, too many, or what is no symbol."""
    symbols = split_symbols(text)
    if not symbols:
        raise InvalidInput.field("symbols", "Name the symbols, as in symbols=SPY,IBM.", code="required")
    if len(symbols) > MAX_SYMBOLS:
        raise InvalidInput.field("symbols", f"Ask for at most {MAX_SYMBOLS} symbols at once.", code="too_many_symbols")
    return symbols


def _response(page: BarPage, query: BarQuery, form: str) -> HttpResponse:
    match form:
        case "csv":
            content, media_type = to_csv(page), "text/csv; charset=utf-8"
        case "json-columns":
            content, media_type = to_json_columns(page), JsonColumns.media_type
        case "arrow":
            content, media_type = to_arrow(page), Arrow.media_type
        case "parquet":
            content, media_type = to_parquet(page), Parquet.media_type
        case _:
            content, media_type = to_json_rows(page, symbols=query.symbols), JsonRows.media_type
    headers = {"Bars-Complete": "true" if page.complete else "false"}
    if page.next_page_token is not None:
        headers["Next-Page-Token"] = page.next_page_token
    if page.unadjusted:
        headers["Bars-Unadjusted"] = _named(page.unadjusted)
    return HttpResponse(content, content_type=media_type, headers=headers)


def _named(unadjusted: Sequence[Unadjusted]) -> str:
    """The dividends in one header, so many that no server finds it too long."""
    names = [f"{dividend.symbol} {dividend.ex_date}" for dividend in unadjusted]
    more = [f"and {len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return ", ".join([*names[:MOST_NAMED], *more])
