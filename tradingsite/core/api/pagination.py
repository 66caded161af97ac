"""Keyset paging: a page is found by where the last one ended, however many rows came in between."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.db.models import Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from tradingsite.core.api.moments import parse_date, parse_moment
from tradingsite.core.errors import InvalidInput

LIMIT, CURSOR = "limit", "cursor"


class KeysetPagination(BasePagination):
    """Pages of `{"results": [...], "next_cursor": ...}` over the view's whole `keyset`.

    `keyset` names columns that are never null and together unique, with "-" for descending, as
    in ("-id",) or ("instrument_id", "date"). REST framework's own cursor compares only the first.
    """

    next_cursor: str | None = None

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: Any = None
    ) -> list[Any]:
        if not isinstance(queryset, QuerySet):
            raise TypeError("Keyset paging asks the database: give it a queryset.")
        keyset: tuple[str, ...] = view.keyset
        limit = parse_limit(request.query_params.get(LIMIT), settings.API_PAGE_SIZE, settings.API_MAX_PAGE_SIZE)
        queryset = queryset.order_by(*keyset)
        if text := request.query_params.get(CURSOR):
            queryset = queryset.filter(after(keyset, decode_cursor(text, keyset, queryset.model)))
        rows = list(queryset[: limit + 1])
        if len(rows) > limit:
            rows = rows[:limit]
            self.next_cursor = encode_cursor([_value(rows[-1], part.lstrip("-")) for part in keyset])
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        headers = {"Next-Cursor": self.next_cursor} if self.next_cursor else {}
        return Response({"results": data, "next_cursor": self.next_cursor}, headers=headers)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results", "next_cursor"],
            "properties": {
                "results": schema,
                "next_cursor": {
                    "type": "string",
                    "nullable": True,
                    "description": "Send it as `cursor` to get the next page; null on the last.",
                },
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": LIMIT,
                "in": "query",
                "required": False,
                "description": f"Rows a page, 1 to {settings.API_MAX_PAGE_SIZE}.",
                "schema": {"type": "integer", "default": settings.API_PAGE_SIZE},
            },
            {
                "name": CURSOR,
                "in": "query",
                "required": False,
                "description": "`next_cursor` of the page before.",
                "schema": {"type": "string"},
            },
        ]


def parse_limit(text: str | None, default: int, maximum: int) -> int:
    """How many rows; a number from 1 to `maximum`. Raises InvalidInput."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= maximum):
        raise InvalidInput.field(LIMIT, f"limit is a number from 1 to {maximum}.", code="invalid_limit")
    return int(text)


def after(keyset: tuple[str, ...], values: list[Any]) -> Q:
    """The condition for rows behind these values in the keyset's order.

    (a, b) > (x, y) is written a >= x AND (a > x OR (a = x AND b > y)): the first part lets the
    engines walk the index, the second is exact.
    """
    condition = Q()
    for depth in range(len(keyset) - 1, -1, -1):
        name, operator = keyset[depth].lstrip("-"), "lt" if keyset[depth].startswith("-") else "gt"
        beyond = Q(**{f"{name}__{operator}": values[depth]})
        condition = beyond if depth == len(keyset) - 1 else beyond | (Q(**{name: values[depth]}) & condition)
    first, operator = keyset[0].lstrip("-"), "lte" if keyset[0].startswith("-") else "gte"
    return Q(**{f"{first}__{operator}": values[0]}) & condition


def encode_cursor(values: list[Any]) -> str:
    """The last row's key as opaque text."""
    return base64.urlsafe_b64encode(orjson.dumps([_plain(value) for value in values])).decode().rstrip("=")


def decode_cursor(text: str, keyset: tuple[str, ...], model: type[models.Model]) -> list[Any]:
    """The key in a cursor, each value as its column's type. Raises InvalidInput."""
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(values, list) or len(values) != len(keyset):
            raise ValueError("another list's cursor")
        return [_as_column(_column(model, part.lstrip("-")), value) for part, value in zip(keyset, values, strict=True)]
    except (ValueError, TypeError, ValidationError, OverflowError, InvalidInput):
        raise InvalidInput.field(CURSOR, "This cursor is not one of this list's.", code="invalid_cursor") from None


def _as_column(column: models.Field[Any, Any], value: Any) -> Any:
    # Every date and time is a date to Python; a DateTimeField is a DateField to Django.
    if isinstance(column, models.DateTimeField):
        return parse_moment(_text(value), field=CURSOR)
    if isinstance(column, models.DateField):
        return parse_date(_text(value), field=CURSOR)
    if isinstance(column, models.CharField):
        return column.clean(_text(value), None)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("not a whole number")
    return column.clean(value, None)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _column(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    for part in name.split("__")[:-1]:
        model = model._meta.get_field(part).related_model  # type: ignore[assignment]  # a relation, by construction
    last = name.split("__")[-1]
    try:
        field = model._meta.get_field(last)
    except FieldDoesNotExist:
        # "instrument_id" is the column of the relation "instrument": compare it as a plain number.
        return models.BigIntegerField()
    # Only the type matters here: an unknown key is simply behind or before the others.
    if not isinstance(field, models.Field) or field.is_relation or field.primary_key:
        return models.BigIntegerField()
    return field


def _value(row: Any, name: str) -> Any:
    for part in name.split("__"):
        row = getattr(row, part)
    return row


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal | dt.date) else value
