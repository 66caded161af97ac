"""When exchanges are open: a thin wrapper over exchange_calendars, and the hours of currencies, which have none.

exchange_calendars imports pandas, half a second; so it is imported in the functions, and
each calendar is built once a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache, lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Moments = npt.NDArray[np.datetime64]

#: Currencies: from 17:00 in New York to 17:00 there, Sunday evening to Friday, dated by the day they end on.
FX = "FX"
#: What never closes: a session a day, from midnight to midnight UTC.
ALWAYS = "24/7"
_NEW_YORK = ZoneInfo("America/New_York")
_FX_CLOSE = time(17)
# Rates float since then.
_FX_FROM = date(1971, 1, 4)
# Nobody has bars older than this; building a calendar from there takes a tenth of a second.
EARLIEST = date(1900, 1, 1)
# Where to try next with an exchange whose holidays are not known from there.
_BEGINNINGS = tuple(date(year, 1, 1) for year in (1960, 1980, 1991, 1997, 2005))


@dataclass(frozen=True, slots=True)
class Sessions:
    """Trading days of one exchange in order: their dates there, and when they open and close, UTC."""

    #: datetime64[D]
    dates: Moments
    #: datetime64[us]
    opens: Moments
    #: datetime64[us]
    closes: Moments

    def __len__(self) -> int:
        return len(self.dates)

    def dated(self, start: date, end: date) -> Sessions:
        """Those dated from `start` to before `end`."""
        return self._part((self.dates >= _day(start)) & (self.dates < _day(end)))

    def open_during(self, start: datetime, end: datetime) -> Sessions:
        """Those that are open at some moment from `start` to before `end`."""
        return self._part((self.closes > _moment(start)) & (self.opens < _moment(end)))

    def closed_by(self, at: datetime) -> Sessions:
        """Those that are over at that moment."""
        return self._part(self.closes <= _moment(at))

    def utc_dates(self) -> Moments:
        """The UTC dates on which one of them is open, in order, each once: datetime64[D]."""
        import numpy as np

        first = self.opens.astype("datetime64[D]")
        last = (self.closes - np.timedelta64(1, "us")).astype("datetime64[D]")
        # Trading that starts the evening before (futures) spans two dates; none spans more.
        return np.unique(np.concatenate([first, last]))

    def _part(self, chosen: npt.NDArray[np.bool_]) -> Sessions:
        return Sessions(dates=self.dates[chosen], opens=self.opens[chosen], closes=self.closes[chosen])


def _day(value: date) -> np.datetime64:
    import numpy as np

    return np.datetime64(value, "D")


def _moment(value: datetime) -> np.datetime64:
    import numpy as np

    return np.datetime64(value.astimezone(UTC).replace(tzinfo=None), "us")


@cache
def _names() -> frozenset[str]:
    from exchange_calendars import get_calendar_names

    return frozenset(get_calendar_names(include_aliases=True))


def is_calendar(name: str) -> bool:
    """Whether there is an exchange calendar of this name."""
    return name == FX or name in _names()


def sessions_of(name: str, *, today: date) -> Sessions | None:
    """All sessions of the calendar of this name that the library knows, to the end of next year.

    None when there is no such calendar, or the library can't build it.
    """
    return _built(name, today.year + 1) if name and is_calendar(name) else None


@lru_cache(maxsize=64)
def _built(name: str, last_year: int) -> Sessions | None:
    if name == FX:
        return _fx_sessions(date(last_year, 12, 31))
    calendar = _widest(name, last_year)
    if calendar is None:
        return None
    return Sessions(
        dates=calendar.sessions.to_numpy().astype("datetime64[D]"),
        opens=_utc(calendar.opens),
        closes=_utc(calendar.closes),
    )


def _fx_sessions(last: date) -> Sessions:
    """The weekdays but Christmas and New Year, each from the evening before."""
    import numpy as np

    days = np.arange(np.datetime64(_FX_FROM, "D"), np.datetime64(last, "D") + np.timedelta64(1, "D"))
    days = days[np.is_busday(days)]
    in_year = days - days.astype("datetime64[Y]")
    christmas = (days.astype("datetime64[Y]").astype("datetime64[M]") + np.timedelta64(11, "M")).astype("datetime64[D]")
    days = days[(in_year != np.timedelta64(0, "D")) & (days != christmas + np.timedelta64(24, "D"))]
    return Sessions(dates=days, opens=_new_york_closes(days - np.timedelta64(1, "D")), closes=_new_york_closes(days))


def _new_york_closes(days: Moments) -> Moments:
    """17:00 in New York on each of the days, which is another hour in UTC in summer."""
    import numpy as np

    closes = [datetime.combine(day, _FX_CLOSE, tzinfo=_NEW_YORK).astimezone(UTC) for day in days.tolist()]
    return np.array([close.replace(tzinfo=None) for close in closes], dtype="datetime64[us]")


def _utc(column: Any) -> Moments:
    naive: Moments = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return naive


def _widest(name: str, last_year: int) -> Any:
    """The calendar over as many years as the library knows of."""
    from exchange_calendars import get_calendar

    for start, year in product((EARLIEST, *_BEGINNINGS), (last_year, last_year - 1)):
        try:
            return get_calendar(name, start=start.isoformat(), end=date(year, 12, 31).isoformat())
        except (ValueError, NotImplementedError):
            # It knows no holidays so early, or so late, and says so in its own way.
            continue
    try:
        return get_calendar(name)
    except (ValueError, NotImplementedError):
        return None
