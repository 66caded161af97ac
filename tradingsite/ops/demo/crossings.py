"""The rule behind the demo's signals: moving averages that cross; pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, pairwise

FAST = 20
SLOW = 50


@dataclass(frozen=True, slots=True)
class Crossing:
    """The close of a day on which the fast average crossed the slow one."""

    date: dt.date
    close: Decimal
    fast: Decimal
    slow: Decimal

    @property
    def is_upward(self) -> bool:
        return self.fast > self.slow


def find_crossings(closes: Sequence[tuple[dt.date, Decimal]]) -> list[Crossing]:
    """Every day whose averages stand the other way round than the day before's, in order."""
    sums = list(accumulate((close for _, close in closes), initial=Decimal(0)))
    days = [
        Crossing(
            date=date,
            close=close,
            fast=(sums[end] - sums[end - FAST]) / FAST,
            slow=(sums[end] - sums[end - SLOW]) / SLOW,
        )
        for end, (date, close) in enumerate(closes, start=1)
        if end >= SLOW
    ]
    return [today for before, today in pairwise(days) if today.is_upward != before.is_upward]
