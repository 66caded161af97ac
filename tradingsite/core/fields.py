"""Model fields that mean the same on every engine."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from tradingsite.core import decimals, symbols
from tradingsite.core.errors import InvalidInput


def validate_digits(value: Decimal) -> None:
    """Refuse what SQLite would corrupt: more than 15 significant digits, NaN, infinities."""
    if not value.is_finite():
        raise ValidationError("Enter a number, not %(value)s.", code="not_finite", params={"value": value})
    if decimals.significant_digits(value) > decimals.SIGNIFICANT_DIGITS:
        raise ValidationError(
            "Enter at most %(limit)s significant digits.",
            code="too_many_digits",
            params={"limit": decimals.SIGNIFICANT_DIGITS},
        )


class ExactDecimalField(models.DecimalField):  # type: ignore[type-arg]  # generic in the stubs only
    """A decimal whose value reads back equal from SQLite, PostgreSQL and MySQL.

    More than 15 significant digits, NaN and infinities are refused when the value is
    validated and again when it is saved, so that no path around forms can lose a digit.
    """

    places = decimals.PRICE_PLACES
    default_validators = [validate_digits]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_digits"] = 18
        kwargs["decimal_places"] = self.places
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_digits"], kwargs["decimal_places"]
        return name, path, args, kwargs

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        # Expressions (F, Case) pass: they name stored values.
        if value is not None and not hasattr(value, "as_sql"):
            value = self.to_python(value)
            for validator in self.validators:
                validator(value)
        return super().get_db_prep_save(value, connection)


class PriceField(ExactDecimalField):
    """A price: up to 10 digits before the point, 8 behind."""


class QuantityField(ExactDecimalField):
    """A quantity: up to 10 digits before the point, 8 behind."""


class VolumeField(ExactDecimalField):
    """A traded volume: up to 12 digits before the point, 6 behind."""

    places = decimals.VOLUME_PLACES


class MoneyField(ExactDecimalField):
    """An amount of money: up to 14 digits before the point, 4 behind."""

    places = decimals.MONEY_PLACES


class SymbolField(models.CharField):  # type: ignore[type-arg]  # generic in the stubs only
    """An instrument's symbol, in its normal form whatever was typed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = symbols.MAX_LENGTH
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_length"]
        return name, path, args, kwargs

    def clean(self, value: Any, model_instance: models.Model | None) -> str:
        try:
            value = symbols.normalise_symbol(str(value))
        except InvalidInput as error:
            raise ValidationError(error.detail, code=error.errors[0].code) from None
        return str(super().clean(value, model_instance))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = symbols.normalise_symbol(str(super().pre_save(model_instance, add)))
        setattr(model_instance, self.attname, value)
        return value


def name_key(name: str) -> str:
    """The form in which two names are the same: case, width and outer blanks do not matter.

    Stored beside the name and made unique there, because the engines' collations disagree
    on what is equal (`docs/databases.md`).
    """
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()


class NameKeyField(models.CharField):  # type: ignore[type-arg]  # generic in the stubs only
    """The case-folded form of a sibling field, kept in step on every save."""

    def __init__(self, *args: Any, source: str = "name", **kwargs: Any) -> None:
        self.source = source
        kwargs.setdefault("max_length", 200)
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["editable"]
        if self.source != "name":
            kwargs["source"] = self.source
        return name, path, args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = name_key(getattr(model_instance, self.source))
        setattr(model_instance, self.attname, value)
        return value
