"""Numbers of any kind as exact integers."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.ingest.faults import Faults
from marketdata.ingest.numbers import floats_of_unscaled, parse_numbers, round_digits, unscaled_of_floats
from marketdata.ingest.tables import PRICES, VOLUME, NumberColumn
from tradingsite.core.decimals import round_decimal, significant_digits

PRICE = PRICES[0]


def parse(values: list[str | None] | pa.Array, *, column: NumberColumn = PRICE, rounding: bool = False) -> list[object]:
    """Each value as Decimal, None, or the code of its fault."""
    raw = pa.array(values, type=pa.string()) if isinstance(values, list) else values
    faults = Faults(len(raw))
    numbers = parse_numbers(raw, column, faults, rounding=rounding)
    found = {reject.line: reject.code for reject in faults.rejects(np.arange(len(raw)))}
    return [
        found.get(row) or (None if numbers.missing[row] else Decimal(int(numbers.values[row])).scaleb(-column.scale))
        for row in range(len(raw))
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("49.12", "49.12"),
        ("49", "49"),
        ("-3.5", "-3.5"),
        ("+3", "3"),
        (".5", "0.5"),
        ("5.", "5"),
        (" 49.12 ", "49.12"),
        ("1e3", "1000"),
        ("1.5E-3", "0.0015"),
        ("49.1200000000000", "49.12"),
        ("0.00000001", "0.00000001"),
        ("9999999999", "9999999999"),
        ("1234567.12345678", "1234567.12345678"),
        ("0", "0"),
        ("-0.0", "0"),
    ],
)
def test_it_reads_plain_decimals_exactly(text: str, value: str) -> None:
    assert parse([text]) == [Decimal(value)]
    # Beside a bad value the careful way is taken; it must agree.
    assert parse([text, "x"]) == [Decimal(value), "not_a_number"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1e-999999999", "not_a_number"),
        ("-1E-9999999", "not_a_number"),
        ("0e-99999999", "not_a_number"),
        # 2^128 + 1 and the like, which 128 bits take for a small number.
        ("340282366920938463463374607431768211457", "too_large"),
        ("340282366920938463463374607431768211456.5", "too_large"),
        ("1" + "0" * 200, "too_large"),
        ("9" * 5000, "too_large"),
        ("0." + "0" * 150 + "1", "too_many_decimals"),
    ],
)
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
def test_what_arrow_would_crash_on_or_wrap_around_is_refused(text: str, code: str, kind: pa.DataType) -> None:
    assert parse(pa.array([text], type=kind)) == [code]
    assert parse(pa.array(["x", "5", text, "7"], type=kind)[1:]) == [Decimal(5), code, Decimal(7)]
    if code != "too_many_decimals":
        assert parse(pa.array([text], type=kind), rounding=True) == [code]


@pytest.mark.parametrize("rounding", [False, True])
def test_zeros_behind_the_point_are_worth_nothing_however_many(*, rounding: bool) -> None:
    assert parse(["1." + "0" * 150, "2.5" + "0" * 150], rounding=rounding) == [Decimal(1), Decimal("2.5")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nan", "not_finite"),
        ("NaN", "not_finite"),
        ("-inf", "not_finite"),
        ("Infinity", "not_finite"),
        ("x", "not_a_number"),
        ("1,5", "not_a_number"),
        ("1_0", "not_a_number"),
        ("0x10", "not_a_number"),
        ("--5", "not_a_number"),
        (".", "not_a_number"),
        ("٣", "not_a_number"),
        ("1.123456789", "too_many_decimals"),
        ("49.119999999999997", "too_many_decimals"),
        ("1e-30", "too_many_decimals"),
        ("123456789.12345678", "too_many_digits"),
        ("10000000000", "too_large"),
        ("1e30", "too_large"),
        ("123456789012345678901234567890123456789012", "too_large"),
    ],
)
def test_it_refuses_what_is_no_number_or_not_exact(text: str, code: str) -> None:
    assert parse(["1", text, "2"]) == [Decimal(1), code, Decimal(2)]


def test_an_empty_value_is_missing_and_not_zero() -> None:
    assert parse(["1", "", "  ", "0"]) == [Decimal(1), None, None, Decimal(0)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("49.119999999999997", "49.12"),
        ("0.000000005", "0"),
        ("0.000000015", "0.00000002"),
        ("1e-30", "0"),
        ("123456789.12345678", "123456789.123457"),
        ("0.1234567890123456789012345", "0.12345679"),
    ],
)
def test_rounding_is_half_even_to_eight_decimals_and_fifteen_digits(text: str, value: str) -> None:
    assert parse(["1", text], rounding=True) == [Decimal(1), Decimal(value)]


def test_bytes_that_are_no_utf8_are_a_fault_and_no_crash() -> None:
    raw = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\3\0\0\0"), pa.py_buffer(b"1\xff\xfe")]
    )
    assert parse(raw) == [Decimal(1), "not_a_number"]


@pytest.mark.parametrize(
    "raw",
    [
        pa.array([Decimal("49.12"), None]),
        pa.array([49.12, None]),
        pa.array([Decimal("49.12"), None], type=pa.decimal256(40, 4)),
    ],
)
def test_columns_that_are_numbers_already_are_taken_as_such(raw: pa.Array) -> None:
    assert parse(raw) == [Decimal("49.12"), None]


def test_integers_are_numbers_and_booleans_are_not() -> None:
    assert parse(pa.array([49, 2**62])) == [Decimal(49), "too_large"]
    assert parse(pa.array([True])) == ["not_a_number"]


def test_floats_are_rounded_to_the_decimal_that_they_stand_for() -> None:
    raw = pa.array([49.119999999999997, 0.1 + 0.2, float("nan"), float("inf"), 1e10, 123456789.12345678])
    assert parse(raw) == [
        Decimal("49.12"),
        Decimal("0.3"),
        "not_finite",
        "not_finite",
        "too_large",
        Decimal("123456789.123457"),
    ]


def decimals_of(column: NumberColumn) -> st.SearchStrategy[Decimal]:
    """Every decimal that the column takes."""
    limit = 10**15 - 1
    return st.builds(
        lambda digits, exponent: Decimal(digits).scaleb(exponent),
        st.integers(-limit, limit),
        st.integers(-column.scale, column.before),
    ).filter(lambda value: abs(value) < 10**column.before)


@given(st.lists(decimals_of(PRICE), min_size=1, max_size=20))
def test_every_exact_price_is_read_as_it_is(values: list[Decimal]) -> None:
    assert parse([format(value, "f") for value in values]) == values


@given(st.lists(decimals_of(VOLUME), min_size=1, max_size=20))
def test_a_double_is_the_nearest_of_its_decimal_and_leads_back_to_it(values: list[Decimal]) -> None:
    unscaled = np.array([int(value.scaleb(VOLUME.scale)) for value in values], dtype=np.int64)
    floats = floats_of_unscaled(unscaled, VOLUME.scale)
    assert floats.tolist() == [float(value) for value in values]
    assert unscaled_of_floats(floats, VOLUME.scale).tolist() == unscaled.tolist()


@given(st.lists(st.integers(-(10**18) + 1, 10**18 - 1), min_size=1, max_size=20))
def test_rounding_to_fifteen_digits_agrees_with_decimal_arithmetic(values: list[int]) -> None:
    rounded = round_digits(np.array(values, dtype=np.int64)).tolist()
    assert rounded == [int(round_decimal(Decimal(value), 0)) for value in values]
    assert all(significant_digits(Decimal(value)) <= 15 for value in rounded)
