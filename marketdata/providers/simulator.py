"""Bars out of a seed, for demos and trials; pure but for the calendar's sessions that it is given.

The same seed, symbol and sessions give the same bars, whenever they are asked for and however far
they reach: every session's randomness is a row of its own in its year's table of random numbers.
A session is simulated by the minute, and its daily bar is what its minutes add up to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from marketdata.providers.profiles import Profile

if TYPE_CHECKING:
    import pyarrow as pa

    from marketdata.calendars import Sessions

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Booleans = npt.NDArray[np.bool_]

#: Paths begin here, so that a day's price does not depend on how far back somebody looks.
BEGINNING = date(2020, 1, 1)
SESSIONS_A_YEAR = 252
#: The part of a day's variance that happens while the exchange is closed.
OVERNIGHT = 0.2
#: How much of its distance from the level a price loses in a session.
REVERSION = 1 / 500
_DAYS = 366
_MARKET = "the market"


@dataclass(frozen=True, slots=True)
class SimulatedBars:
    """One symbol's minutes, a row a session; prices in cents. Minutes after the close are masked out."""

    symbol: str
    sessions: Sessions
    is_open: Booleans
    opens: Integers
    highs: Integers
    lows: Integers
    closes: Integers
    volumes: Integers

    def daily_columns(self, first: date, until: date) -> dict[str, npt.NDArray[Any]]:
        """Daily bars of the sessions dated from `first` to before `until`."""
        rows = self._rows(first, until)
        last_minute = self.is_open[rows].sum(axis=1) - 1
        return {
            "date": self.sessions.dates[rows],
            "open": self.opens[rows, 0] / 100,
            "high": np.where(self.is_open[rows], self.highs[rows], 0).max(axis=1) / 100,
            "low": np.where(self.is_open[rows], self.lows[rows], np.iinfo(np.int64).max).min(axis=1) / 100,
            "close": self.closes[rows, last_minute] / 100,
            "volume": np.where(self.is_open[rows], self.volumes[rows], 0).sum(axis=1),
        }

    def minute_columns(self, first: date, until: date) -> dict[str, npt.NDArray[Any]]:
        """Minute bars of the sessions dated from `first` to before `until`; times in UTC."""
        rows = self._rows(first, until)
        shown = self.is_open[rows]
        minutes = np.arange(shown.shape[1]).astype("timedelta64[m]")
        return {
            "timestamp": (self.sessions.opens[rows, None] + minutes)[shown],
            "open": self.opens[rows][shown] / 100,
            "high": self.highs[rows][shown] / 100,
            "low": self.lows[rows][shown] / 100,
            "close": self.closes[rows][shown] / 100,
            "volume": self.volumes[rows][shown],
        }

    def _rows(self, first: date, until: date) -> Integers:
        dates = self.sessions.dates
        return np.flatnonzero((dates >= np.datetime64(first, "D")) & (dates < np.datetime64(until, "D")))


class Simulator:
    """Simulates the sessions of one exchange, from BEGINNING on, under one seed.

    A pause in the middle of a session (as in Hong Kong) is simulated through.
    """

    def __init__(self, *, seed: int, sessions: Sessions, until: datetime) -> None:
        self.seed = seed
        self.sessions = sessions.dated(BEGINNING, date.max).closed_by(until)

    def simulate(self, symbol: str, profile: Profile) -> SimulatedBars:
        """All sessions that are over."""
        shocks = self._shocks(symbol, profile)
        opening, path = self._path(shocks, profile)
        closes = np.maximum(np.rint(path * 100), 1).astype(np.int64)
        opens = np.empty_like(closes)
        opens[:, 0] = np.maximum(np.rint(opening * 100), 1)
        opens[:, 1:] = closes[:, :-1]
        upper, lower, busy = self._details(symbol)
        # Within a minute the price strays about as far as it moves from one minute to the next.
        stray = self._minute_deviation(profile)
        top, bottom = np.maximum(opens, closes), np.minimum(opens, closes)
        volumes = profile.volume * self._activity * np.exp(0.5 * busy)
        return SimulatedBars(
            symbol=symbol,
            sessions=self.sessions,
            is_open=self._is_open,
            opens=opens,
            highs=top + np.rint(top * stray * upper).astype(np.int64),
            lows=np.maximum(bottom - np.rint(bottom * stray * lower).astype(np.int64), 1),
            closes=closes,
            volumes=np.maximum(np.rint(volumes), 1).astype(np.int64),
        )

    def _shocks(self, symbol: str, profile: Profile) -> Floats:
        """Log returns: in column 0 over night, then minute by minute; 0 when closed."""
        own = self._normals(symbol, columns=self._minutes + 1)
        together = profile.market_share * self._market + math.sqrt(1 - profile.market_share**2) * own
        together[:, 0] *= profile.volatility * math.sqrt(OVERNIGHT / SESSIONS_A_YEAR)
        together[:, 1:] *= self._minute_deviation(profile) * self._is_open
        return together

    def _path(self, shocks: Floats, profile: Profile) -> tuple[Floats, Floats]:
        """The price at each session's open, and after each of its minutes."""
        years = (self.sessions.dates - np.datetime64(BEGINNING, "D")).astype(np.float64) / 365.25
        level = math.log(profile.level) + profile.growth * years
        before = np.empty(len(self.sessions))
        distance = 0.0
        for row, total in enumerate(shocks.sum(axis=1)):
            distance *= 1 - REVERSION
            before[row] = distance
            distance += total
        paths = (level + before)[:, None] + np.cumsum(shocks, axis=1)
        return np.exp(paths[:, 0]), np.exp(paths[:, 1:])

    def _minute_deviation(self, profile: Profile) -> Floats:
        """Of log returns, by minute of the session: more after the open and before the close."""
        share = self._smile / self._smile.sum()
        deviation: Floats = profile.volatility * np.sqrt((1 - OVERNIGHT) / SESSIONS_A_YEAR * share)
        return deviation

    def _details(self, symbol: str) -> tuple[Floats, Floats, Floats]:
        """How far each minute strays up and down, and how busy it is."""
        numbers = self._normals(f"{symbol} within the minute", columns=3 * self._minutes)
        upper, lower, busy = np.split(numbers, 3, axis=1)
        return np.abs(upper), np.abs(lower), busy

    def _normals(self, name: str, *, columns: int) -> Floats:
        """A row of random numbers a session, the same whichever sessions are asked for."""
        dates = self.sessions.dates
        years = dates.astype("datetime64[Y]")
        parts = []
        for year in np.unique(years):
            key = [self.seed, int(year.astype(np.int64)) + 1970, *name.encode()]
            table = np.random.Generator(np.random.PCG64(np.random.SeedSequence(key))).standard_normal((_DAYS, columns))
            parts.append(table[(dates[years == year] - year).astype(np.int64)])
        return np.concatenate(parts) if parts else np.empty((0, columns))

    @cached_property
    def _market(self) -> Floats:
        return self._normals(_MARKET, columns=self._minutes + 1)

    @cached_property
    def _lengths(self) -> Integers:
        """Minutes of each session."""
        return ((self.sessions.closes - self.sessions.opens) / np.timedelta64(1, "m")).astype(np.int64)

    @cached_property
    def _minutes(self) -> int:
        return int(self._lengths.max(initial=1))

    @cached_property
    def _is_open(self) -> Booleans:
        """By session and minute: false after a half-day's close."""
        shown: Booleans = np.arange(self._minutes) < self._lengths[:, None]
        return shown

    @cached_property
    def _smile(self) -> Floats:
        """How lively each minute is: two and a half times as much at the ends as in the middle."""
        middle = np.linspace(-1, 1, self._minutes)
        smile: Floats = 1 + 1.5 * middle**2
        return smile

    @cached_property
    def _activity(self) -> Floats:
        """Each minute's part of an ordinary day's volume."""
        part: Floats = self._smile / self._smile.sum()
        return part


def daily_table(bars: list[SimulatedBars], first: date, until: date) -> pa.Table:
    """Daily bars of several symbols as an Arrow table that `load_bars` takes."""
    return _table([(item.symbol, item.daily_columns(first, until)) for item in bars])


def minute_table(bars: list[SimulatedBars], first: date, until: date) -> pa.Table:
    """Minute bars of several symbols as an Arrow table that `load_bars` takes."""
    return _table([(item.symbol, item.minute_columns(first, until)) for item in bars])


def _table(parts: list[tuple[str, dict[str, npt.NDArray[Any]]]]) -> pa.Table:
    import pyarrow as pa

    tables = []
    for symbol, columns in parts:
        arrays = {name: pa.array(values) for name, values in columns.items()}
        if "timestamp" in arrays:
            arrays["timestamp"] = arrays["timestamp"].cast(pa.timestamp("us", "UTC"))
        rows = len(next(iter(columns.values())))
        tables.append(pa.table({"symbol": pa.array([symbol] * rows, pa.string()), **arrays}))
    return pa.concat_tables(tables)
