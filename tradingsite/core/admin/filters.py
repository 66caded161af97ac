"""Filters of lists: related ones show what the actor sees, days are half-open UTC ranges."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateFilter, RelatedDropdownFilter
from unfold.contrib.filters.forms import AutocompleteDropdownForm
from unfold.utils import parse_date_str

from tradingsite.core.admin.scope import visible_rows

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

# A select box longer than this helps nobody; use ScopedAutocompleteFilter there.
MOST_CHOICES = 200


class ScopedRelatedFilter(RelatedDropdownFilter):
    """A select box of the related rows that the actor sees.

    The list it filters is scoped as well, so that a foreign id in the query string finds what a
    missing one finds: nothing.
    """

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        return [(row.pk, str(row)) for row in visible_rows(request, field.related_model)[:MOST_CHOICES]]


class ScopedAutocompleteForm(AutocompleteDropdownForm):
    """Unfold's form, which would name any row whose id stands in the query string."""

    def __init__(self, request: HttpRequest, name: str, *args: Any, field: Any, **kwargs: Any) -> None:
        super().__init__(request, name, *args, field=field, **kwargs)
        self.fields[name].queryset = visible_rows(request, field.remote_field.model)


class ScopedAutocompleteFilter(AutocompleteSelectFilter):
    """A search box over the related rows, for tables too long for a select box."""

    form_class = ScopedAutocompleteForm


class DayRangeFilter(RangeDateFilter):
    """From a day to a day, both included, over a point in time.

    The bounds are computed here: `__date` finds nothing on a MySQL without time-zone tables.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = self._day("from"), self._day("to")
        if first is not None:
            queryset = queryset.filter(**{f"{self.parameter_name}__gte": midnight(first)})
        if last is not None and last < date.max:
            queryset = queryset.filter(**{f"{self.parameter_name}__lt": midnight(last + timedelta(days=1))})
        return queryset

    def _day(self, end: str) -> date | None:
        text = self.used_parameters.get(f"{self.parameter_name}_{end}")
        day: date | None = parse_date_str(text) if isinstance(text, str) else None
        return day


def midnight(day: date) -> datetime:
    """The first moment of a day, UTC."""
    return datetime.combine(day, time(), tzinfo=UTC)
