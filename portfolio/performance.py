"""How a portfolio did, from its values alone; pure.

Figures are floats: they are statistics, not money. A figure that is not defined yet is None.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

PERIODS_A_YEAR = 252
# A deviation this small is rounding (values have 4 decimals), not risk; a ratio over it means nothing.
_ROUNDING = 1e-8


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a portfolio after one day, from its first day on.

    daily_return: fraction of the day before's value. volatility, sharpe_ratio: annualised.
    max_drawdown: deepest fall from a peak as a fraction of that peak, 0 or above.
    """

    daily_return: float | None
    volatility: float | None
    sharpe_ratio: float | None
    max_drawdown: float | None


def measure(values: Iterable[Decimal], *, risk_free: float = 0.0, periods: int = PERIODS_A_YEAR) -> list[Figures]:
    """The figures after each day of a series of end-of-day values without flows, in order.

    - return: simple, V(t) / V(t-1) - 1; not defined on the first day and after a value of zero or less.
    - volatility: sample standard deviation (n - 1) of the returns so far, times the root of
      `periods` (252 sessions a year); not defined below two returns.
    - Sharpe ratio: mean return above the risk-free rate (`risk_free`, a year) over the sample
      deviation, times the root of `periods` (Sharpe, "The Sharpe Ratio", Journal of Portfolio
      Management, 1994); not defined where the returns do not vary.
    - drawdown: the greatest 1 - V(t) / max V(s <= t) so far (Magdon-Ismail and Atiya, "Maximum
      Drawdown", Risk, 2004); not defined before a value above zero.
    """
    figures: list[Figures] = []
    returns = _Moments()
    before: Decimal | None = None
    peak: Decimal | None = None
    deepest: float | None = None
    for value in values:
        daily_return = None
        if before is not None and before > 0:
            daily_return = float(value / before - 1)
            returns.add(daily_return)
        if value > 0 and (peak is None or value > peak):
            peak = value
        if peak is not None:
            deepest = max(deepest or 0.0, float(1 - value / peak))
        deviation = returns.sample_deviation
        figures.append(
            Figures(
                daily_return=daily_return,
                volatility=None if deviation is None else deviation * math.sqrt(periods),
                sharpe_ratio=_sharpe(returns.mean - risk_free / periods, deviation, periods),
                max_drawdown=deepest,
            )
        )
        before = value
    return figures


def _sharpe(excess: float, deviation: float | None, periods: int) -> float | None:
    if deviation is None or deviation <= _ROUNDING:
        return None
    return excess / deviation * math.sqrt(periods)


class _Moments:
    """Mean and deviation of numbers that come one by one.

    Welford's recurrence (Technometrics, 1962): no catastrophic cancellation, unlike the
    difference of the sums of squares.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self._squares = 0.0

    def add(self, number: float) -> None:
        self.count += 1
        distance = number - self.mean
        self.mean += distance / self.count
        self._squares += distance * (number - self.mean)

    @property
    def sample_deviation(self) -> float | None:
        return None if self.count < 2 else math.sqrt(self._squares / (self.count - 1))
