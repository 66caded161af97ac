"""One page of an answer: bars as they are stored, or made of shorter ones, as many as it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from marketdata.bars.query import BarKey, BarQuery, SymbolBars, TradingHours
from marketdata.bars.reading import Shelf, Window
from marketdata.calendars import Sessions, sessions_of
from marketdata.models import Instrument
from tradingsite.core.timeframes import Timeframe

if TYPE_CHECKING:
    import numpy as np

    from marketdata.bars.series import Flags, Moments, Series

_ONE_DAY = timedelta(days=1)
# The most time that an interval covers, from its start to its last bar's.
_LONGEST = {Timeframe.DAY_1: 2 * _ONE_DAY, Timeframe.WEEK_1: 7 * _ONE_DAY, Timeframe.MONTH_1: 31 * _ONE_DAY}
_NEVER_STORED = frozenset({Timeframe.WEEK_1, Timeframe.MONTH_1})
_TICK = timedelta(microseconds=1)
#: As many of the source's bars are in memory at a time; more than any interval is made of.
AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class Maker:
    """How one symbol's bars of the asked timeframe come about: read as they are, or made of those of `source`."""

    timeframe: Timeframe
    instrument: Instrument
    shelf: Shelf
    sessions: Sessions | None
    hours: TradingHours
    #: Bars that start then or later are not answered: they are not over.
    until: datetime | None = None
    #: What is done to stored bars before longer ones are made of them.
    adjust: Callable[[Series], Series] | None = None

    def read(self, window: Window, *, limit: int, latest: bool) -> Series:
        """The bars that start in the window, in the order of time; of more than `limit` the first, or the `latest`."""
        from marketdata.bars.series import joined

        if self.until is not None:
            window = replace(window, end=self.until if window.end is None else min(window.end, self.until))
        if self.shelf.timeframe == self.timeframe and not self._is_cut:
            return self._stored(window, limit=limit, latest=latest)
        parts: list[Series] = []
        count = 0
        rest: Window | None = self._of_source(window)
        while rest is not None and count < limit:
            source = self._stored(rest, limit=AT_ONCE, latest=latest)
            made, rest = self._make(source, rest, latest=latest)
            made = made.take(_starting_in(made.start, window))
            parts.append(made)
            count += len(made)
        return joined(parts[::-1] if latest else parts).take(slice(-limit, None) if latest else slice(0, limit))

    def _stored(self, window: Window, *, limit: int, latest: bool) -> Series:
        """Stored bars, adjusted: a week across a split is made of prices of one kind."""
        series = self.shelf.series(self.instrument, window, limit=limit, latest=latest)
        return series if self.adjust is None else self.adjust(series)

    @property
    def _is_cut(self) -> bool:
        """Whether only what is traded in sessions counts: where that is asked for, and always in a daily bar."""
        only_sessions = self.hours == TradingHours.REGULAR or self.timeframe == Timeframe.DAY_1
        return (
            only_sessions and self.shelf.timeframe.is_intraday and self.sessions is not None and len(self.sessions) > 0
        )

    def _of_source(self, window: Window) -> Window:
        """Where the source's bars of the intervals lie that start in the window."""
        length = _LONGEST.get(self.timeframe, _longest_of(self.timeframe))
        start, end = window.start, window.end
        if self.timeframe == Timeframe.DAY_1 and start is not None:
            # What belongs to a session can begin the evening before its date.
            start = max(start, datetime.min.replace(tzinfo=UTC) + _ONE_DAY) - _ONE_DAY
        if end is not None:
            end = min(end, datetime.max.replace(tzinfo=UTC) - length) + length
        return Window(start, end)

    def _make(self, source: Series, window: Window, *, latest: bool) -> tuple[Series, Window | None]:
        """The bars that these of the source make, and where to read on.

        The bar at the far end is left to the next time when there may be more of its source.
        """
        from marketdata.bars import resampling

        kept = source
        if self._is_cut and self.sessions is not None:
            kept = source.take(resampling.is_regular(source.start, self.sessions))
        starts = self._starts(kept)
        rest: Window | None = None
        if len(source) == AT_ONCE:
            whole = starts != starts[0 if latest else -1] if len(kept) else kept.no_volume
            # Of what is out of hours nothing is read twice.
            left = kept.start[~whole] if len(kept) else source.start[:0]
            if latest:
                rest = replace(window, end=_moment(left[-1] if len(left) else source.start[0] - _tick()) + _TICK)
            else:
                rest = replace(window, start=_moment(left[0] if len(left) else source.start[-1] + _tick()))
            kept, starts = kept.take(whole), starts[whole]
        return (kept if self.shelf.timeframe == self.timeframe else resampling.resample(kept, starts)), rest

    def _starts(self, source: Series) -> Moments:
        """When the interval of the asked timeframe began that each bar belongs to."""
        from marketdata.bars import resampling

        if self.shelf.timeframe == self.timeframe:
            return source.start
        match self.timeframe:
            case Timeframe.DAY_1:
                return resampling.session_dates(source.start, self.sessions)
            case Timeframe.WEEK_1:
                return resampling.week_starts(source.start)
            case Timeframe.MONTH_1:
                return resampling.month_starts(source.start)
            case _:
                return resampling.interval_starts(source.start, self.timeframe, self.sessions)


def _longest_of(timeframe: Timeframe) -> timedelta:
    return timeframe.duration if timeframe.is_intraday else _ONE_DAY


def _starting_in(starts: Moments, window: Window) -> Flags:
    import numpy as np

    inside = np.ones(len(starts), dtype=np.bool_)
    if window.start is not None:
        inside &= starts >= np.datetime64(window.start.astimezone(UTC).replace(tzinfo=None), "us")
    if window.end is not None:
        inside &= starts < np.datetime64(window.end.astimezone(UTC).replace(tzinfo=None), "us")
    return inside


def _moment(time: np.datetime64) -> datetime:
    moment: datetime = time.astype(datetime)
    return moment.replace(tzinfo=UTC)


def _tick() -> np.timedelta64:
    import numpy as np

    return np.timedelta64(1, "us")


def maker_for(query: BarQuery, instrument: Instrument, *, at: datetime) -> Maker:
    """How this symbol's bars of the asked range come about: stored ones where there are any, else the longest shorter.

    Decided by the whole range, so that every page of an answer has bars of one kind.
    """
    from marketdata.bars.availability import available_end
    from marketdata.bars.resampling import finest_divisors

    whole = Window(query.start, query.end)
    sessions = sessions_of(instrument.session_calendar, today=at.date())
    shelves = [Shelf.of(query.timeframe)] if query.timeframe not in _NEVER_STORED else []
    shelves += [Shelf.of(timeframe) for timeframe in finest_divisors(query.timeframe)]
    until = None if query.asof is None else available_end(at, query.timeframe, sessions)
    makers = [Maker(query.timeframe, instrument, shelf, sessions, query.hours, until) for shelf in shelves]
    return next((maker for maker in makers if maker.shelf.has_any(instrument, whole)), makers[0])


def read_page(query: BarQuery, makers: Mapping[str, Maker]) -> tuple[list[SymbolBars], BarKey | None]:
    """The rows of one page by symbol, and the key of its last row when more follow."""
    parts: list[SymbolBars] = []
    room = query.limit
    for symbol in sorted(query.symbols):
        window = _window(query, symbol)
        if window is None:
            continue
        # One more than the page holds, to know whether there is another page.
        series = makers[symbol].read(window, limit=room + 1, latest=query.descending)
        if query.descending:
            series = series.take(slice(None, None, -1))
        if len(series) > room:
            if room:
                parts.append(SymbolBars(symbol, series.take(slice(0, room))))
            return parts, _key_of(parts[-1])
        if len(series):
            parts.append(SymbolBars(symbol, series))
            room -= len(series)
    return parts, None


def _key_of(part: SymbolBars) -> BarKey:
    return BarKey(part.symbol, _moment(part.series.start[-1]))


def _window(query: BarQuery, symbol: str) -> Window | None:
    """What is left to read of a symbol; None when the pages before have all of it."""
    whole = Window(query.start, query.end)
    if query.after is None or symbol > query.after.symbol:
        return whole
    if symbol < query.after.symbol:
        return None
    if query.descending:
        return replace(whole, end=query.after.start)
    # The smallest step: a bar's time has microseconds at most; a daily bar's next is a day on.
    step = _TICK if query.timeframe.is_intraday else _ONE_DAY
    try:
        return replace(whole, start=query.after.start + step)
    except OverflowError:
        return None
