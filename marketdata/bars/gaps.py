"""Which sessions of an asked range have no bar at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from marketdata.bars.query import BarQuery, Gap
from marketdata.bars.reading import Shelf, Window, first_date_from
from marketdata.calendars import Sessions, sessions_of
from marketdata.models import Instrument

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Days = npt.NDArray[np.datetime64]

_ONE_DAY = timedelta(days=1)


def find_gaps(query: BarQuery, instruments: Mapping[str, Instrument], *, at: datetime) -> list[Gap]:
    """The gaps of every symbol in the whole asked range, up to the last session that is over `at` that moment.

    With an exchange calendar each of its sessions counts. Without one only the stretches before
    the first and after the last stored bar are known to be missing, and weekdays count.
    """
    shelf = Shelf.of(query.timeframe)
    return [gap for symbol in sorted(query.symbols) for gap in _of_one(shelf, query, instruments[symbol], at)]


def _of_one(shelf: Shelf, query: BarQuery, instrument: Instrument, at: datetime) -> Iterator[Gap]:
    import numpy as np

    window = Window(query.start, min(query.end or at, at))
    # A day that has a bar is no gap, even where the asked part of it has none: nobody traded then.
    ends = shelf.ends(instrument, _whole_days(window))
    sessions = sessions_of(instrument.calendar, today=at.date())
    expected = _expected(query, sessions, window=_bounded(window, ends, sessions, at), at=at)
    known_from = None if sessions is None or not len(sessions) else sessions.dates[0]
    if ends is None:
        missing = np.ones(len(expected), dtype=bool)
    else:
        first, last = (moment.astype("datetime64[D]") for moment in ends)
        missing = (expected < first) | (expected > last)
        if known_from is not None:
            stored = shelf.days(instrument, _midnight(first.astype(date)), _midnight(last.astype(date)) + _ONE_DAY)
            missing |= (expected >= known_from) & ~np.isin(expected, stored)
    for begin, end in runs(missing.tolist()):
        yield _clipped(instrument.symbol, expected[begin], expected[end - 1], query)


def _whole_days(window: Window) -> Window:
    """The window, widened to the midnights around it."""
    start, end = window.start, window.end
    return Window(
        start=None if start is None else _midnight(start.date()),
        end=None if end is None else _midnight(first_date_from(end)),
    )


def _bounded(
    window: Window, ends: tuple[np.datetime64, np.datetime64] | None, sessions: Sessions | None, at: datetime
) -> tuple[datetime, datetime]:
    """The asked range with a beginning: the earliest bar, or, when there is none, the last session."""
    end = window.end or at
    if window.start is not None:
        return window.start, end
    if ends is not None:
        earliest: datetime = ends[0].astype(datetime)
        return earliest.replace(tzinfo=UTC), end
    over = sessions.closed_by(at) if sessions is not None else None
    last = over.dates[-1].astype(date) if over is not None and len(over) else _last_weekday_before(at.date())
    return min(_midnight(last), end), end


def _expected(query: BarQuery, sessions: Sessions | None, *, window: tuple[datetime, datetime], at: datetime) -> Days:
    """The dates in the window on which a bar is expected, in order: datetime64[D]."""
    import numpy as np

    start, end = window
    # Daily bars start at midnight; of an intraday range every date counts that it touches.
    first = start.date() if query.timeframe.is_intraday else first_date_from(start)
    last = first_date_from(end)
    days = np.arange(np.datetime64(first, "D"), np.datetime64(max(first, last), "D"))
    if sessions is None or not len(sessions):
        return days[np.is_busday(days) & (days < np.datetime64(at.date(), "D"))]
    over = sessions.closed_by(at)
    if query.timeframe.is_intraday:
        open_dates = over.open_during(start, end).utc_dates() if start < end else days[:0]
    else:
        open_dates = over.dates
    # Before the library's first session nobody knows the holidays, but weekdays are expected.
    unknown = days[np.is_busday(days) & (days < sessions.dates[0])]
    return np.union1d(unknown, np.intersect1d(days, open_dates))


def runs(flags: Iterable[bool]) -> Iterator[tuple[int, int]]:
    """The stretches of true flags as half-open pairs of positions."""
    begin: int | None = None
    position = -1
    for position, flag in enumerate(flags):
        if flag and begin is None:
            begin = position
        elif not flag and begin is not None:
            yield begin, position
            begin = None
    if begin is not None:
        yield begin, position + 1


def _clipped(symbol: str, first: np.datetime64, last: np.datetime64, query: BarQuery) -> Gap:
    start, end = _midnight(first.astype(date)), _midnight(last.astype(date)) + _ONE_DAY
    return Gap(
        symbol=symbol,
        start=start if query.start is None else max(start, query.start),
        end=end if query.end is None else min(end, query.end),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _last_weekday_before(day: date) -> date:
    day -= _ONE_DAY
    while day.isoweekday() > 5:
        day -= _ONE_DAY
    return day
