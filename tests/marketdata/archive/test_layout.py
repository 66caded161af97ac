"""Paths, spans and when a day is over."""

from __future__ import annotations

import datetime as dt

import pytest

from marketdata.archive.layout import DATASETS, Dataset, Span, is_over, microseconds, moment_of, path_of

MINUTES, FOUR_HOURS, TICKS = Dataset("bars", "1m"), Dataset("bars", "4h"), Dataset("ticks")
DAY = Span.of_day(dt.date(2024, 2, 29))
MONTH = Span.of_month(dt.date(2024, 2, 29))


def test_there_is_a_dataset_of_every_intraday_timeframe_and_one_of_ticks() -> None:
    assert [str(dataset) for dataset in DATASETS] == [
        *("1m bars", "5m bars", "15m bars", "30m bars", "1h bars", "4h bars", "ticks")
    ]


def test_a_path_says_what_is_in_the_file_in_keys_that_others_read() -> None:
    assert path_of(MINUTES, DAY, version=3, digest="ab" * 32) == (
        "bars/timeframe=1m/month=2024-02/2024-02-29-v3-abababababab.parquet"
    )
    assert path_of(TICKS, MONTH, version=1, digest="0" * 64) == "ticks/month=2024-02/2024-02-v1-000000000000.parquet"


def test_a_month_is_all_of_its_days() -> None:
    assert (MONTH.first, MONTH.last) == (dt.date(2024, 2, 1), dt.date(2024, 2, 29))
    assert len(list(MONTH.days())) == 29
    assert Span.of_month(dt.date(2023, 12, 31)) == Span(dt.date(2023, 12, 1), dt.date(2023, 12, 31))
    assert not MONTH.is_day


def test_a_span_ends_at_the_midnight_after_its_last_day() -> None:
    assert DAY.start == dt.datetime(2024, 2, 29, tzinfo=dt.UTC)
    assert DAY.end == MONTH.end == dt.datetime(2024, 3, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(("dataset", "hour", "minute"), [(TICKS, 0, 0), (MINUTES, 0, 1), (FOUR_HOURS, 4, 0)])
def test_a_day_is_over_when_its_last_bar_is_final(dataset: Dataset, hour: int, minute: int) -> None:
    final = dt.datetime(2024, 3, 1, hour, minute, tzinfo=dt.UTC)
    assert is_over(dataset, DAY, at=final)
    assert not is_over(dataset, DAY, at=final - dt.timedelta(microseconds=1))


def test_times_are_counted_exactly() -> None:
    moment = dt.datetime(2262, 1, 1, 1, 2, 3, 456789, tzinfo=dt.UTC)
    assert moment_of(microseconds(moment)) == moment
    assert microseconds(dt.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC)) == -1
