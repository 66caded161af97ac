"""Filters of lists: unknown names are an error, because a typo must not look like "all rows"."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request

from tradingsite.core.api.pagination import CURSOR, LIMIT
from tradingsite.core.errors import FieldError, InvalidInput

ALWAYS_KNOWN = frozenset({LIMIT, CURSOR, "format"})


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter's backend, refusing query parameters that mean nothing here."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filterset_class = self.get_filterset_class(view, queryset)
        known = set(filterset_class.base_filters) if filterset_class else set()
        refuse_unknown(request, known)
        result: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return result


def refuse_unknown(request: Request, known: set[str]) -> None:
    """Raise InvalidInput for query parameters that are not among the known ones."""
    unknown = sorted(set(request.query_params) - known - ALWAYS_KNOWN)
    if unknown:
        names = ", ".join(sorted(known | ALWAYS_KNOWN))
        raise InvalidInput(
            f"There is no parameter {unknown[0][:40]!r} here; known are {names}.",
            errors=[FieldError(name[:40], "unknown_parameter", "There is no such parameter here.") for name in unknown],
        )
