"""Bases of the API's serializers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from tradingsite.core import symbols
from tradingsite.core.errors import InvalidInput
from tradingsite.core.fields import validate_digits


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


class SymbolField(serializers.CharField):
    """A symbol in its normal form."""

    def to_internal_value(self, data: Any) -> str:
        try:
            return symbols.normalise_symbol(super().to_internal_value(data))
        except InvalidInput as error:
            raise serializers.ValidationError(error.detail, code=error.errors[0].code) from None


class ExactDecimalField(serializers.DecimalField):
    """A decimal of at most 15 significant digits, as the columns take it; text or number, never NaN."""

    def __init__(self, *, places: int = 8, **kwargs: Any) -> None:
        super().__init__(max_digits=18, decimal_places=places, **kwargs)
        self.validators.append(validate_digits)
