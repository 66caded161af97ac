"""Jumps of a price from one bar to the next; pure."""

from __future__ import annotations

import numpy as np

from marketdata.bars.series import Flags, Integers, Series


def find_jumps(series: Series, *, limit: float) -> Integers:
    """The positions of bars whose open or close is further from the close before than `limit` (0.4: 40 %).

    After a close of zero or below nothing can be said.
    """
    found: Integers = np.flatnonzero(jumped(series.close[:-1], series.open[1:], series.close[1:], limit=limit)) + 1
    return found


def jumped(before: Integers, opened: Integers, closed: Integers, *, limit: float) -> Flags:
    """Whether open or close are further from the close before than the limit; unscaled, all of the same scale."""
    base = before.astype(np.float64)
    furthest = np.maximum(np.abs(opened - base), np.abs(closed - base))
    far: Flags = (base > 0) & (furthest > limit * base)
    return far
