"""Filters of lists: unknown names are an error, because a typo must not look like "all rows"."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request

from tradingsite.core.api.moments import parse_date, parse_moment
from tradingsite.core.api.pagination import CURSOR, LIMIT
from tradingsite.core.api.serializers import MAX_ID
from tradingsite.core.errors import FieldError, InvalidInput
from tradingsite.core.symbols import normalise_symbol, split_symbols

FORMAT = "format"
ALWAYS_KNOWN = frozenset({LIMIT, CURSOR, FORMAT})


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter's backend, refusing query parameters that mean nothing here."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filterset_class = self.get_filterset_class(view, queryset)
        known = set(filterset_class.base_filters) if filterset_class else set()
        refuse_unknown(request, known | ALWAYS_KNOWN)
        result: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return result


def refuse_unknown(request: Request, known: set[str] | frozenset[str]) -> None:
    """Raise InvalidInput for query parameters that are not among the known ones, or stand twice."""
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        names = ", ".join(sorted(known))
        raise InvalidInput(
            f"There is no parameter {unknown[0][:40]!r} here; known are {names}.",
            errors=[FieldError(name[:40], "unknown_parameter", "There is no such parameter here.") for name in unknown],
        )
    for name, values in request.query_params.lists():
        if len(values) > 1:
            raise InvalidInput.field(name, f"{name} stands {len(values)} times.", code="repeated_parameter")


class ParsedField(forms.CharField):
    """A form field whose text one function understands, or refuses with InvalidInput."""

    def __init__(self, *, parse: Callable[[str], Any], **kwargs: Any) -> None:
        self.parse = parse
        super().__init__(**kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return self.parse(text)
        except InvalidInput as error:
            # As a parameter: django-filter takes a % in the message itself for a place to fill.
            raise ValidationError("%(detail)s", params={"detail": error.detail}, code=error.errors[0].code) from None


class ParsedFilter(django_filters.CharFilter):
    """A filter on what `parse` makes of the text; empty text does not filter."""

    field_class = ParsedField

    @staticmethod
    def parse(text: str) -> Any:
        raise NotImplementedError

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, parse=type(self).parse, **kwargs)


class SymbolFilter(ParsedFilter):
    """One symbol, however it is typed."""

    parse = staticmethod(normalise_symbol)


class SymbolPrefixFilter(ParsedFilter):
    """The beginning of a symbol."""

    parse = staticmethod(normalise_symbol)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, lookup_expr="startswith", **kwargs)


class SymbolsFilter(ParsedFilter):
    """Several symbols, separated by commas."""

    parse = staticmethod(split_symbols)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, lookup_expr="in", **kwargs)


class IdFilter(ParsedFilter):
    """The id of a row."""

    @staticmethod
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= MAX_ID):
            raise InvalidInput.field("", f"{text[:40]!r} is not an id.", code="invalid_id")
        return int(text)


class FlagFilter(ParsedFilter):
    """true or false."""

    @staticmethod
    def parse(text: str) -> bool:
        if text not in ("true", "false"):
            raise InvalidInput.field("", "Write true or false.", code="invalid_flag")
        return text == "true"


class DayFilter(ParsedFilter):
    """A date, as in 2013-01-02."""

    @staticmethod
    def parse(text: str) -> date:
        return parse_date(text, field="")


class MomentFilter(ParsedFilter):
    """A moment: a date (its midnight in UTC) or a time with its zone."""

    @staticmethod
    def parse(text: str) -> datetime:
        return parse_moment(text, field="")


def day_range(column: str) -> tuple[DayFilter, DayFilter]:
    """`start, end` over a column of dates, half-open."""
    return (
        DayFilter(field_name=column, lookup_expr="gte", label="The first date."),
        DayFilter(field_name=column, lookup_expr="lt", label="The date after the last one."),
    )


def moment_range(column: str) -> tuple[MomentFilter, MomentFilter]:
    """`start, end` over a column of times, half-open."""
    return (
        MomentFilter(field_name=column, lookup_expr="gte", label="From this moment on."),
        MomentFilter(field_name=column, lookup_expr="lt", label="Until just before this moment."),
    )
