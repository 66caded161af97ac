"""What is there of an instrument, and its latest bar: from counts and jumps in indexes, not by reading bars."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Max, Min, Sum

from marketdata.bars.pages import Maker
from marketdata.bars.query import utc_text
from marketdata.bars.reading import Shelf, Window
from marketdata.calendars import Sessions, sessions_of
from marketdata.models import ArchiveKind, ArchiveRowGroup, DailyBar, Instrument, IntradayBar, PartitionStatus
from tradingsite.core.timeframes import Timeframe

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from marketdata.bars.series import Series

_ONE_DAY = timedelta(days=1)
# More than any interval covers, with the evening before its first session.
_LONGEST = {Timeframe.WEEK_1: timedelta(days=9), Timeframe.MONTH_1: timedelta(days=34)}
#: As many missing dates are named; all are counted.
MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class LatestBar:
    """The last bar of a symbol: `series` has one, or none where nothing is stored.

    It can be used from `available_at` on; until then it is not `final` and may still grow.
    """

    symbol: str
    series: Series
    available_at: datetime | None
    final: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is stored of one symbol and timeframe.

    `count` adds what is live to what is sealed. `missing` are the sessions without any bar between the
    first and the last one, None without a calendar; a session inside of a sealed stretch counts as there.
    """

    symbol: str
    timeframe: Timeframe
    first: datetime
    last: datetime
    count: int
    missing: Sequence[date] | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "timeframe": self.timeframe.value,
            "first": utc_text(self.first),
            "last": utc_text(self.last),
            "count": self.count,
            "missing_sessions": None if self.missing is None else len(self.missing),
            "missing": [day.isoformat() for day in (self.missing or [])[:MOST_NAMED]],
        }


def read_latest(maker: Maker, *, at: datetime) -> LatestBar:
    """The last bar that starts before that moment, of the few that can be of its interval."""

    from marketdata.bars.availability import available_at

    instrument = maker.instrument
    ends = maker.shelf.ends(instrument, Window(None, at))
    reach = _LONGEST.get(maker.timeframe, 3 * _ONE_DAY)
    if ends is None:
        window = Window(at, at)
    else:
        last: datetime = ends[1].astype(datetime).replace(tzinfo=UTC)
        window = Window(max(last, datetime.min.replace(tzinfo=UTC) + reach) - reach, at)
    series = maker.read(window, limit=1, latest=True)
    if not len(series):
        return LatestBar(instrument.symbol, series, None, final=False)
    over: np.datetime64 = available_at(series.start, maker.timeframe, maker.sessions)[0]
    moment: datetime = over.astype(datetime).replace(tzinfo=UTC)
    return LatestBar(instrument.symbol, series, moment, final=moment <= at)


@dataclass(slots=True)
class _Found:
    """First, last and number of bars, added up from live and sealed ones; and where each kind lies."""

    first: datetime
    last: datetime
    count: int
    sealed: list[tuple[datetime, datetime]]
    live: tuple[datetime, datetime] | None = None

    def add(self, first: datetime, last: datetime, count: int) -> None:
        self.first, self.last = min(self.first, first), max(self.last, last)
        self.count += count


def find_coverage(
    instruments: Mapping[str, Instrument], timeframes: Iterable[Timeframe], *, at: datetime
) -> list[Coverage]:
    """What is stored of these instruments in these timeframes, by symbol and length."""
    wanted = list(timeframes)
    keys = sorted(instrument.pk for instrument in instruments.values())
    found: dict[tuple[int, Timeframe], _Found] = {}
    if Timeframe.DAY_1 in wanted:
        _add_daily(found, keys)
    if intraday := [timeframe for timeframe in wanted if timeframe.is_intraday]:
        _add_live(found, keys, intraday)
        _add_sealed(found, keys, intraday)
    order = list(Timeframe)
    return [
        Coverage(symbol, timeframe, of.first, of.last, of.count, _missing(instrument, timeframe, of, at=at))
        for symbol, instrument in sorted(instruments.items())
        for timeframe in sorted(wanted, key=order.index)
        if (of := found.get((instrument.pk, timeframe))) is not None
    ]


_Rows = dict[tuple[int, Timeframe], _Found]


def _add(found: _Rows, key: tuple[int, Timeframe], first: datetime, last: datetime, count: int) -> None:
    if key in found:
        found[key].add(first, last, count)
    else:
        found[key] = _Found(first, last, count, [])


def _add_daily(found: _Rows, keys: list[int]) -> None:
    rows = DailyBar.objects.filter(instrument_id__in=keys).order_by().values("instrument_id")
    for row in rows.annotate(first=Min("date"), last=Max("date"), count=Count("pk")):
        _add(
            found,
            (row["instrument_id"], Timeframe.DAY_1),
            _midnight(row["first"]),
            _midnight(row["last"]),
            row["count"],
        )


def _add_live(found: _Rows, keys: list[int], timeframes: list[Timeframe]) -> None:
    rows = IntradayBar.objects.filter(instrument_id__in=keys, timeframe__in=timeframes)
    grouped = rows.order_by().values("instrument_id", "timeframe")
    for row in grouped.annotate(first=Min("timestamp"), last=Max("timestamp"), count=Count("pk")):
        key = (row["instrument_id"], Timeframe(row["timeframe"]))
        _add(found, key, row["first"], row["last"], row["count"])
        found[key].live = (row["first"], row["last"])


def _add_sealed(found: _Rows, keys: list[int], timeframes: list[Timeframe]) -> None:
    groups = ArchiveRowGroup.objects.filter(
        instrument_id__in=keys,
        partition__status=PartitionStatus.CURRENT,
        partition__kind=ArchiveKind.BARS,
        partition__timeframe__in=timeframes,
    ).order_by()
    by_day = groups.values("instrument_id", "partition__timeframe", "partition_id")
    for row in by_day.annotate(start=Min("first"), end=Max("last"), count=Sum("rows")):
        key = (row["instrument_id"], Timeframe(row["partition__timeframe"]))
        _add(found, key, row["start"], row["end"], row["count"])
        found[key].sealed.append((row["start"], row["end"]))


def _missing(instrument: Instrument, timeframe: Timeframe, found: _Found, *, at: datetime) -> list[date] | None:
    """The sessions from the first to the last bar that have none."""
    import numpy as np

    sessions = sessions_of(instrument.session_calendar, today=at.date())
    if sessions is None or not len(sessions):
        return None
    shelf = Shelf.of(timeframe)
    end = found.last + timedelta(microseconds=1)
    if not timeframe.is_intraday:
        expected = sessions.dated(found.first.date(), end.date() + _ONE_DAY)
        there = np.isin(expected.dates, shelf.days(instrument, found.first, _midnight(end.date() + _ONE_DAY)))
    else:
        expected = sessions.open_during(found.first, end)
        first, last = found.live or (found.last, found.first)
        live = shelf.live_days(instrument, first, last + timedelta(microseconds=1))
        there = _covered(expected, live, found.sealed)
    missing: list[date] = expected.dates[~there].tolist()
    return missing


def _covered(
    expected: Sessions, live: npt.NDArray[np.datetime64], sealed: list[tuple[datetime, datetime]]
) -> npt.NDArray[np.bool_]:
    """Which sessions have a live bar on one of their dates (UTC), or lie in a sealed stretch."""
    import numpy as np

    opens = expected.opens.astype("datetime64[D]")
    there = np.isin(opens, live) | np.isin(expected.dates, live)
    for first, last in sealed:
        begin, end = (np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us") for moment in (first, last))
        there |= (expected.closes > begin) & (expected.opens <= end)
    return there


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def by_symbol(found: Iterable[Coverage], symbols: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """For each symbol its timeframes; an empty list where nothing is stored."""
    answer: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for coverage in found:
        answer[coverage.symbol].append(coverage.as_dict())
    return {symbol: answer[symbol] for symbol in sorted(symbols)}
