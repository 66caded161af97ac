"""Reading stored bars as columns, by raw cursor: a hundred thousand rows make no model instances.

Numbers are asked for as doubles, the nearest to decimals of 15 digits, and become those decimals again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connections, router

from marketdata.models import DailyBar, Instrument, IntradayBar
from tradingsite.core.decimals import PRICE_PLACES, VOLUME_PLACES
from tradingsite.core.timeframes import Timeframe

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from django.db.backends.base.base import BaseDatabaseWrapper

    from marketdata.archive.catalog import FoundPlace
    from marketdata.bars.series import Series

_ONE_DAY = timedelta(days=1)
# One statement looks at no more days than this, so that it stays short.
_DAYS_AT_ONCE = timedelta(days=365)
_AS_DOUBLE = {"sqlite": "CAST({} AS REAL)", "postgresql": "CAST({} AS float8)", "mysql": "{} + 0e0"}
_AS_UTC = {"sqlite": "{} || ''", "postgresql": "{} AT TIME ZONE 'UTC'", "mysql": "{}"}
# Days or seconds since 1970, by the kind of the time column.
_DAY_NUMBER = {
    "sqlite": "CAST(julianday({}) - 2440587.5 AS INTEGER)",
    "postgresql": "{} - DATE '1970-01-01'",
    "mysql": "TO_DAYS({}) - 719528",
}
_SECONDS = {
    "sqlite": "CAST(strftime('%%s', {}) AS INTEGER)",
    "postgresql": "CAST(EXTRACT(EPOCH FROM {}) AS float8)",
    "mysql": "TIMESTAMPDIFF(SECOND, '1970-01-01', {})",
}
_MICROSECONDS_A_DAY = 86_400_000_000
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
    """Where a timeframe's bars lie: the table and how this engine reads it, and for intraday ones the archive.

    What is live lies over what is sealed. Ask inside `read_snapshot()`, so that both are of one moment.
    """

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

    def series(
        self, instrument: Instrument, window: Window, *, limit: int | None = None, latest: bool = False
    ) -> Series:
        """The bars that start in the window, in the order of time; of more than `limit` the first, or the `latest`."""
        from marketdata.bars.sealed import laid_over, read_sealed

        live = self._live(instrument, window, limit=limit, latest=latest)
        found = self._sealed(instrument, window)
        if not found:
            return live
        sealed = read_sealed(self.timeframe, found, window.start, window.end, limit=limit, latest=latest)
        both = laid_over(sealed, live)
        if limit is None or len(both) <= limit:
            return both
        return both.take(slice(len(both) - limit, None) if latest else slice(limit))

    def _live(self, instrument: Instrument, window: Window, *, limit: int | None, latest: bool) -> Series:
        import numpy as np

        from marketdata.bars.series import PRICES, Series
        from marketdata.ingest.numbers import unscaled_of_floats

        where, parameters = self._where(instrument, window)
        # No volume is below nothing, so -1 can stand for one that nobody knows.
        numbers = [*(self._double(name) for name in PRICES), f"COALESCE({self._double('volume')}, -1)"]
        sql = (
            f"SELECT {self._number_of_time()}, {', '.join(numbers)} FROM {self.table} "  # noqa: S608  # our own names
            f"WHERE {where} ORDER BY {self._column()} {'DESC' if latest else 'ASC'}"
        )
        if limit is not None:
            sql, parameters = f"{sql} LIMIT %s", [*parameters, limit]
        found = np.array(self._fetch(sql, parameters), dtype=np.float64).reshape(-1, 6)
        if latest:
            found = found[::-1]
        scale = 1_000_000 if self.timeframe.is_intraday else _MICROSECONDS_A_DAY
        unknown = found[:, 5] < 0
        prices = {name: unscaled_of_floats(found[:, place], PRICE_PLACES) for place, name in enumerate(PRICES, start=1)}
        return Series(
            start=np.rint(found[:, 0] * scale).astype(np.int64).astype("datetime64[us]"),
            volume=unscaled_of_floats(np.where(unknown, 0.0, found[:, 5]), VOLUME_PLACES),
            no_volume=unknown,
            **prices,
        )

    def has_any(self, instrument: Instrument, window: Window) -> bool:
        """Whether any bar starts in the window."""
        return bool(self._edge(instrument, window, latest=False))

    def ends(self, instrument: Instrument, window: Window) -> tuple[np.datetime64, np.datetime64] | None:
        """The first and the last bar's time in the window; None when there is no bar."""
        first = self._edge(instrument, window, latest=False)
        if not first:
            return None
        times = to_times([*first, *self._edge(instrument, window, latest=True)])
        return times[0], times[1]

    def _sealed(self, instrument: Instrument, window: Window) -> Sequence[FoundPlace]:
        """Where sealed bars of the window lie; daily ones are never sealed."""
        from marketdata.bars.sealed import find_sealed

        if not self.timeframe.is_intraday:
            return ()
        return find_sealed(self.timeframe, instrument, window.start, window.end)

    def _edge(self, instrument: Instrument, window: Window, *, latest: bool) -> list[Any]:
        """The time of the first or the latest bar in the window, as a list of one; empty without any."""
        from marketdata.bars.sealed import read_sealed

        edges = to_times(self._live_edge(instrument, window, latest=latest)).tolist()
        if found := self._sealed(instrument, window):
            sealed = read_sealed(self.timeframe, found, window.start, window.end, limit=1, latest=latest)
            edges += sealed.start.tolist()
        return [max(edges) if latest else min(edges)] if edges else []

    def _live_edge(self, instrument: Instrument, window: Window, *, latest: bool) -> list[Any]:
        where, parameters = self._where(instrument, window)
        order = "DESC" if latest else "ASC"
        sql = f"SELECT {self._plain_time()} FROM {self.table} WHERE {where} ORDER BY {self._column()} {order} LIMIT 1"  # noqa: S608
        return [time for (time,) in self._fetch(sql, parameters)]

    def days(self, instrument: Instrument, first: datetime, end: datetime) -> npt.NDArray[np.datetime64]:
        """The dates (UTC) that have a bar from `first` to before `end`: datetime64[D], in order, each once."""
        import numpy as np

        from marketdata.bars.sealed import sealed_days

        if not self.timeframe.is_intraday:
            return to_times(self._every_day(instrument, Window(first, end))).astype("datetime64[D]")
        sealed = self._sealed(instrument, Window(first, end))
        live = self.live_days(instrument, first, end)
        if not sealed:
            return live
        return np.union1d(live, sealed_days(self.timeframe, sealed, first, end))

    def live_days(self, instrument: Instrument, first: datetime, end: datetime) -> npt.NDArray[np.datetime64]:
        """The same of what is not sealed, by jumps in the index."""
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

    def _number_of_time(self) -> str:
        numbers = _SECONDS if self.timeframe.is_intraday else _DAY_NUMBER
        return numbers[self.connection.vendor].format(self._column())

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
