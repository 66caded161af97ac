"""The live rows of a span: counted, read and deleted through the unique index, instrument by instrument."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet

from marketdata.archive.layout import BARS, DATASETS, Dataset, Span, microseconds
from marketdata.archive.rows import ArchiveRows, Words
from marketdata.archive.schema import BATCH, columns_of
from marketdata.ingest.loading import Window, engine
from marketdata.ingest.numbers import Numbers
from marketdata.ingest.tables import NumberColumn, bar_table
from marketdata.models import Instrument, IntradayBar, Tick
from tradingsite.core.timeframes import Timeframe

_MICROSECONDS_A_MINUTE = 60_000_000
_COUNTS_A_QUERY = 100
_TICKS_AT_ONCE = 50_000
_DAY_OF = {
    "sqlite": "substr({}, 1, 10)",
    "postgresql": "CAST({} AT TIME ZONE 'UTC' AS date)",
    "mysql": "CAST({} AS date)",
}


@dataclass(frozen=True, slots=True)
class LiveRows:
    """How many live rows an instrument has in a span."""

    instrument: int
    symbol: str
    count: int


def live_days(*, through: date) -> dict[Dataset, dict[date, int]]:
    """How many live rows each day has, up to and with that day; by looking at every live row."""
    found: dict[Dataset, dict[date, int]] = {}
    end = Span.of_day(through).end
    for model, columns in ((IntradayBar, "timeframe, "), (Tick, "")):
        day = _DAY_OF[connection.vendor].format(_quoted("timestamp"))
        sql = (
            f"SELECT {columns}{day}, COUNT(*) FROM {_quoted(model._meta.db_table)} "  # noqa: S608  # our own names
            f"WHERE {_quoted('timestamp')} < %s GROUP BY {columns}{day}"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [connection.ops.adapt_datetimefield_value(end)])
            for *timeframe, when, count in cursor.fetchall():
                dataset = Dataset(BARS, timeframe[0]) if timeframe else DATASETS[-1]
                when = when if isinstance(when, date) else date.fromisoformat(when)
                found.setdefault(dataset, {})[when] = count
    return found


def count_live(dataset: Dataset, span: Span) -> list[LiveRows]:
    """The instruments that have live rows in the span, in the order of their symbols."""
    symbols = dict(Instrument.objects.values_list("pk", "symbol"))
    pks = sorted(symbols, key=lambda pk: symbols[pk])
    model = _model_of(dataset)
    conditions, values = _range(dataset, span)
    one = (
        f"SELECT %s, COUNT(*) FROM {_quoted(model._meta.db_table)} "  # noqa: S608  # our own names
        f"WHERE instrument_id = %s AND {conditions}"
    )
    counts: dict[int, int] = {}
    with connection.cursor() as cursor:
        for start in range(0, len(pks), _COUNTS_A_QUERY):
            part = pks[start : start + _COUNTS_A_QUERY]
            parameters = [value for pk in part for value in (pk, pk, *values)]
            cursor.execute(" UNION ALL ".join([one] * len(part)), parameters)
            counts.update((int(pk), count) for pk, count in cursor.fetchall())
    return [LiveRows(pk, symbols[pk], counts[pk]) for pk in pks if counts[pk]]


def read_live(dataset: Dataset, span: Span, instruments: Sequence[LiveRows]) -> ArchiveRows:
    """These instruments' live rows in the span, in the order of symbol and time."""
    if dataset.is_ticks:
        return ArchiveRows.joined([_ticks(span, instrument) for instrument in instruments])
    table = bar_table(Timeframe(dataset.timeframe))
    numbers = (*table.numbers, NumberColumn("batch_id", 0, 18))
    first, end = (microseconds(moment) // _MICROSECONDS_A_MINUTE for moment in (span.start, span.end))
    windows = [Window(instrument.instrument, first, end - 1) for instrument in instruments]
    stored = engine().select(replace(table, numbers=numbers), windows)
    ranks = np.argsort(np.array([instrument.instrument for instrument in instruments], dtype=np.int64))
    keys = np.array([instrument.instrument for instrument in instruments], dtype=np.int64)[ranks]
    codes = ranks[np.searchsorted(keys, stored.instrument)].astype(np.int64)
    return ArchiveRows(
        dataset,
        Words(codes, [instrument.symbol for instrument in instruments]),
        stored.slot * _MICROSECONDS_A_MINUTE,
        np.zeros(len(stored.slot), dtype=np.int64),
        {
            **{name: stored.numbers[name] for name in stored.numbers if name != "batch_id"},
            BATCH: stored.numbers["batch_id"],
        },
        {},
    )


def delete_live(dataset: Dataset, span: Span, instruments: Sequence[LiveRows]) -> int:
    """Delete these instruments' live rows in the span; answers how many there were."""
    conditions, values = _range(dataset, span)
    deleted = 0
    with connection.cursor() as cursor:
        for start in range(0, len(instruments), _COUNTS_A_QUERY):
            pks = [instrument.instrument for instrument in instruments[start : start + _COUNTS_A_QUERY]]
            places = ", ".join(["%s"] * len(pks))
            cursor.execute(
                f"DELETE FROM {_quoted(_model_of(dataset)._meta.db_table)} "  # noqa: S608  # our own names
                f"WHERE instrument_id IN ({places}) AND {conditions}",
                [*pks, *values],
            )
            deleted += int(cursor.rowcount)
    return deleted


def _ticks(span: Span, instrument: LiveRows) -> ArchiveRows:
    """An instrument's ticks, page by page: as Python objects they take ten times their memory."""
    parts = [ArchiveRows.none(DATASETS[-1])]
    for rows in _pages(Tick.objects.filter(instrument=instrument.instrument), span):
        times, sequences, prices, sizes, exchanges, conditions, batches = zip(*rows, strict=True)
        parts.append(
            ArchiveRows(
                DATASETS[-1],
                Words(np.zeros(len(rows), dtype=np.int64), [instrument.symbol]),
                np.array([microseconds(time) for time in times], dtype=np.int64),
                np.array(sequences, dtype=np.int64),
                {
                    "price": _unscaled(prices, "price"),
                    "size": _unscaled(sizes, "size"),
                    BATCH: Numbers(
                        np.array([batch or 0 for batch in batches], dtype=np.int64),
                        np.array([batch is None for batch in batches], dtype=np.bool_),
                    ),
                },
                {"exchange": _words(exchanges), "condition": _words(conditions)},
            )
        )
    return ArchiveRows.joined(parts[1:] or parts)


def _pages(ticks: QuerySet[Tick], span: Span) -> Iterator[list[tuple[Any, ...]]]:
    names = ("timestamp", "sequence", "price", "size", "exchange", "condition", "batch_id")
    start, sequence = span.start, 0
    while True:
        # The rest of the microsecond where the page before ended, then what is later.
        same = ticks.filter(timestamp=start, sequence__gte=sequence).order_by("sequence")
        rows = list(same.values_list(*names)[:_TICKS_AT_ONCE])
        later = ticks.filter(timestamp__gt=start, timestamp__lt=span.end).order_by("timestamp", "sequence")
        if len(rows) < _TICKS_AT_ONCE:
            rows += later.values_list(*names)[: _TICKS_AT_ONCE - len(rows)]
        if not rows:
            return
        yield rows
        start, sequence = rows[-1][0], rows[-1][1] + 1


def _unscaled(values: Sequence[Any], name: str) -> Numbers:
    scale = next(column.scale for column in columns_of(DATASETS[-1]).numbers if column.name == name)
    integers = np.array([int(value.scaleb(scale)) for value in values], dtype=np.int64)
    return Numbers(integers, np.zeros(len(integers), dtype=np.bool_))


def _words(texts: Sequence[str]) -> Words:
    words = sorted(set(texts))
    place = {word: number for number, word in enumerate(words)}
    return Words(np.array([place[text] for text in texts], dtype=np.int64), words)


def _model_of(dataset: Dataset) -> type[IntradayBar] | type[Tick]:
    """The table of the dataset's live rows."""
    return Tick if dataset.is_ticks else IntradayBar


def _range(dataset: Dataset, span: Span) -> tuple[str, list[Any]]:
    """The condition beside the instrument's, and its parameters."""
    time = _quoted("timestamp")
    condition = f"{time} >= %s AND {time} < %s"
    values: list[Any] = [connection.ops.adapt_datetimefield_value(moment) for moment in (span.start, span.end)]
    if dataset.is_ticks:
        return condition, values
    return f"timeframe = %s AND {condition}", [dataset.timeframe, *values]


def _quoted(name: str) -> str:
    return str(connection.ops.quote_name(name))
