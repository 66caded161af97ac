"""What Hypothesis draws from, for tests of more than one app."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from tradingsite.core.decimals import SIGNIFICANT_DIGITS


def decimals_of(*, digits: int, places: int, positive: bool = False) -> st.SearchStrategy[Decimal]:
    """Decimals that a column of `digits` digits, `places` of them behind the point, must hold: 15 that count."""

    def build(number: int, shift: int) -> Decimal:
        return Decimal(number).scaleb(-shift)

    def fits(value: Decimal) -> bool:
        return abs(value) < Decimal(10) ** (digits - places)

    limit = 10**SIGNIFICANT_DIGITS - 1
    numbers = st.integers(0 if positive else -limit, limit)
    return st.builds(build, numbers, st.integers(0, places)).filter(fits)
