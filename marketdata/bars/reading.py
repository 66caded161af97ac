"""Reading stored bars as columns, by raw cursor: a hundred thousand rows make no model instances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connections, router

from marketdata.bars.query import BarColumns, BarKey, BarQuery
from marketdata.models import DailyBar, Instrument, IntradayBar
from tradingsite.core.timeframes import Timeframe

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from django.db.backends.base.base import BaseDatabaseWrapper

_ONE_DAY = timedelta(days=1)
# One statement looks at no more days than this, so that it stays short.
_DAYS_AT_ONCE = timedelta(days=365)
# The columns of prices are exact decimals; a double holds their 15 digits, and is what JSON wants.
_AS_DOUBLE = {"sqlite": "CAST({} AS REAL)", "postgresql": "CAST({} AS float8)", "mysql": "{} + 0e0"}
_AS_UTC = {"sqlite": "{} || ''", "postgresql": "{} AT TIME ZONE 'UTC'", "mysql": "{}"}
_NEXT_MIDNIGHT = {
    "sqlite": "strftime('%%Y-%%m-%%d 00:00:00', {}, '+1 day')",
    "postgresql": "(date_trunc('day', {} AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC'",
}


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open range of time; None is open on that side."""

    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Shelf:
    """The table that holds a timeframe's bars, and how this engine reads it."""

    timeframe: Timeframe
    connection: BaseDatabaseWrapper
    table: str
    time: str

    @classmethod
    def of(cls, timeframe: Timeframe) -> Shelf:
        """Where the bars of this timeframe are stored."""
        model = IntradayBar if timeframe.is_intraday else DailyBar
        return cls(
            timeframe=timeframe,
            connection=connections[router.db_for_read(model)],
            table=model._meta.db_table,
            time="timestamp" if timeframe.is_intraday else "date",
        )

    def rows(self, instrument: Instrument, window: Window, *, limit: int, descending: bool) -> list[tuple[Any, ...]]:
        """(time, open, high, low, close, volume) of the bars that start in the window."""
        prices = ", ".join(self._double(name) for name in ("open", "high", "low", "close", "volume"))
        where, parameters = self._where(instrument, window)
        order = "DESC" if descending else "ASC"
        return self._fetch(
            f"SELECT {self._plain_time()}, {prices} FROM {self.table} "  # noqa: S608  # our own names
            f"WHERE {where} ORDER BY {self._column()} {order} LIMIT %s",
            [*parameters, limit],
        )

    def ends(self, instrument: Instrument, window: Window) -> tuple[np.datetime64, np.datetime64] | None:
        """The first and the last bar's time in the window; None when there is no bar."""
        first = self.rows(instrument, window, limit=1, descending=False)
        if not first:
            return None
        last = self.rows(instrument, window, limit=1, descending=True)
        times = to_times([first[0][0], last[0][0]])
        return times[0], times[1]

    def days(self, instrument: Instrument, first: datetime, end: datetime) -> npt.NDArray[np.datetime64]:
        """The dates (UTC) that have a bar from `first` to before `end`: datetime64[D], in order, each once."""
        if not self.timeframe.is_intraday:
            return to_times(self._every_day(instrument, Window(first, end))).astype("datetime64[D]")
        find = self._probe_days if self.connection.vendor == "mysql" else self._jump_by_day
        found: list[Any] = []
        while first < end:
            stop = min(first + _DAYS_AT_ONCE, end)
            found += find(instrument, Window(first, stop))
            first = stop
        return to_times(found).astype("datetime64[D]")

    def _every_day(self, instrument: Instrument, window: Window) -> list[Any]:
        where, parameters = self._where(instrument, window)
        sql = f"SELECT {self._plain_time()} FROM {self.table} WHERE {where} ORDER BY {self._column()}"  # noqa: S608
        return [time for (time,) in self._fetch(sql, parameters)]

    def _jump_by_day(self, instrument: Instrument, window: Window) -> list[Any]:
        """The first bar of each day, found by jumping from day to day in the index, not by reading all bars."""
        where, parameters = self._where(instrument, window)
        rest, rest_parameters = self._where(instrument, replace(window, start=None))
        time = self._column()
        midnight = _NEXT_MIDNIGHT[self.connection.vendor].format("days.first_bar")
        sql = (
            f"WITH RECURSIVE days(first_bar) AS ("  # noqa: S608  # our own names
            f"SELECT MIN({time}) FROM {self.table} WHERE {where} "
            f"UNION ALL SELECT (SELECT MIN({time}) FROM {self.table} WHERE {rest} AND {time} >= {midnight}) "
            f"FROM days WHERE days.first_bar IS NOT NULL) "
            f"SELECT {_AS_UTC[self.connection.vendor].format('first_bar')} FROM days WHERE first_bar IS NOT NULL"
        )
        return [time for (time,) in self._fetch(sql, [*parameters, *rest_parameters])]

    def _probe_days(self, instrument: Instrument, window: Window) -> list[Any]:
        """Each day asked for by itself: MariaDB reads the whole index for every jump, and stops after 1,000 of them."""
        assert window.start is not None and window.end is not None  # noqa: S101, PT018  # `days` gives both
        probes, parameters = [], []
        day = window.start
        while day < window.end:
            where, of_day = self._where(instrument, Window(day, day + _ONE_DAY))
            probes.append(f"SELECT %s FROM DUAL WHERE EXISTS (SELECT 1 FROM {self.table} WHERE {where})")  # noqa: S608
            parameters += [day.date().isoformat(), *of_day]
            day += _ONE_DAY
        return [time for (time,) in self._fetch(" UNION ALL ".join(probes), parameters)]

    def _where(self, instrument: Instrument, window: Window) -> tuple[str, list[Any]]:
        conditions = ["instrument_id = %s"]
        parameters: list[Any] = [instrument.pk]
        if self.timeframe.is_intraday:
            conditions.append("timeframe = %s")
            parameters.append(self.timeframe.value)
        for bound, operator in ((window.start, ">="), (window.end, "<")):
            if bound is not None:
                conditions.append(f"{self._column()} {operator} %s")
                parameters.append(self._parameter(bound))
        return " AND ".join(conditions), parameters

    def _parameter(self, bound: datetime) -> Any:
        if self.timeframe.is_intraday:
            return self.connection.ops.adapt_datetimefield_value(bound)
        return self.connection.ops.adapt_datefield_value(first_date_from(bound))

    def _column(self) -> str:
        return self.connection.ops.quote_name(self.time)

    def _plain_time(self) -> str:
        if self.time == "date":
            return f"{self._column()} || ''" if self.connection.vendor == "sqlite" else self._column()
        return _AS_UTC[self.connection.vendor].format(self._column())

    def _double(self, name: str) -> str:
        return _AS_DOUBLE[self.connection.vendor].format(self.connection.ops.quote_name(name))

    def _fetch(self, sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())


def first_date_from(moment: datetime) -> date:
    """The date of the first midnight (UTC) at that moment or later: daily bars start at midnight."""
    moment = moment.astimezone(UTC)
    if (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0) or moment.date() == date.max:
        return moment.date()
    return moment.date() + _ONE_DAY


def to_times(values: Iterable[Any]) -> npt.NDArray[np.datetime64]:
    """What the drivers answer (text, dates, naive timestamps in UTC) as datetime64[us]."""
    import numpy as np

    return np.array(list(values), dtype="datetime64[us]")


def read_columns(query: BarQuery, instruments: Mapping[str, Instrument]) -> tuple[BarColumns, BarKey | None]:
    """The rows of one page, and the key of its last row when more follow."""
    shelf = Shelf.of(query.timeframe)
    symbols: list[str] = []
    rows: list[tuple[Any, ...]] = []
    for symbol in sorted(query.symbols):
        window = _window(query, symbol)
        if window is None:
            continue
        # One more than the page holds, to know whether there is another page.
        room = query.limit + 1 - len(rows)
        found = shelf.rows(instruments[symbol], window, limit=room, descending=query.descending)
        rows += found
        symbols += [symbol] * len(found)
        if len(rows) > query.limit:
            break
    more = len(rows) > query.limit
    columns = _columns(symbols[: query.limit], rows[: query.limit])
    if not more:
        return columns, None
    last = columns.timestamp[-1].astype(datetime).replace(tzinfo=UTC)
    return columns, BarKey(columns.symbol[-1], last)


def _window(query: BarQuery, symbol: str) -> Window | None:
    """What is left to read of a symbol; None when the pages before have all of it."""
    if query.after is None or symbol > query.after.symbol:
        return Window(query.start, query.end)
    if symbol < query.after.symbol:
        return None
    if query.descending:
        return Window(query.start, query.after.start)
    # The smallest step: a bar's time has microseconds at most; a daily bar's next is a day on.
    step = timedelta(microseconds=1) if query.timeframe.is_intraday else _ONE_DAY
    try:
        return Window(query.after.start + step, query.end)
    except OverflowError:
        return None


def _columns(symbols: list[str], rows: list[tuple[Any, ...]]) -> BarColumns:
    times, opens, highs, lows, closes, volumes = zip(*rows, strict=True) if rows else ((),) * 6
    return BarColumns(
        symbol=symbols,
        timestamp=to_times(times),
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        # Whole numbers without a point, as everybody writes volumes.
        volume=[int(volume) if volume is not None and volume.is_integer() else volume for volume in volumes],
    )
