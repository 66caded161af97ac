"""Decimals as people read them: without the zeros that the column's scale adds."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

from django import forms
from django.contrib.admin import display
from django.db.models import DecimalField, Model

from tradingsite.core.fields import MoneyField, PriceField

EMPTY = "-"


def plain_number(value: Decimal | None, *, grouped: bool = False, least_places: int = 0) -> str:
    """145.11000000 as 145.11, and 1E+2 as 100; grouped 1234567.5 as 1,234,567.5; with two places 95 as 95.00."""
    if value is None:
        return EMPTY
    whole, _, places = format(value, ",f" if grouped else "f").partition(".")
    places = places.rstrip("0").ljust(least_places, "0")
    return f"{whole}.{places}" if places else whole


def trimmed(contents: Any) -> Any:
    """A read-only field's text without trailing zeros; anything that is no number as it is."""
    text = str(contents)
    whole, point, places = text.partition(".")
    if not (point and places.isdigit() and whole.lstrip("-").isdigit()):
        return contents
    return text.rstrip("0").rstrip(".")


@cache
def decimal_column(model: type[Model], name: str) -> Callable[[Any], str]:
    """A list column of a decimal field."""
    field: Any = model._meta.get_field(name)
    # Money and prices are read in cents.
    least_places = 2 if isinstance(field, MoneyField | PriceField) else 0

    @display(description=field.verbose_name, ordering=name)
    def column(row: Model) -> str:
        return plain_number(getattr(row, name), grouped=True, least_places=least_places)

    column.__name__ = name
    return column


def readable_columns(model: type[Model], names: Any) -> list[Any]:
    """`list_display` with every decimal field shown as a plain number."""
    decimals = decimal_names(model)
    return [decimal_column(model, name) if name in decimals else name for name in names]


@cache
def decimal_names(model: type[Model]) -> frozenset[str]:
    """The names of a model's decimal fields."""
    return frozenset(field.name for field in model._meta.concrete_fields if isinstance(field, DecimalField))


class PlainDecimalField(forms.DecimalField):
    """A form field that shows 145.11000000 as 145.11."""

    def prepare_value(self, value: Any) -> Any:
        return plain_number(value) if isinstance(value, Decimal) else value
