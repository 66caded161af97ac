"""Daily bars that no source gave, made of a day's shorter ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa

from marketdata.archive.catalog import find_groups
from marketdata.archive.layout import Dataset, Span, microseconds, moment_of
from marketdata.archive.live import LiveRows, count_live, read_live
from marketdata.archive.reading import read_places
from marketdata.archive.rows import ArchiveRows, overlaid
from marketdata.bars.resampling import finest_divisors, resample
from marketdata.bars.series import PRICES, Series
from marketdata.calendars import Sessions, sessions_of
from marketdata.ingest.options import LoadOptions
from marketdata.models import DailyBar, IngestBatch, Instrument
from marketdata.services.ingest import TableSource, load_bars
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.decimals import PRICE_PLACES, VOLUME_PLACES
from tradingsite.core.timeframes import Timeframe
from tradingsite.core.transactions import in_transaction

_SYMBOLS_AT_ONCE = 200
_ONE_DAY = timedelta(days=1)

#: A session: its date, and the microseconds since 1970 of its open and its close.
Session = tuple[date, int, int]


@in_transaction
def derive_daily_bars(*, actor: Actor, dataset: Dataset, span: Span) -> int:
    """Make the daily bars of the sessions that end in the span, for instruments with live bars of this dataset.

    Only where no source gave one: a bar that was made so before is made anew, another one is left
    alone. They are of what was traded in the session by the instrument's calendar, of the UTC day
    without one, and their batch is marked as derived. Answers how many were made or changed.
    """
    if dataset.is_ticks or Timeframe(dataset.timeframe) not in finest_divisors(Timeframe.DAY_1):
        return 0
    made = [bar for live in _in_parts(count_live(dataset, span)) for bar in _bars(dataset, live, _wanted(live, span))]
    if not made:
        return 0
    options = LoadOptions()
    summary = load_bars(
        actor=actor,
        source=TableSource(f"made of {dataset} of {span}", _table(made)),
        timeframe=Timeframe.DAY_1,
        options=options,
    )
    if summary.batch is not None:
        IngestBatch.objects.filter(pk=summary.batch.pk).update(is_derived=True)
    return summary.inserted + summary.updated


def _in_parts(live: Sequence[LiveRows]) -> Iterator[Sequence[LiveRows]]:
    for start in range(0, len(live), _SYMBOLS_AT_ONCE):
        yield live[start : start + _SYMBOLS_AT_ONCE]


def _wanted(live: Sequence[LiveRows], span: Span) -> dict[str, list[Session]]:
    """The sessions of each symbol that end in the span and have no daily bar of a source."""
    keys = [rows.instrument for rows in live]
    instruments = Instrument.objects.in_bulk(keys)
    given = set(
        DailyBar.objects.filter(instrument__in=keys, date__gte=span.first - _ONE_DAY, date__lte=span.last + _ONE_DAY)
        .exclude(batch__is_derived=True)
        .values_list("instrument_id", "date")
    )
    by_calendar: dict[str, list[Session]] = {}
    wanted: dict[str, list[Session]] = {}
    for rows in live:
        calendar = instruments[rows.instrument].session_calendar
        if calendar not in by_calendar:
            by_calendar[calendar] = _sessions(calendar, span)
        missing = [session for session in by_calendar[calendar] if (rows.instrument, session[0]) not in given]
        if missing:
            wanted[rows.symbol] = missing
    return wanted


def _sessions(calendar: str, span: Span) -> list[Session]:
    """The sessions that end in the span; without a calendar its days."""
    sessions: Sessions | None = sessions_of(calendar, today=clock.now().date())
    if sessions is None or not len(sessions):
        return [(day, microseconds(Span.of_day(day).start), microseconds(Span.of_day(day).end)) for day in span.days()]
    opens, closes = sessions.opens.astype(np.int64), sessions.closes.astype(np.int64)
    chosen = np.flatnonzero((closes > microseconds(span.start)) & (closes <= microseconds(span.end)))
    dates = sessions.dates.astype("datetime64[D]").tolist()
    return [(dates[at], int(opens[at]), int(closes[at])) for at in chosen.tolist()]


def _bars(
    dataset: Dataset, live: Sequence[LiveRows], wanted: Mapping[str, Sequence[Session]]
) -> Iterator[tuple[str, date, Series]]:
    """Symbol, date and the one bar of each session in which something was traded."""
    live = [rows for rows in live if rows.symbol in wanted]
    if not live:
        return
    begin = min(start for sessions in wanted.values() for _, start, _ in sessions)
    end = max(close for sessions in wanted.values() for _, _, close in sessions)
    rows = _read(dataset, live, moment_of(begin), moment_of(end))
    words = rows.symbol.words
    for code in np.unique(rows.symbol.codes).tolist():
        of_symbol = rows.take(rows.symbol.codes == code)
        for day, start, close in wanted[words[code]]:
            inside = of_symbol.take((of_symbol.time >= start) & (of_symbol.time < close))
            if len(inside):
                yield words[code], day, resample(_series(inside), np.zeros(len(inside), dtype="datetime64[us]"))


def _read(dataset: Dataset, live: Sequence[LiveRows], start: datetime, end: datetime) -> ArchiveRows:
    """All bars of these instruments in the days of that range, live ones over sealed ones."""
    found = find_groups(dataset, [rows.instrument for rows in live], start=start, end=end)
    sealed = ArchiveRows.from_table(dataset, read_places(dataset, [group.place for group in found]))
    days = Span(start.date(), (end - timedelta(microseconds=1)).date())
    return overlaid(sealed, read_live(dataset, days, live))


def _series(rows: ArchiveRows) -> Series:
    volume = rows.numbers["volume"]
    return Series(
        start=rows.time.astype("datetime64[us]"),
        volume=volume.values,
        no_volume=volume.missing,
        **{name: rows.numbers[name].values for name in PRICES},
    )


def _table(made: Sequence[tuple[str, date, Series]]) -> pa.Table:
    """The bars as a source has them: exact decimals."""
    columns: dict[str, pa.Array] = {
        "symbol": pa.array([symbol for symbol, _, _ in made], pa.string()),
        "date": pa.array([day.isoformat() for _, day, _ in made], pa.string()),
    }
    for name in PRICES:
        columns[name] = _decimals([int(getattr(bar, name)[0]) for _, _, bar in made], PRICE_PLACES)
    columns["volume"] = _decimals(
        [None if bar.no_volume[0] else int(bar.volume[0]) for _, _, bar in made], VOLUME_PLACES
    )
    return pa.table(columns)


def _decimals(values: Sequence[int | None], scale: int) -> pa.Array:
    integers = pa.array(values, pa.int64())
    decimals = pa.Array.from_buffers(pa.decimal64(18, scale), len(values), integers.buffers())
    return decimals.cast(pa.decimal128(18, scale))
