"""The fields by themselves; what they do in the databases is in tests/portability."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import models
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.models.fields import EmailAddressField, UsernameField
from tests.strategies import decimals_of
from tradingsite.core.fields import (
    ExactDecimalField,
    MoneyField,
    NameKeyField,
    PlainJSONField,
    PriceField,
    QuantityField,
    SymbolField,
    VolumeField,
    fold_name,
    name_key,
    validate_json,
)

FIELDS: list[models.Field[Any, Any]] = [
    PriceField(null=True, help_text="a price"),
    QuantityField(),
    VolumeField(blank=True),
    MoneyField(default=0),
    SymbolField(unique=True),
    NameKeyField(),
    NameKeyField(source="title"),
    PlainJSONField(default=dict),
    UsernameField(max_length=150, unique=True),
    EmailAddressField(null=True),
]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: type(field).__name__)
def test_a_migration_makes_the_same_field_again(field: models.Field[Any, Any]) -> None:
    _, _, args, kwargs = field.deconstruct()
    again = type(field)(*args, **kwargs)
    assert again.deconstruct() == field.deconstruct()
    assert again.max_length == field.max_length


@pytest.mark.parametrize(
    ("field", "whole", "places"),
    [(PriceField(), 10, 8), (QuantityField(), 10, 8), (VolumeField(), 12, 6), (MoneyField(), 14, 4)],
)
def test_a_decimal_has_eighteen_digits_of_which_fifteen_count(
    field: ExactDecimalField, whole: int, places: int
) -> None:
    assert field.clean("9" * whole + "." + "9" * (15 - whole), None) == Decimal("9" * whole + "." + "9" * (15 - whole))
    for refused in ("1" + "0" * whole, "0." + "0" * places + "1", "1" * 8 + "." + "1" * 8):
        with pytest.raises(ValidationError):
            field.clean(refused, None)


@given(value=decimals_of(digits=18, places=8))
def test_every_decimal_that_fits_is_taken(value: Decimal) -> None:
    assert PriceField().clean(value, None) == value


@pytest.mark.parametrize(
    "value", ["NaN", "sNaN", "Infinity", "-Infinity", float("nan"), float("inf"), "abc", "", None, True]
)
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        PriceField().clean(value if value is not True else "True", None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Main", "MAIN"),
        (" Main ", "main"),
        ("a\u00a0b", "a b"),
        ("Straße", "strasse"),
        ("Ⅳ", "iv"),
        ("ǅ", "ǆ"),
        ("a\u200d\u0301", "á"),
    ],
)
def test_names_fold_to_what_they_share(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(("one", "other"), [("e", "é"), ("ab", "a b"), ("o", "ø"), ("1", "l"), ("a.", "a")])
def test_names_that_differ_to_a_reader_have_different_keys(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@given(name=st.text(max_size=60))
@example(name="a\u200d\u0301")
@example(name="\u00b4 \u037a")
def test_folding_a_folded_name_changes_nothing(name: str) -> None:
    folded = fold_name(name)
    assert fold_name(folded) == folded
    assert folded == folded.strip()
    assert len(name_key(name)) == 64
    assert name_key(name).isascii()


@given(name=st.text(max_size=60))
def test_the_form_in_which_unicode_is_written_does_not_matter(name: str) -> None:
    assert len({fold_name(unicodedata.normalize(form, name)) for form in ("NFC", "NFD", "NFKC", "NFKD")}) == 1


@pytest.mark.parametrize("typed", ["Ann", " ann ", "ＡＮＮ"])
def test_a_user_name_is_small_and_trimmed(typed: str) -> None:
    assert UsernameField(max_length=150).clean(typed, None) == "ann"


@pytest.mark.parametrize(
    ("typed", "stored"), [("Ann@Example.COM ", "ann@example.com"), ("a+b@xn--exmple-cua.de", None)]
)
def test_an_e_mail_is_small_and_trimmed(typed: str, stored: str | None) -> None:
    assert EmailAddressField().clean(typed, None) == (stored or typed)


@pytest.mark.parametrize("typed", ["", "  "])
def test_no_e_mail_is_null_not_empty(typed: str) -> None:
    assert EmailAddressField(null=True).get_prep_value(typed) is None


def test_a_look_up_that_can_not_be_normalised_is_left_as_it_is() -> None:
    assert SymbolField().get_prep_value("no symbol") == "no symbol"
    assert SymbolField().get_prep_value(None) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(value=json_values)
def test_json_is_refused_exactly_when_some_text_of_it_can_not_be_stored(value: Any) -> None:
    bad = any(mark in text for text in texts(value) for mark in ["\x00", *map(chr, range(0xD800, 0xE000))])
    if bad:
        with pytest.raises(ValidationError):
            validate_json(value)
    else:
        validate_json(value)


def texts(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [*value, *(text for inner in value.values() for text in texts(inner))]
        case list():
            return [text for inner in value for text in texts(inner)]
        case _:
            return []


def test_json_nested_a_thousand_deep_is_refused_not_followed() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValidationError, match="too deeply"):
        validate_json(value)
    while value:  # taken apart from outside, so that freeing it does not recurse
        value = value[0]
