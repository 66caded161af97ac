"""Times of every spelling as moments and dates."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from marketdata.ingest.faults import Faults, Integers
from marketdata.ingest.times import join_date_and_time, parse_dates, parse_timestamps, utc_offsets

NEW_YORK = ZoneInfo("America/New_York")
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # the tests print UTC without saying so


def moments(raw: list[str] | pa.Array, *, zone: ZoneInfo | None = None) -> list[str]:
    """Each time in UTC, or the code of its fault."""
    raw = pa.array(raw) if isinstance(raw, list) else raw
    faults = Faults(len(raw))
    values = parse_timestamps(raw, faults, zone=zone)
    found = {reject.line: reject.code for reject in faults.rejects(np.arange(len(raw)))}
    return [
        found.get(row) or str(EPOCH + timedelta(microseconds=int(value))) for row, value in enumerate(values.tolist())
    ]


def dates(raw: list[str] | pa.Array, *, zone: ZoneInfo | None = None) -> list[str]:
    """Each date, or the code of its fault."""
    raw = pa.array(raw) if isinstance(raw, list) else raw
    faults = Faults(len(raw))

    def zone_of(rows: Integers) -> tuple[Integers, list[ZoneInfo | None]]:
        return np.zeros(len(rows), dtype=np.int64), [zone]

    values = parse_dates(raw, faults, zone_of=zone_of)
    found = {reject.line: reject.code for reject in faults.rejects(np.arange(len(raw)))}
    return [found.get(row) or str(date(1970, 1, 1) + timedelta(days=day)) for row, day in enumerate(values.tolist())]


@pytest.mark.parametrize(
    "text",
    [
        "2013-10-04T15:59:00Z",
        "2013-10-04 15:59:00Z",
        "2013-10-04T15:59Z",
        "2013-10-04T15:59:00.000000Z",
        "2013-10-04T15:59:00.000000000Z",
        "2013-10-04T11:59:00-04:00",
        "2013-10-04 11:59:00-0400",
        "2013-10-04 11:59:00 -04:00",
        "2013-10-04 15:59:00 UTC",
        "2013-10-04t15:59:00z".replace("t", "T"),
        " 2013-10-04T15:59:00Z ",
        "2013/10/04 15:59:00Z",
    ],
)
def test_it_reads_moments_with_an_offset(text: str) -> None:
    assert moments([text]) == ["2013-10-04 15:59:00"]
    assert moments(["nonsense", text]) == ["bad_time", "2013-10-04 15:59:00"]


@pytest.mark.parametrize(
    "text", ["2013-10-04 11:59", "2013-10-04T11:59:00", "20131004 115900", "20131004115900", "20131004 11:59"]
)
def test_times_without_an_offset_are_meant_in_the_named_zone(text: str) -> None:
    assert moments([text], zone=NEW_YORK) == ["2013-10-04 15:59:00"]
    assert moments([text]) == ["time_zone_missing"]


def test_a_named_zone_leaves_times_with_an_offset_alone() -> None:
    assert moments(["2013-10-04T15:59:00Z", "2013-10-04T11:59:00"], zone=NEW_YORK) == ["2013-10-04 15:59:00"] * 2


@pytest.mark.parametrize(
    "text",
    ["", "x", "2013-02-30T10:00:00Z", "2013-10-04T25:00:00Z", "04/10/2013 15:59", "1380902340", "2013-10-04T15:59:60Z"],
)
def test_it_refuses_what_is_no_time_or_can_be_read_two_ways(text: str) -> None:
    good = "2013-10-04T15:59:00Z"
    expected = "bad_time" if text else "missing_time"
    assert moments([good, text, good], zone=NEW_YORK) == ["2013-10-04 15:59:00", expected, "2013-10-04 15:59:00"]


def test_local_times_that_come_twice_or_never_are_refused() -> None:
    texts = ["2013-11-03 00:59", "2013-11-03 01:00", "2013-11-03 01:59", "2013-11-03 02:00", "2013-03-10 02:30"]
    assert moments(texts, zone=NEW_YORK) == [
        "2013-11-03 04:59:00",
        "ambiguous_time",
        "ambiguous_time",
        "2013-11-03 07:00:00",
        "nonexistent_time",
    ]


def test_arrow_timestamps_are_taken_in_their_own_zone() -> None:
    naive = pa.array([datetime(2013, 10, 4, 11, 59)])  # noqa: DTZ001  # this is what is tested
    assert moments(naive, zone=NEW_YORK) == ["2013-10-04 15:59:00"]
    assert moments(naive) == ["time_zone_missing"]
    assert moments(naive.cast(pa.timestamp("ns", "UTC"))) == ["2013-10-04 11:59:00"]


def test_a_column_that_holds_no_times_is_refused_row_by_row() -> None:
    assert moments(pa.array([1, 2])) == ["bad_time", "bad_time"]


@pytest.mark.parametrize(
    "text",
    [
        "2013-01-02",
        "20130102",
        "2013/01/02",
        "2013-01-02 00:00:00",
        "2013-01-02 00:00:00-05:00",
        "2013-01-02T00:00:00Z",
    ],
)
def test_a_daily_bar_has_the_date_as_it_is_written(text: str) -> None:
    assert dates([text]) == ["2013-01-02"]
    assert dates(["x", text]) == ["bad_time", "2013-01-02"]


def test_a_moment_that_is_midnight_at_the_exchange_is_that_date() -> None:
    texts = ["2013-01-02T05:00:00Z", "2013-07-02T04:00:00Z", "2013-07-02T05:00:00Z"]
    assert dates(texts, zone=NEW_YORK) == ["2013-01-02", "2013-07-02", "not_midnight"]
    assert dates(texts) == ["not_midnight"] * 3


def test_a_daily_bar_at_another_time_of_day_is_refused() -> None:
    assert dates(["2013-01-02 16:00:00", "2013-01-02"]) == ["not_midnight", "2013-01-02"]


def test_an_impossible_date_is_refused_and_its_neighbours_stay() -> None:
    assert dates(["2013-02-28", "2013-02-30", "2013-03-01", ""]) == [
        "2013-02-28",
        "bad_time",
        "2013-03-01",
        "missing_time",
    ]


def test_dates_come_from_every_arrow_type_of_time() -> None:
    day = date(2013, 1, 2)
    assert dates(pa.array([day])) == ["2013-01-02"]
    assert dates(pa.array([day]).cast(pa.timestamp("ns"))) == ["2013-01-02"]
    there = pa.array([datetime(2013, 1, 2, tzinfo=NEW_YORK)])
    assert dates(there) == ["2013-01-02"]
    assert dates(there.cast(pa.timestamp("us", "UTC")), zone=NEW_YORK) == ["2013-01-02"]


def test_date_and_time_in_two_columns_are_one_time() -> None:
    joined = join_date_and_time(pa.array(["20131004", "2013-10-04"]), pa.array(["155900", "15:59"]))
    assert moments(joined, zone=ZoneInfo("UTC")) == ["2013-10-04 15:59:00"] * 2


@pytest.mark.parametrize("name", ["America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/London"])
def test_offsets_are_the_zones_own(name: str) -> None:
    zone = ZoneInfo(name)
    hours = np.arange(0, 24 * 400, dtype=np.int64) * 3_600_000_000 + 1_357_000_000_000_000
    expected = [
        (datetime.fromtimestamp(hour / 1e6, tz=zone).utcoffset() or timedelta()).total_seconds() for hour in hours
    ]
    assert (utc_offsets(hours, zone) / 1e6).tolist() == expected


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.timestamp("us", "UTC")], ids=str)
def test_a_null_is_a_missing_time_also_where_all_others_are_good(kind: pa.DataType) -> None:
    raw = pa.array(["2013-10-04T15:59:00Z", None]).cast(pa.timestamp("us", "UTC"))
    raw = raw if pa.types.is_timestamp(kind) else pa.array(["2013-10-04T15:59:00Z", None], type=kind)
    assert moments(raw) == ["2013-10-04 15:59:00", "missing_time"]
