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
    Flags = npt.NDArray[np.bool_]
    #: The first and the last bar's time; None where there is no bar.
    Ends = tuple[np.datetime64, np.datetime64] | None

_ONE_DAY = timedelta(days=1)
#: Weekdays in a row; New York was closed for four in September 2001.
MOST_HOLIDAYS = 4


def find_gaps(
    query: BarQuery, instruments: Mapping[str, Instrument], shelves: Mapping[str, Shelf], *, at: datetime
) -> list[Gap]:
    """The gaps of every symbol in the whole asked range, up to the last session that is over `at` that moment.

    `shelves` says where each symbol's bars lie, those that longer ones are made of.

    With an exchange calendar each of its sessions counts. Without one only what lies before the
    first and after the last stored bar of the range is known to be missing: the weekdays of it,
    unless there are so few between two stored bars that they can be holidays.
    """
    return [gap for symbol in sorted(query.symbols) for gap in _of_one(shelves[symbol], query, instruments[symbol], at)]


def _of_one(shelf: Shelf, query: BarQuery, instrument: Instrument, at: datetime) -> Iterator[Gap]:
    import numpy as np

    window = Window(query.start, min(query.end or at, at))
    # A day that has a bar is no gap, even where the asked part of it has none: nobody traded then.
    whole = _whole_days(window)
    ends = shelf.ends(instrument, whole)
    sessions = sessions_of(instrument.session_calendar, today=at.date())
    expected = _expected(shelf, sessions, window=_bounded(window, ends, sessions, at), at=at)
    missing = np.zeros(len(expected), dtype=bool)
    known = missing if sessions is None or not len(sessions) else expected >= sessions.dates[0]
    if known.any():
        missing = _missing_sessions(shelf, instrument, expected, ends) & known
    if not known.all():
        missing = missing | (_missing_ends(shelf, instrument, expected, ends, whole) & ~known)
    for begin, end in runs(missing.tolist()):
        yield _clipped(instrument.symbol, expected[begin], expected[end - 1], query)


def _missing_sessions(shelf: Shelf, instrument: Instrument, expected: Days, ends: Ends) -> Flags:
    """Which of the expected dates have no bar."""
    import numpy as np

    if ends is None:
        return np.ones(len(expected), dtype=bool)
    first, last = _midnight(_date(ends[0])), _midnight(_date(ends[1])) + _ONE_DAY
    return ~np.isin(expected, shelf.days(instrument, first, last))


def _missing_ends(shelf: Shelf, instrument: Instrument, expected: Days, ends: Ends, whole: Window) -> Flags:
    """Which of the expected dates lie before the first or after the last bar, and are more than holidays."""
    import numpy as np

    first, last = (None, None) if ends is None else (_date(ends[0]), _date(ends[1]))
    before = np.ones(len(expected), dtype=bool) if first is None else expected < np.datetime64(first, "D")
    after = before if last is None else expected > np.datetime64(last, "D")
    if not before.any() and not after.any():
        return before
    earlier = shelf.ends(instrument, Window(None, whole.start)) if whole.start is not None else None
    later = shelf.ends(instrument, Window(whole.end, None))
    previous = _date(earlier[1]) if earlier is not None else None
    following = _date(later[0]) if later is not None else None
    if _can_be_holidays(previous, first or following):
        before = np.zeros(len(expected), dtype=bool)
    if _can_be_holidays(last or previous, following):
        after = np.zeros(len(expected), dtype=bool)
    return before | after


def _can_be_holidays(bar: date | None, next_bar: date | None) -> bool:
    """Whether the weekdays between two bars, neither of which is missing, can be holidays."""
    import numpy as np

    return bar is not None and next_bar is not None and int(np.busday_count(bar + _ONE_DAY, next_bar)) <= MOST_HOLIDAYS


def _whole_days(window: Window) -> Window:
    """The window, widened to the midnights around it."""
    start, end = window.start, window.end
    return Window(
        start=None if start is None else _midnight(start.date()),
        end=None if end is None else _midnight(first_date_from(end)),
    )


def _bounded(window: Window, ends: Ends, sessions: Sessions | None, at: datetime) -> tuple[datetime, datetime]:
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


def _expected(shelf: Shelf, sessions: Sessions | None, *, window: tuple[datetime, datetime], at: datetime) -> Days:
    """The dates in the window on which a bar is expected, in order: datetime64[D]."""
    import numpy as np

    start, end = window
    # Daily bars start at midnight; of an intraday range every date counts that it touches.
    first = start.date() if shelf.timeframe.is_intraday else first_date_from(start)
    last = first_date_from(end)
    days = np.arange(np.datetime64(first, "D"), np.datetime64(max(first, last), "D"))
    if sessions is None or not len(sessions):
        return days[np.is_busday(days) & (days < np.datetime64(at.date(), "D"))]
    over = sessions.closed_by(at)
    if shelf.timeframe.is_intraday:
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


def _date(moment: np.datetime64) -> date:
    day: date = moment.astype("datetime64[D]").astype(date)
    return day


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _last_weekday_before(day: date) -> date:
    day -= _ONE_DAY
    while day.isoweekday() > 5:
        day -= _ONE_DAY
    return day
