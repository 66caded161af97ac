"""Prices as if today's splits and dividends had always been; pure.

A split of n new shares for d old ones divides every earlier price by n/d and multiplies every
earlier volume. A cash dividend multiplies every earlier price by 1 - dividend / last close before
the ex-date (the factor of CRSP's and Yahoo's adjusted prices), and leaves volumes alone.
Splits are exact: integers, rounded half-even once. Dividend factors are doubles, whose results
are rounded to 8 decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd

import numpy as np

from marketdata.bars.series import PRICES, Flags, Integers, Series
from tradingsite.core.errors import InvalidInput

_LARGEST = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Split:
    """`new` shares for `old` ones, for whoever holds them `at` that moment (UTC, the ex-date's beginning)."""

    at: np.datetime64
    new: int
    old: int


@dataclass(frozen=True, slots=True)
class Dividend:
    """Cash a share from that moment on, and the last close before it; both unscaled, 8 decimals."""

    at: np.datetime64
    amount: int
    close_before: int


@dataclass(frozen=True, slots=True)
class Already:
    """Bars whose source had adjusted them for the splits until it was loaded, and perhaps for the dividends."""

    rows: Flags
    loaded_at: np.datetime64
    with_dividends: bool


def adjust(
    series: Series, splits: Sequence[Split], dividends: Sequence[Dividend], already: Sequence[Already] = ()
) -> Series:
    """The bars adjusted for each split and each usable dividend once: those `already` adjusted only for what is left.

    Raises InvalidInput (adjusted_too_large).
    """
    result = adjust_dividends(adjust_splits(series, splits), dividends)
    for part in already:
        later = [split for split in splits if split.at > part.loaded_at]
        left = [dividend for dividend in dividends if not part.with_dividends or dividend.at > part.loaded_at]
        own = adjust_dividends(adjust_splits(series.take(part.rows), later), left)
        columns = {name: getattr(result, name).copy() for name in (*PRICES, "volume")}
        for name, column in columns.items():
            column[part.rows] = getattr(own, name)
        result = replace(result, **columns)
    return result


def adjust_splits(series: Series, splits: Sequence[Split]) -> Series:
    """The bars before each split in shares of after it; each number rounded once, however many follow.

    Raises InvalidInput (adjusted_too_large) when a number has no place in 64 bits.
    """
    new = old = 1
    columns = {name: getattr(series, name).copy() for name in (*PRICES, "volume")}
    later = np.zeros(len(series), dtype=np.bool_)
    for split in sorted(splits, key=lambda split: split.at, reverse=True):
        # Before this split, and not before an earlier one, all from this one on have happened since.
        if (new, old) != (1, 1):
            _adjust(columns, (series.start >= split.at) & ~later, new, old)
        later = series.start >= split.at
        new, old = new * split.new, old * split.old
        new, old = new // gcd(new, old), old // gcd(new, old)
    if (new, old) != (1, 1):
        _adjust(columns, ~later, new, old)
    return replace(series, **columns)


def _adjust(columns: dict[str, Integers], rows: Flags, new: int, old: int) -> None:
    for name in PRICES:
        columns[name][rows] = scaled(columns[name][rows], old, new)
    columns["volume"][rows] = scaled(columns["volume"][rows], new, old)


def adjust_dividends(series: Series, dividends: Sequence[Dividend]) -> Series:
    """The bars before each ex-date less what the dividend took from the price.

    A dividend that is no smaller than the close before it, or without one, adjusts nothing: `usable`.
    """
    factor = np.ones(len(series))
    for dividend in dividends:
        if usable(dividend):
            factor[series.start < dividend.at] *= 1 - dividend.amount / dividend.close_before
    if (factor == 1).all():
        return series
    return replace(series, **{name: np.rint(getattr(series, name) * factor).astype(np.int64) for name in PRICES})


def usable(dividend: Dividend) -> bool:
    """Whether the dividend has a factor between 0 and 1."""
    return 0 < dividend.amount < dividend.close_before


def scaled(values: Integers, up: int, down: int) -> Integers:
    """`values * up / down`, exact but for one rounding, half-even. Raises InvalidInput where it has no place."""
    if not len(values):
        return values
    largest = max(abs(int(values.min())), abs(int(values.max())))
    if (largest // down + 1) * up > _LARGEST or up * down > _LARGEST // 2:
        raise InvalidInput.field(
            "adjustment", "An adjusted number is larger than can be written.", code="adjusted_too_large"
        )
    # Cut first, so that the product fits: values may have 18 digits, and `up` a few more.
    whole, rest = np.divmod(values, down)
    quotient, rest = np.divmod(rest * up, down)
    total = whole * up + quotient
    twice = rest * 2
    rounded: Integers = total + ((twice > down) | ((twice == down) & (total % 2 == 1)))
    return rounded
