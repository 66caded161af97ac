from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingsite.core.decimals import (
    MONEY_PLACES,
    PRICE_PLACES,
    SIGNIFICANT_DIGITS,
    round_decimal,
    round_money,
    round_price,
    significant_digits,
)

numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e20"), max_value=Decimal("1e20"))


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("0", 1),
        ("0.000", 1),
        ("7", 1),
        ("1000", 1),
        ("0.0010", 1),
        ("1.20", 2),
        ("-37.63", 4),
        ("1e300", 1),
        ("12345678.12345678", 16),
        ("9007199254740993", 16),
    ],
)
def test_zeros_at_the_ends_carry_no_meaning(text: str, digits: int) -> None:
    assert significant_digits(Decimal(text)) == digits


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        ("0.00005", "0.0000"),
        ("0.00015", "0.0002"),
        ("-0.00005", "0.0000"),
        ("2.50000000001", "2.5000"),
        ("12345678901.23455", "12345678901.2346"),
        ("123456789012.23455", "123456789012.235"),
        ("99999999999.99995", "100000000000.0000"),
    ],
)
def test_money_is_rounded_half_even_to_four_places(value: str, rounded: str) -> None:
    assert round_money(Decimal(value)) == Decimal(rounded)


def test_a_long_number_is_rounded_once_not_twice() -> None:
    # First to eight places and then to fifteen digits would make a tie of it: ...456.
    assert round_price(Decimal("123456789.12345650000001")) == Decimal("123456789.123457")


@given(value=numbers, places=st.sampled_from([MONEY_PLACES, PRICE_PLACES]))
def test_a_rounded_value_always_fits_a_column(value: Decimal, places: int) -> None:
    rounded = round_decimal(value, places)
    assert significant_digits(rounded) <= SIGNIFICANT_DIGITS
    assert round_decimal(rounded, places) == rounded
    exponent = rounded.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    assert exponent >= -places


@given(value=numbers, places=st.sampled_from([MONEY_PLACES, PRICE_PLACES]))
def test_rounding_moves_a_value_by_half_a_unit_at_most(value: Decimal, places: int) -> None:
    kept = min(places, SIGNIFICANT_DIGITS - 1 - value.adjusted())
    distance = abs(Fraction(round_decimal(value, places)) - Fraction(value))
    assert distance <= Fraction(1, 2) * Fraction(10) ** -kept
