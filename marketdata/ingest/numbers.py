"""Numbers of any Arrow type as exact integers; pure.

A decimal is kept as its unscaled integer: 12.34 with 8 decimals is 1234000000. Eighteen digits
fit into 64 bits, so numpy can compare, check and convert whole columns exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from marketdata.ingest.faults import Faults, Integers, Mask, rows_of, shown
from marketdata.ingest.tables import NumberColumn
from tradingsite.core.decimals import SIGNIFICANT_DIGITS, round_decimal

Floats = npt.NDArray[np.float64]

_EXACT = 10**SIGNIFICANT_DIGITS
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_NOT_FINITE = r"(?i)^[+-]?(nan|inf|infinity|<na>)$"
_POWERS = 10 ** np.arange(19, dtype=np.int64)
# More digits wrap around in Arrow's 128 bits: it reads 2^128 + 1 as 1, and says nothing.
_LONGEST_CAST = 38


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of unscaled integers; where `missing` is set, the value is 0 and means nothing."""

    values: Integers
    missing: Mask

    def take(self, rows: npt.NDArray[np.intp] | Mask | slice) -> Numbers:
        return Numbers(self.values[rows], self.missing[rows])

    @classmethod
    def absent(cls, count: int) -> Numbers:
        """A column that the source does not have."""
        return cls(np.zeros(count, dtype=np.int64), np.ones(count, dtype=np.bool_))


def parse_numbers(raw: pa.Array, column: NumberColumn, faults: Faults, *, rounding: bool) -> Numbers:
    """The column as unscaled integers; what is no number or not exact becomes a fault of its row.

    With `rounding`, and always for floats, values are rounded half-even to the column's decimals
    and 15 digits; otherwise longer ones are faults.
    """
    kind = raw.type
    if pa.types.is_floating(kind):
        return _from_floats(raw, column, faults)
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        parsed = _cast(raw, column.scale)
        if parsed is not None:
            return _check_digits(raw, parsed, column, faults, rounding=rounding)
    elif pa.types.is_null(kind):
        return Numbers.absent(len(raw))
    elif not _is_text(kind):
        faults.add(np.ones(len(raw), dtype=np.bool_), "not_a_number", f"{column.name} is of type {kind}, not a number.")
        return Numbers.absent(len(raw))
    return _from_text(raw, column, faults, rounding=rounding)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _from_text(raw: pa.Array, column: NumberColumn, faults: Faults, *, rounding: bool) -> Numbers:
    text = without_blanks(raw)
    parsed = None if _is_text(text.type) and has_exponents(text) else _cast(text, column.scale)
    if parsed is not None:
        return _check_digits(raw, parsed, column, faults, rounding=rounding)
    text = without_blanks(pc.ascii_trim_whitespace(pc.cast(text, pa.string())))
    infinite = truth(pc.match_substring_regex(text, _NOT_FINITE))
    faults.add(
        infinite,
        "not_finite",
        lambda row: f"{column.name} is {shown(raw, row)}, which is no number that can be stored.",
    )
    wrong = ~truth(pc.match_substring_regex(text, _NUMBER)) & ~missing_of(text)
    faults.add(wrong, "not_a_number", lambda row: f"{column.name} is {shown(raw, row)}, which is not a number.")
    text = pc.if_else(pa.array(~wrong), text, pa.scalar(None, pa.string()))
    parsed = _cast(text, column.scale)
    if parsed is None:
        parsed = _one_by_one(raw, text, column, faults, rounding=rounding)
    return _check_digits(raw, parsed, column, faults, rounding=rounding)


def _one_by_one(raw: pa.Array, text: pa.Array, column: NumberColumn, faults: Faults, *, rounding: bool) -> Numbers:
    """Columns with over-long numbers: the plain ones at once, the long ones with care."""
    plain = truth(pc.match_substring_regex(text, rf"^[+-]?\d{{0,17}}(\.\d{{0,{column.scale}}}0*)?$"))
    short = truth(_short_enough(text))
    plain &= short
    values = _convert(pc.if_else(pa.array(plain), text, pa.scalar(None, pa.string())), column.scale).values
    missing = missing_of(text)
    long = ~plain & ~missing
    if rounding:
        # Numbers written from floats, all of a column: 20 decimals hold them exactly.
        wide = truth(pc.match_substring_regex(text, r"^[+-]?\d{0,17}(\.\d{0,20}0*)?$")) & long & short
        exact = pc.cast(pc.if_else(pa.array(wide), text, pa.scalar(None, pa.string())), pa.decimal128(38, 20))
        rounded = _convert(pc.round(exact, column.scale, round_mode="half_to_even"), column.scale)
        values[wide] = rounded.values[wide]
        long &= ~wide
    for row in np.flatnonzero(long).tolist():
        value = _exact(text[row].as_py(), column, rounding=rounding)
        if isinstance(value, int):
            values[row] = value
        else:
            faults.add(rows_of(len(text), row), value[0], f"{column.name} is {shown(raw, row)}, which has {value[1]}.")
    return Numbers(values, missing)


def _exact(text: str, column: NumberColumn, *, rounding: bool) -> int | tuple[str, str]:
    """One number as its unscaled integer, or the code and the words of what is wrong with it."""
    too_large = ("too_large", f"more than {column.before} digits before the point")
    try:
        value = Decimal(text)
        if value and value.adjusted() >= column.before:
            return too_large
        unscaled = value.scaleb(column.scale)
        if unscaled == unscaled.to_integral_value():
            return int(unscaled)
        if rounding:
            return int(round_decimal(value, column.scale).scaleb(column.scale))
    except InvalidOperation:
        return too_large
    return "too_many_decimals", f"more than {column.scale} decimals (files written from floats: --round)"


def _check_digits(raw: pa.Array, parsed: Numbers, column: NumberColumn, faults: Faults, *, rounding: bool) -> Numbers:
    """Refuse or round what has over 15 significant digits, and refuse what the column can't hold."""
    values = parsed.values
    size = np.abs(values)
    too_large = size >= column.limit
    if too_large.any():
        faults.add(
            too_large,
            "too_large",
            lambda row: (
                f"{column.name} is {shown(raw, row)}, which has more than {column.before} digits before the point."
            ),
        )
    long = size >= _EXACT
    if long.any():
        rounded = np.where(long & ~too_large, round_digits(values), values)
        if not rounding:
            faults.add(
                rounded != values,
                "too_many_digits",
                lambda row: (
                    f"{column.name} is {shown(raw, row)}, which has more than {SIGNIFICANT_DIGITS} significant digits."
                ),
            )
        values = rounded
    return Numbers(values, parsed.missing)


def round_digits(values: Integers) -> Integers:
    """Integers rounded half-even to 15 significant digits; shorter ones stay. int64[n] to int64[n]."""
    size = np.abs(values)
    surplus = np.searchsorted(_POWERS, size, side="right") - SIGNIFICANT_DIGITS
    unit = _POWERS[np.clip(surplus, 0, None)]
    quotient, rest = np.divmod(size, unit)
    twice = 2 * rest
    up = (twice > unit) | ((twice == unit) & (quotient % 2 == 1))
    result: Integers = np.sign(values) * (quotient + up) * unit
    return result


def _from_floats(raw: pa.Array, column: NumberColumn, faults: Faults) -> Numbers:
    missing = missing_of(raw)
    floats = raw.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
    infinite = ~np.isfinite(floats)
    faults.add(infinite, "not_finite", lambda row: f"{column.name} is {floats[row]}, which can't be stored.")
    too_large = ~infinite & (np.abs(floats) >= 10.0**column.before)
    faults.add(
        too_large,
        "too_large",
        lambda row: f"{column.name} is {floats[row]}, which has more than {column.before} digits before the point.",
    )
    good = np.where(infinite | too_large, 0.0, floats)
    return Numbers(unscaled_of_floats(good, column.scale), missing)


def unscaled_of_floats(floats: Floats, scale: int) -> Integers:
    """The decimals that doubles stand for, unscaled: rounded to `scale` decimals and 15 digits.

    Exact for every double that is the nearest one of such a decimal. Below 10^18 unscaled.
    """
    before = np.searchsorted(_POWERS.astype(np.float64), np.abs(floats), side="right")
    # A product under 10^15 is computed to a fraction of one, so that rint finds the integer.
    decimals = np.clip(SIGNIFICANT_DIGITS - before, None, scale)
    values = np.empty(len(floats), dtype=np.int64)
    for step in np.unique(decimals).tolist():
        rows = decimals == step
        factor = 10.0 ** abs(step)
        shifted = np.rint(floats[rows] * factor if step >= 0 else floats[rows] / factor)
        values[rows] = shifted.astype(np.int64) * int(10 ** (scale - step))
    return values


def floats_of_unscaled(values: Integers, scale: int) -> Floats:
    """The doubles nearest to the decimals, so that they read back as those. int64[n] to float64[n]."""
    exact = np.abs(values) < 2**53
    if exact.all():
        # Both operands are exact, and a division rounds correctly.
        return values / float(10**scale)
    # At most 15 digits are significant, so that the zeros taken off leave an exact double.
    zeros = np.where(exact, 0, np.searchsorted(_POWERS, np.abs(values), side="right") - SIGNIFICANT_DIGITS)
    result: Floats = (values // _POWERS[zeros]) / (10.0**scale / _POWERS[zeros])
    return result


def has_exponents(text: pa.Array) -> bool:
    """Whether an E stands in the texts: Arrow crashes where it reads 1e-999999999 as a decimal."""
    _, offsets, data = text.buffers()
    if data is None or not len(text):
        return False
    kind = np.int64 if pa.types.is_large_string(text.type) else np.int32
    places = np.frombuffer(offsets, dtype=kind)[text.offset : text.offset + len(text) + 1]
    content = data.slice(int(places[0]), int(places[-1] - places[0])).to_pybytes()
    return b"e" in content or b"E" in content


def _short_enough(text: pa.Array) -> pa.Array:
    return pc.less_equal(pc.binary_length(text), _LONGEST_CAST)


def _cast(column: pa.Array, scale: int) -> Numbers | None:
    """The column as unscaled integers, or None when any value does not convert exactly.

    Exponents of texts have been looked at by now: they have at most three digits.
    """
    if _is_text(column.type) and not pc.all(_short_enough(column), skip_nulls=True).as_py():
        return None
    try:
        return _convert(column, scale)
    except pa.ArrowInvalid:
        return None


def _convert(column: pa.Array, scale: int) -> Numbers:
    """The column as unscaled integers; raises ArrowInvalid when any value does not convert exactly."""
    exact = pc.cast(column, pa.decimal128(38, scale))
    if isinstance(exact, pa.ChunkedArray):
        exact = exact.combine_chunks()
    missing = missing_of(exact)
    halves = np.frombuffer(exact.buffers()[1], dtype=np.int64).reshape(-1, 2)
    halves = halves[exact.offset : exact.offset + len(exact)]
    low, high = halves[:, 0], halves[:, 1]
    values = np.where(missing, 0, low)
    wide = (high != low >> 63) & ~missing
    # Over 64 bits: as large as can be, so that the check of the range refuses it.
    values[wide] = np.iinfo(np.int64).max
    return Numbers(values, missing)


def missing_of(column: pa.Array) -> Mask:
    """The mask of nulls."""
    if column.null_count == 0:
        return np.zeros(len(column), dtype=np.bool_)
    mask: Mask = column.is_null().to_numpy(zero_copy_only=False)
    return mask


def truth(column: pa.Array) -> Mask:
    """A boolean column as a mask; null is false."""
    mask: Mask = pc.fill_null(column, False).to_numpy(zero_copy_only=False)
    return mask


def without_blanks(column: pa.Array) -> pa.Array:
    """Empty texts as nulls."""
    if not _is_text(column.type):
        return column
    empty = pc.equal(pc.binary_length(column), 0)
    if not pc.any(empty).as_py():
        return column
    return pc.if_else(empty, pa.scalar(None, column.type), column)
