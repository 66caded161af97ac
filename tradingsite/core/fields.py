"""Model fields that mean the same on every engine."""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import DecimalValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Aggregate, Value
from django.db.models.expressions import CombinedExpression

from tradingsite.core import decimals, symbols
from tradingsite.core.errors import InvalidInput
from tradingsite.core.text import is_storable

MAX_JSON_DEPTH = 20
MAX_DIGITS = 18


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


def validate_json(value: Any) -> None:
    """Refuse what some engine can't hold: NUL, lone surrogates, NaN, depth over 20."""
    stack = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if isinstance(item, str):
            if not is_storable(item):
                raise ValidationError("Remove the characters that are no text.", code="not_text")
        elif isinstance(item, float):
            if not math.isfinite(item):
                raise ValidationError("Enter a number, not %(value)s.", code="not_finite", params={"value": item})
        elif isinstance(item, dict | list | tuple):
            if depth > MAX_JSON_DEPTH:
                raise ValidationError("This is nested too deeply.", code="too_deep")
            inner = [*item.keys(), *item.values()] if isinstance(item, dict) else item
            stack.extend((part, depth + 1) for part in inner)


class ExactDecimalField(models.DecimalField):  # type: ignore[type-arg]  # generic in the stubs only
    """A decimal whose value reads back equal from SQLite, PostgreSQL and MySQL.

    More than 15 significant digits, NaN and infinities are refused when the value is
    validated and again when it is saved, so that no path around forms can lose a digit; so is
    arithmetic by the database, which SQLite does in doubles.
    """

    places = decimals.PRICE_PLACES
    default_validators = [validate_digits]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_digits"] = MAX_DIGITS
        kwargs["decimal_places"] = self.places
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_digits"], kwargs["decimal_places"]
        return name, path, args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        refuse_arithmetic(self, value)
        return value

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        # Look-ups come through here too. SQLite and MySQL would round a longer number before they
        # compare, or fail on it; PostgreSQL would not.
        value = value if prepared else self.get_prep_value(value)
        if isinstance(value, Decimal):
            validate_digits(value)
            DecimalValidator(self.max_digits, self.decimal_places)(value.normalize())
        return super().get_db_prep_value(value, connection, prepared=True)

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        # Expressions (F, Case) pass: `refuse_arithmetic` has left those that only name stored values.
        if value is not None and not hasattr(value, "as_sql"):
            value = self.to_python(value)
            for validator in self.validators:
                validator(value)
        return super().get_db_prep_save(value, connection)


def refuse_arithmetic(field: object, value: Any) -> None:
    """Raise TypeError for an expression that calculates a new number for a decimal column.

    Expressions that pick stored or checked values (F, the Case of `bulk_update`) pass.
    """
    if not isinstance(field, ExactDecimalField) or not hasattr(value, "resolve_expression"):
        return
    for part in _parts(value):
        if isinstance(part, CombinedExpression | Aggregate) or (isinstance(part, Value) and not _is_checked(part)):
            raise TypeError(
                f"{field.name} is a decimal: calculate it in Python under a row lock; SQLite would do it in doubles."
            )


def _is_checked(value: Value) -> bool:
    """Whether the value passes through one of our fields on its way to the database."""
    return value.value is None or isinstance(getattr(value, "_output_field_or_none", None), ExactDecimalField)


def _parts(expression: Any) -> Iterator[Any]:
    yield expression
    for source in getattr(expression, "get_source_expressions", list)():
        if source is not None:
            yield from _parts(source)


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


class NormalTextField(models.CharField):  # type: ignore[type-arg]  # generic in the stubs only
    """Text kept in one ASCII normal form, so that every engine and collation agrees on what is equal.

    The normal form is taken whenever a value is validated, saved (also in bulk and by `update`)
    or looked up; a text that has none is refused before it reaches the database.
    """

    def normalise(self, text: str) -> str:
        """The normal form; subclasses say it. Raises ValidationError when the text has none."""
        raise NotImplementedError

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        return super().clean(self._normal(value), model_instance)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = self._normal(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def get_prep_value(self, value: Any) -> Any:
        # Look-ups come through here too: one that can't be normalised simply finds nothing.
        try:
            return self._normal(super().get_prep_value(value))
        except ValidationError:
            return value

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        return super().get_db_prep_save(self._normal(value), connection)

    def _normal(self, value: Any) -> Any:
        return self.normalise(value) if isinstance(value, str) else value


class SymbolField(NormalTextField):
    """An instrument's symbol, in its normal form whatever was typed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = symbols.MAX_LENGTH
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_length"]
        return name, path, args, kwargs

    def normalise(self, text: str) -> str:
        try:
            return symbols.normalise_symbol(text)
        except InvalidInput as error:
            raise ValidationError(error.detail, code=error.errors[0].code) from None


def name_key(name: str) -> str:
    """Equal for two names exactly when they are the same name to a reader.

    Case, width, blanks and invisible characters do not matter; accents do. The SHA-256 of the
    folded name: it is stored beside the name and made unique there, because the engines'
    collations disagree on what is equal (MariaDB's default takes "é" for "e"), and because
    folding can make a name many times longer (`docs/adr/0003-normal-forms.md`).
    """
    return hashlib.sha256(fold_name(name).encode("utf-8", "surrogatepass")).hexdigest()


def fold_name(name: str) -> str:
    """Unicode's compatibility caseless form, without invisible characters, blanks as single spaces."""
    # Taken out first: between a letter and its accent one would keep them from being composed.
    visible = "".join(sign for sign in name if unicodedata.category(sign) != "Cf")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", visible).casefold())
    return " ".join(unicodedata.normalize("NFKC", folded.casefold()).split())


class NameKeyField(models.CharField):  # type: ignore[type-arg]  # generic in the stubs only
    """The key of a sibling field's name, kept in step whenever the row is validated or saved."""

    def __init__(self, *args: Any, source: str = "name", **kwargs: Any) -> None:
        self.source = source
        kwargs["max_length"] = 64
        kwargs["editable"] = False
        # Blank before it is validated: the name is what a person gives.
        kwargs["default"] = ""
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_length"], kwargs["editable"], kwargs["default"]
        if self.source != "name":
            kwargs["source"] = self.source
        return name, path, args, kwargs

    def clean(self, value: Any, model_instance: models.Model | None) -> str:
        return name_key(getattr(model_instance, self.source))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = name_key(getattr(model_instance, self.source))
        setattr(model_instance, self.attname, value)
        return value


class PlainJSONField(models.JSONField):
    """JSON that every engine stores and gives back.

    SQLite takes a lone surrogate and then fails to read the table; PostgreSQL refuses NUL;
    MySQL refuses NaN. All are refused here, and what is nested deeper than 20 levels.
    """

    default_validators = [validate_json]

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        if not hasattr(value, "as_sql"):
            validate_json(value)
        return super().get_db_prep_save(value, connection)
