"""Simulated bars."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from marketdata.calendars import Sessions, sessions_of
from marketdata.providers.profiles import Profile, profile_of
from marketdata.providers.simulator import SimulatedBars, Simulator, daily_table, minute_table

EVER = (dt.date(2020, 1, 1), dt.date.max)
NOON = dt.datetime(2024, 12, 31, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def sessions() -> Sessions:
    found = sessions_of("XNYS", today=NOON.date())
    assert found is not None
    return found


@pytest.fixture(scope="module")
def bars(sessions: Sessions) -> SimulatedBars:
    return Simulator(seed=7, sessions=sessions, until=NOON).simulate("AAPL", profile_of("AAPL"))


def test_the_same_seed_gives_the_same_bars(sessions: Sessions, bars: SimulatedBars) -> None:
    again = Simulator(seed=7, sessions=sessions, until=NOON).simulate("AAPL", profile_of("AAPL"))
    assert minute_table([again], *EVER).equals(minute_table([bars], *EVER))


@pytest.mark.parametrize("days", [1, 40, 365, 800])
def test_a_later_day_changes_nothing_of_the_earlier_ones(sessions: Sessions, bars: SimulatedBars, days: int) -> None:
    earlier = Simulator(seed=7, sessions=sessions, until=NOON - dt.timedelta(days=days))
    before = earlier.simulate("AAPL", profile_of("AAPL"))
    rows = len(before.sessions)
    assert 0 < rows < len(bars.sessions)
    assert daily_table([before], *EVER).equals(daily_table([bars], *EVER).slice(0, rows))
    assert minute_table([before], *EVER).equals(minute_table([bars], *EVER).slice(0, int(before.is_open.sum())))


def test_seeds_and_symbols_differ(sessions: Sessions, bars: SimulatedBars) -> None:
    other_seed = Simulator(seed=8, sessions=sessions, until=NOON).simulate("AAPL", profile_of("AAPL"))
    other_symbol = Simulator(seed=7, sessions=sessions, until=NOON).simulate("AAPM", profile_of("AAPL"))
    for other in (other_seed, other_symbol):
        assert (other.closes != bars.closes).mean() > 0.99


def test_minutes_add_up_to_the_days_bar(bars: SimulatedBars) -> None:
    daily = bars.daily_columns(*EVER)
    minutes = bars.minute_columns(*EVER)
    ends = np.cumsum(bars.is_open.sum(axis=1))
    starts = np.concatenate([[0], ends[:-1]])
    assert (minutes["open"][starts] == daily["open"]).all()
    assert (minutes["close"][ends - 1] == daily["close"]).all()
    assert (np.maximum.reduceat(minutes["high"], starts) == daily["high"]).all()
    assert (np.minimum.reduceat(minutes["low"], starts) == daily["low"]).all()
    assert (np.add.reduceat(minutes["volume"], starts) == daily["volume"]).all()


def test_every_bar_is_one(bars: SimulatedBars) -> None:
    for columns in (bars.daily_columns(*EVER), bars.minute_columns(*EVER)):
        low, high = columns["low"], columns["high"]
        for price in (columns["open"], columns["close"]):
            assert (low <= price).all()
            assert (price <= high).all()
        assert (low > 0).all()
        assert (columns["volume"] > 0).all()


def test_prices_are_whole_cents(bars: SimulatedBars) -> None:
    closes = bars.daily_columns(*EVER)["close"]
    assert (np.round(closes, 2) == closes).all()


def test_a_half_day_ends_early(bars: SimulatedBars) -> None:
    # The day after Thanksgiving: 9:30 to 13:00 in New York.
    minutes = bars.minute_columns(dt.date(2024, 11, 29), dt.date(2024, 11, 30))["timestamp"]
    assert len(minutes) == 210
    assert (str(minutes[0]), str(minutes[-1])) == ("2024-11-29T14:30:00.000000", "2024-11-29T17:59:00.000000")


def test_an_ordinary_day_has_390_minutes_in_summer_time(bars: SimulatedBars) -> None:
    minutes = bars.minute_columns(dt.date(2024, 7, 2), dt.date(2024, 7, 3))["timestamp"]
    assert len(minutes) == 390
    assert str(minutes[0]) == "2024-07-02T13:30:00.000000"


def test_holidays_and_the_running_session_have_no_bars(bars: SimulatedBars) -> None:
    dates = {str(date) for date in bars.daily_columns(*EVER)["date"]}
    assert "2024-12-30" in dates
    assert not dates & {"2024-12-25", "2024-12-29", "2024-12-31"}


def test_returns_vary_as_the_profile_says(sessions: Sessions) -> None:
    profile = Profile(volatility=0.3, market_share=0.6)
    bars = Simulator(seed=3, sessions=sessions, until=NOON).simulate("TEST", profile)
    returns = np.diff(np.log(bars.daily_columns(*EVER)["close"]))
    # The standard error of a deviation from 1,250 returns is two percent of it.
    assert returns.std() * np.sqrt(252) == pytest.approx(0.3, rel=0.1)


def test_shares_move_with_the_market(sessions: Sessions) -> None:
    simulator = Simulator(seed=3, sessions=sessions, until=NOON)
    one, other = (
        np.diff(np.log(simulator.simulate(symbol, Profile(market_share=0.8)).daily_columns(*EVER)["close"]))
        for symbol in ("ONE", "OTHER")
    )
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(0.64, abs=0.08)


def test_no_session_gives_no_bars(bars: SimulatedBars) -> None:
    table = minute_table([bars], dt.date(2024, 12, 25), dt.date(2024, 12, 26))
    assert table.num_rows == 0
    assert table.column_names == ["symbol", "timestamp", "open", "high", "low", "close", "volume"]
