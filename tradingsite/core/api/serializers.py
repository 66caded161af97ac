"""Bases of the API's serializers: what comes in is taken by its word, never by a guess."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from django.db import models
from rest_framework import serializers

from tradingsite.core import symbols
from tradingsite.core.api import moments
from tradingsite.core.errors import InvalidInput
from tradingsite.core.fields import validate_digits
from tradingsite.core.text import is_storable

M = TypeVar("M", bound=models.Model)

MAX_ID = 2**63 - 1
#: Dates outside are typing errors, and some engines can't hold them.
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
_LINE_BREAKS = frozenset({"Cc", "Zl", "Zp"})


class StrictSerializer(serializers.Serializer[Any]):
    """The body of a request: a field that means nothing here is an error, not ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(set(map(str, data)) - set(self.fields))
            if unknown:
                raise serializers.ValidationError(
                    {
                        name[:40]: serializers.ErrorDetail("There is no such field here.", "unknown_field")
                        for name in unknown
                    }
                )
        return super().to_internal_value(data)


class EmptyBody(StrictSerializer):
    """The body of an action that needs none."""


class TextField(serializers.CharField):
    """One line of text; a number is not a text."""

    default_error_messages = {"not_text": "Enter a text.", "not_one_line": "Enter one line of plain text."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("not_text")
        if not is_storable(data) or any(unicodedata.category(sign) in _LINE_BREAKS for sign in data.strip()):
            self.fail("not_one_line")
        return super().to_internal_value(data)


class SymbolField(TextField):
    """A symbol in its normal form."""

    def to_internal_value(self, data: Any) -> str:
        try:
            return symbols.normalise_symbol(super().to_internal_value(data))
        except InvalidInput as error:
            raise serializers.ValidationError(error.detail, code=error.errors[0].code) from None


class ExactDecimalField(serializers.DecimalField):
    """A decimal of at most 15 significant digits, as the columns take it; text or number, never NaN."""

    def __init__(self, *, places: int = 8, max_digits: int = 18, **kwargs: Any) -> None:
        super().__init__(max_digits=max_digits, decimal_places=places, **kwargs)
        self.validators.append(validate_digits)

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        # REST framework takes "" for null.
        return (False, data) if isinstance(data, str) else super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, int | Decimal | str):
            self.fail("invalid")
        text = str(data)
        # Decimal() itself also takes Arabic digits, underscores and blanks.
        if len(text) > 64 or not _NUMBER.fullmatch(text):
            self.fail("invalid")
        return super().to_internal_value(text)


class WholeNumberField(serializers.IntegerField):
    """A whole number, not a text (REST framework reads Arabic digits) and no 1.0."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class IdField(WholeNumberField):
    """The id of a row: a number from 1."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_ID, **kwargs)


class FlagField(serializers.BooleanField):
    """true or false, nothing that could be taken for one of them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class DayField(serializers.DateField):
    """A date from 1900 to 2199, as in 2013-01-02."""

    default_error_messages = {"out_of_range": f"Enter a date from {EARLIEST} to {LATEST}."}

    def to_internal_value(self, data: Any) -> date:
        value: date = _moment_of(data, moments.parse_date)
        if not EARLIEST <= value <= LATEST:
            self.fail("out_of_range")
        return value


class MomentField(serializers.DateTimeField):
    """A moment with its time zone, from 1900 to 2199; kept in UTC."""

    default_error_messages = {"out_of_range": f"Enter a time from {EARLIEST} to {LATEST}."}

    def to_internal_value(self, data: Any) -> datetime:
        value: datetime = _moment_of(data, moments.parse_moment)
        if not EARLIEST <= value.astimezone(UTC).date() <= LATEST:
            self.fail("out_of_range")
        return value


def _moment_of(data: Any, parse: Any) -> Any:
    try:
        return parse(data if isinstance(data, str) else f"{type(data).__name__}", field="")
    except InvalidInput as error:
        raise serializers.ValidationError(error.detail, code=error.errors[0].code) from None


class PlainDecimalField(serializers.DecimalField):
    """A decimal as text without trailing zeros."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"normalize_output": True, **kwargs})


class RowSerializer(serializers.ModelSerializer[M]):
    """How a row is answered; it takes nothing in. Decimals are text."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DecimalField: PlainDecimalField,
    }

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        for field in fields.values():
            field.read_only = True
        return fields
