"""The figures of performance, against their definitions."""

from __future__ import annotations

import math
import statistics
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.performance import Figures, measure

values_above_zero = st.lists(
    st.decimals(min_value=Decimal("100"), max_value=Decimal("1000000"), places=4), min_size=1, max_size=60
)


def decimals(*numbers: str) -> list[Decimal]:
    return [Decimal(number) for number in numbers]


def test_no_values_give_no_figures() -> None:
    assert measure([]) == []


def test_the_first_day_has_no_return() -> None:
    assert measure(decimals("100")) == [Figures(None, None, None, 0.0)]


def test_one_return_has_no_deviation() -> None:
    second = measure(decimals("100", "110"))[1]
    assert second.daily_return == pytest.approx(0.1)
    assert (second.volatility, second.sharpe_ratio, second.max_drawdown) == (None, None, 0.0)


def test_a_worked_example() -> None:
    # Returns +10 %, -10 %: mean 0, sample deviation sqrt((0.1² + 0.1²) / 1).
    last = measure(decimals("100", "110", "99"))[-1]
    assert last.daily_return == pytest.approx(-0.1)
    assert last.volatility == pytest.approx(math.sqrt(0.02) * math.sqrt(252))
    assert last.sharpe_ratio == pytest.approx(0, abs=1e-12)
    assert last.max_drawdown == pytest.approx(0.1)


def test_the_risk_free_rate_is_taken_off() -> None:
    plain, excess = (measure(decimals("100", "101", "103"), risk_free=rate)[-1] for rate in (0.0, 0.05))
    assert plain.sharpe_ratio is not None
    assert excess.sharpe_ratio is not None
    assert plain.volatility is not None
    assert plain.sharpe_ratio - excess.sharpe_ratio == pytest.approx(0.05 / plain.volatility)


def test_returns_that_do_not_vary_have_no_sharpe_ratio() -> None:
    last = measure([Decimal("100") * Decimal("1.01") ** day for day in range(50)])[-1]
    assert last.volatility == pytest.approx(0, abs=1e-9)
    assert last.sharpe_ratio is None


def test_a_drawdown_stays_the_deepest() -> None:
    drawdowns = [figure.max_drawdown for figure in measure(decimals("100", "80", "120", "90", "200"))]
    assert drawdowns == [pytest.approx(n) for n in (0, 0.2, 0.2, 0.25, 0.25)]


def test_losing_more_than_everything_is_a_drawdown_above_one() -> None:
    assert measure(decimals("100", "-50"))[-1].max_drawdown == pytest.approx(1.5)


def test_after_nothing_or_less_a_return_means_nothing() -> None:
    assert [figure.daily_return for figure in measure(decimals("100", "0", "50", "-10", "20"))] == [
        None,
        -1.0,
        None,
        pytest.approx(-1.2),
        None,
    ]


def test_before_a_value_above_zero_there_is_no_drawdown() -> None:
    assert [figure.max_drawdown for figure in measure(decimals("0", "-5", "10"))] == [None, None, 0.0]


@given(values_above_zero)
def test_it_agrees_with_the_definitions(values: list[Decimal]) -> None:
    figures = measure(values)
    returns = [float(after / before - 1) for before, after in pairwise(values)]
    assert [figure.daily_return for figure in figures[1:]] == pytest.approx(returns)
    assert figures[-1].max_drawdown == pytest.approx(
        max(float(1 - value / max(values[: day + 1])) for day, value in enumerate(values))
    )
    if len(returns) >= 2:
        deviation = statistics.stdev(returns)
        assert figures[-1].volatility == pytest.approx(deviation * math.sqrt(252), rel=1e-6, abs=1e-9)
        if deviation > 1e-6:
            sharpe = statistics.fmean(returns) / deviation * math.sqrt(252)
            assert figures[-1].sharpe_ratio == pytest.approx(sharpe, rel=1e-6, abs=1e-6)


@given(values_above_zero, st.integers(min_value=0, max_value=60))
def test_a_day_knows_nothing_of_later_ones(values: list[Decimal], days: int) -> None:
    assert measure(values)[:days] == measure(values[:days])
