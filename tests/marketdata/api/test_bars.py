"""GET bars: the unified query."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from marketdata.bars.query import BarKey, decode_page_token, encode_page_token
from marketdata.models import DailyBar, Instrument
from tests.answers import assert_problem, queries_of
from tests.factories import DailyBarFactory, InstrumentFactory, IntradayBarFactory
from tradingsite.core.errors import InvalidInput

BARS = "/api/v1/bars"
WEEK = [dt.date(2013, 1, day) for day in (2, 3, 4, 7, 8)]


def daily(instrument: Instrument, *days: dt.date, **values: Any) -> list[DailyBar]:
    return [DailyBarFactory.create(instrument=instrument, date=day, **values) for day in days]


def minutes(instrument: Instrument, *starts: str, timeframe: str = "1m") -> None:
    for start in starts:
        IntradayBarFactory.create(
            instrument=instrument, timeframe=timeframe, timestamp=dt.datetime.fromisoformat(f"{start}+00:00")
        )


def ask(api: APIClient, parameters: dict[str, Any], **more: Any) -> Any:
    """The answer to a question for bars."""
    return api.get(BARS, parameters, **more)


@pytest.fixture
def spy(db: None) -> Instrument:
    """SPY with the first five sessions of 2013."""
    instrument = InstrumentFactory.create(symbol="SPY")
    prices = {"open": "145.11", "high": "146.15", "low": "144.73", "close": "146.06", "volume": "192059000"}
    daily(instrument, *WEEK, **{name: Decimal(value) for name, value in prices.items()})
    return instrument


@pytest.fixture
def ibm(db: None) -> Instrument:
    """IBM with the same sessions but the third."""
    instrument = InstrumentFactory.create(symbol="IBM")
    daily(instrument, *WEEK[:2], *WEEK[3:])
    return instrument


def test_it_answers_exactly_the_documented_form(viewer_api: APIClient, spy: Instrument) -> None:
    answer = ask(viewer_api, {"symbols": "SPY", "start": "2013-01-02", "end": "2013-01-03"})
    assert answer.json() == {
        "bars": {
            "SPY": [{"t": "2013-01-02T00:00:00Z", "o": 145.11, "h": 146.15, "l": 144.73, "c": 146.06, "v": 192059000}]
        },
        "complete": True,
        "gaps": [],
        "next_page_token": None,
    }
    assert answer["Content-Type"] == "application/json"
    assert answer["Bars-Complete"] == "true"
    assert "Next-Page-Token" not in answer


def test_rows_are_ordered_by_symbol_and_time(viewer_api: APIClient, spy: Instrument, ibm: Instrument) -> None:
    answer = ask(viewer_api, {"symbols": "SPY, ibm", "format": "json-columns"})
    rows = list(zip(answer.json()["symbol"], answer.json()["timestamp"], strict=True))
    assert rows == sorted(rows)
    assert len(rows) == 9
    assert list(ask(viewer_api, {"symbols": "SPY,IBM"}).json()["bars"]) == ["IBM", "SPY"]


def test_the_range_is_half_open(viewer_api: APIClient, spy: Instrument) -> None:
    def days(start: str, end: str) -> list[str]:
        answer = ask(viewer_api, {"symbols": "SPY", "start": start, "end": end})
        return [row["t"][8:10] for row in answer.json()["bars"]["SPY"]]

    assert days("2013-01-03", "2013-01-07") == ["03", "04"]
    # A daily bar starts at its date's midnight in UTC.
    assert days("2013-01-03T00:00:01Z", "2013-01-07T00:00:01Z") == ["04", "07"]
    assert days("2013-01-03T00:00:00-05:00", "2013-01-07T00:00:00-05:00") == ["04", "07"]
    assert days("2013-01-03", "2013-01-03") == []


def test_an_unknown_volume_is_null(viewer_api: APIClient) -> None:
    daily(InstrumentFactory.create(symbol="SPY"), WEEK[0], volume=None)
    assert ask(viewer_api, {"symbols": "SPY"}).json()["bars"]["SPY"][0]["v"] is None
    assert ask(viewer_api, {"symbols": "SPY", "format": "csv"}).content.endswith(b",11.25,\n")
    assert ask(viewer_api, {"symbols": "SPY", "format": "json-columns"}).json()["volume"] == [None]


@pytest.mark.parametrize(
    "digits", ["0.00000001", "9999999.99999999", "1234567.89012345", "1", "0.1", "1234567890.12345"]
)
def test_fifteen_digits_survive(viewer_api: APIClient, digits: str) -> None:
    prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(digits))
    daily(InstrumentFactory.create(symbol="SPY"), WEEK[0], **prices)
    row = ask(viewer_api, {"symbols": "SPY"}).json(parse_float=Decimal)["bars"]["SPY"][0]
    assert {Decimal(row[name]) for name in "ohlc"} == {Decimal(digits)}


def test_intraday_bars_come_from_their_own_timeframe(viewer_api: APIClient, spy: Instrument) -> None:
    minutes(spy, "2013-10-07T13:30:00", "2013-10-07T13:31:00", "2013-10-07T20:00:00")
    minutes(spy, "2013-10-07T13:30:00", timeframe="5m")
    answer = ask(
        viewer_api,
        {"symbols": "SPY", "timeframe": "1Min", "start": "2013-10-07T13:31:00Z", "end": "2013-10-07T16:00:00-04:00"},
    )
    assert [row["t"] for row in answer.json()["bars"]["SPY"]] == ["2013-10-07T13:31:00Z"]


def test_every_asked_symbol_is_in_the_answer(viewer_api: APIClient, spy: Instrument) -> None:
    InstrumentFactory.create(symbol="NEW")
    assert ask(viewer_api, {"symbols": "NEW,SPY", "limit": 1}).json()["bars"]["NEW"] == []


# Pages


@pytest.mark.parametrize("sort", ["asc", "desc"])
@pytest.mark.parametrize("form", ["json", "json-columns", "csv"])
@pytest.mark.parametrize("limit", [1, 2, 4, 5, 9, 10])
def test_the_pages_together_are_the_whole(
    viewer_api: APIClient, spy: Instrument, ibm: Instrument, sort: str, form: str, limit: int
) -> None:
    parameters = {"symbols": "SPY,IBM", "sort": sort, "format": form, "limit": limit}
    met: list[tuple[str, str]] = []
    token: str | None = None
    for _ in range(20):
        answer = ask(viewer_api, parameters | ({"page_token": token} if token else {}))
        rows = rows_of(answer, form)
        assert len(rows) <= limit
        met += rows
        token = answer.headers.get("Next-Page-Token")
        if token is None:
            break
        assert len(rows) == limit
    by_time = sorted(met, key=lambda row: row[1], reverse=sort == "desc")
    assert met == sorted(by_time, key=lambda row: row[0])
    assert len(set(met)) == len(met) == 9


def rows_of(answer: Any, form: str) -> list[tuple[str, str]]:
    """(symbol, time) of an answer's rows, whatever its form."""
    if form == "csv":
        return [(row["symbol"], row["timestamp"]) for row in csv.DictReader(io.StringIO(answer.content.decode()))]
    body = answer.json()
    if form == "json-columns":
        return list(zip(body["symbol"], body["timestamp"], strict=True))
    assert body["next_page_token"] == answer.headers.get("Next-Page-Token")
    return [(symbol, row["t"]) for symbol, rows in body["bars"].items() for row in rows]


def test_bars_that_come_in_between_pages_double_and_hide_nothing(viewer_api: APIClient, spy: Instrument) -> None:
    first = ask(viewer_api, {"symbols": "SPY", "limit": 2})
    daily(spy, dt.date(2012, 12, 31), dt.date(2013, 1, 9))
    rest = ask(viewer_api, {"symbols": "SPY", "page_token": first.json()["next_page_token"]})
    times = [row["t"][:10] for answer in (first, rest) for row in answer.json()["bars"]["SPY"]]
    assert times == ["2013-01-02", "2013-01-03", "2013-01-04", "2013-01-07", "2013-01-08", "2013-01-09"]


def test_minutes_are_paged_too(viewer_api: APIClient, spy: Instrument) -> None:
    minutes(spy, *(f"2013-10-07T13:{minute}:00" for minute in range(30, 40)))
    parameters = {"symbols": "SPY", "timeframe": "1m", "limit": 7}
    first = ask(viewer_api, parameters).json()
    second = ask(viewer_api, parameters | {"page_token": first["next_page_token"]}).json()
    assert [row["t"][14:16] for row in first["bars"]["SPY"] + second["bars"]["SPY"]] == [
        str(minute) for minute in range(30, 40)
    ]
    assert second["next_page_token"] is None


@given(
    st.from_regex(r"[A-Z0-9^$][A-Z0-9.\-/^=_:&]{0,31}", fullmatch=True),
    st.datetimes(timezones=st.just(dt.UTC)).filter(lambda moment: 2 < moment.year < 9998),
)
def test_a_page_token_comes_back_as_it_was(symbol: str, start: dt.datetime) -> None:
    key = BarKey(symbol, start)
    assert decode_page_token(encode_page_token(key), symbols=[symbol]) == key


@given(st.text(max_size=60))
def test_any_text_is_a_page_token_or_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        decode_page_token(text, symbols=["SPY"])


OF_IBM = encode_page_token(BarKey("IBM", dt.datetime(2013, 1, 2, tzinfo=dt.UTC)))


@pytest.mark.parametrize("token", ["x", "WyJTUFkiXQ", "e30", OF_IBM])
def test_a_token_of_another_query_is_refused(viewer_api: APIClient, spy: Instrument, token: str) -> None:
    answer = ask(viewer_api, {"symbols": "SPY", "page_token": token})
    assert_problem(answer, 400, "invalid_page_token", "page_token")


# Formats


@pytest.mark.parametrize(
    ("accept", "form", "kind"),
    [
        ("", "csv", "text/csv; charset=utf-8"),
        ("text/csv", "", "text/csv; charset=utf-8"),
        ("application/json", "", "application/json"),
        ("*/*", "json-columns", "application/json"),
        ("application/json", "json-columns", "application/json"),
    ],
)
def test_the_format_is_chosen_by_parameter_or_accept(
    viewer_api: APIClient, spy: Instrument, accept: str, form: str, kind: str
) -> None:
    headers = {"Accept": accept} if accept else {}
    answer = ask(viewer_api, {"symbols": "SPY"} | ({"format": form} if form else {}), headers=headers)
    assert answer.status_code == 200
    assert answer["Content-Type"] == kind
    assert answer["Bars-Complete"] == "false"  # the years since are missing


def test_csv_has_the_documented_columns(viewer_api: APIClient, spy: Instrument) -> None:
    answer = ask(viewer_api, {"symbols": "SPY", "format": "csv", "limit": 1})
    assert answer.content == (
        b"symbol,timestamp,open,high,low,close,volume\nSPY,2013-01-02T00:00:00Z,145.11,146.15,144.73,146.06,192059000\n"
    )


def test_a_kind_that_nobody_speaks_is_not_acceptable(viewer_api: APIClient, spy: Instrument) -> None:
    assert_problem(ask(viewer_api, {"symbols": "SPY"}, headers={"Accept": "image/png"}), 406)


# Gaps


def gaps(api: APIClient, **parameters: Any) -> list[tuple[str, str, str]]:
    answer = ask(api, parameters)
    body = answer.json()
    assert body["complete"] is (not body["gaps"])
    assert answer["Bars-Complete"] == str(body["complete"]).lower()
    return [(gap["symbol"], gap["start"], gap["end"]) for gap in body["gaps"]]


def test_a_missing_session_is_a_gap_and_a_holiday_is_not(
    viewer_api: APIClient, spy: Instrument, ibm: Instrument
) -> None:
    found = gaps(viewer_api, symbols="SPY,IBM", start="2013-01-01", end="2013-01-09")
    assert found == [("IBM", "2013-01-04T00:00:00Z", "2013-01-05T00:00:00Z")]


def test_sessions_missing_one_after_the_other_are_one_gap(viewer_api: APIClient, spy: Instrument) -> None:
    DailyBar.objects.filter(date__in=WEEK[2:4]).delete()
    found = gaps(viewer_api, symbols="SPY", start="2012-12-31", end="2013-01-11")
    assert found == [
        ("SPY", "2012-12-31T00:00:00Z", "2013-01-01T00:00:00Z"),
        ("SPY", "2013-01-04T00:00:00Z", "2013-01-08T00:00:00Z"),  # across the weekend
        ("SPY", "2013-01-09T00:00:00Z", "2013-01-11T00:00:00Z"),
    ]


def test_the_gaps_are_the_same_on_every_page(viewer_api: APIClient, ibm: Instrument) -> None:
    first = ask(viewer_api, {"symbols": "IBM", "start": "2013-01-01", "end": "2013-01-09", "limit": 1}).json()
    second = ask(
        viewer_api,
        {"symbols": "IBM", "start": "2013-01-01", "end": "2013-01-09", "page_token": first["next_page_token"]},
    ).json()
    assert first["gaps"] == second["gaps"] != []


def test_a_session_that_is_not_over_is_no_gap(viewer_api: APIClient, spy: Instrument) -> None:
    for moment, missing in (("2013-01-09T20:59:00Z", 0), ("2013-01-09T21:00:01Z", 1)):
        with time_machine.travel(moment, tick=False):
            assert len(gaps(viewer_api, symbols="SPY", start="2013-01-02")) == missing
            assert len(gaps(viewer_api, symbols="SPY", start="2013-01-02", end="2030-01-01")) == missing


def test_bars_of_a_day_without_a_session_cover_no_other_day(viewer_api: APIClient, ibm: Instrument) -> None:
    daily(ibm, dt.date(2013, 1, 1), dt.date(2013, 1, 5))
    assert len(gaps(viewer_api, symbols="IBM", start="2013-01-01", end="2013-01-09")) == 1


def test_without_a_start_nothing_is_missing_before_the_first_bar(viewer_api: APIClient, spy: Instrument) -> None:
    assert gaps(viewer_api, symbols="SPY", end="2013-01-09") == []


@time_machine.travel("2013-01-09T12:00:00Z", tick=False)
@pytest.mark.parametrize("calendar", ["XNYS", ""])
def test_an_instrument_without_any_bar_is_not_complete(viewer_api: APIClient, calendar: str) -> None:
    InstrumentFactory.create(symbol="NEW", calendar=calendar)
    assert gaps(viewer_api, symbols="NEW") == [("NEW", "2013-01-08T00:00:00Z", "2013-01-09T00:00:00Z")]
    assert gaps(viewer_api, symbols="NEW", start="2013-01-03", end="2013-01-05") == [
        ("NEW", "2013-01-03T00:00:00Z", "2013-01-05T00:00:00Z")
    ]


@pytest.mark.parametrize("calendar", ["", "XTAE"])  # the library can't build Tel Aviv's
def test_without_a_calendar_only_the_ends_are_known_to_be_missing(viewer_api: APIClient, calendar: str) -> None:
    instrument = InstrumentFactory.create(symbol="ODD", calendar=calendar)
    daily(instrument, dt.date(2013, 1, 3), dt.date(2013, 1, 8))
    assert gaps(viewer_api, symbols="ODD", start="2013-01-01", end="2013-01-11") == [
        ("ODD", "2013-01-01T00:00:00Z", "2013-01-03T00:00:00Z"),
        ("ODD", "2013-01-09T00:00:00Z", "2013-01-11T00:00:00Z"),
    ]


@pytest.mark.parametrize(
    ("start", "end", "missing"),
    [
        # From Friday to the Wednesday after: the Monday and Tuesday between the bars can be holidays.
        ("2013-01-05", "2013-01-10", []),
        ("2013-01-07", "2013-01-09", []),
        ("2013-01-02", "2013-01-09", []),
        # From the 9th to the 17th five weekdays lie between the bars.
        ("2013-01-09", "2013-01-12", [("2013-01-10", "2013-01-12")]),
        ("2013-01-11", "2013-01-14", [("2013-01-11", "2013-01-12")]),
        ("2013-01-12", "2013-01-18", [("2013-01-14", "2013-01-17")]),
        # Nothing is stored before the one and after the other.
        ("2012-12-31", "2013-01-04", [("2012-12-31", "2013-01-02")]),
        ("2013-01-17", "2013-01-19", [("2013-01-18", "2013-01-19")]),
    ],
)
def test_without_a_calendar_a_few_weekdays_between_two_bars_can_be_holidays(
    viewer_api: APIClient, start: str, end: str, missing: list[tuple[str, str]]
) -> None:
    instrument = InstrumentFactory.create(symbol="ODD", calendar="")
    daily(instrument, *(dt.date(2013, 1, day) for day in (2, 3, 4, 9, 17)))
    found = [(first[:10], last[:10]) for _, first, last in gaps(viewer_api, symbols="ODD", start=start, end=end)]
    assert found == missing


def test_minutes_are_missing_by_day(viewer_api: APIClient, spy: Instrument) -> None:
    minutes(spy, "2013-10-07T14:00:00", "2013-10-09T14:00:00", "2013-10-10T14:00:00")
    found = gaps(viewer_api, symbols="SPY", timeframe="1m", start="2013-10-05", end="2013-10-12")
    assert found == [
        ("SPY", "2013-10-08T00:00:00Z", "2013-10-09T00:00:00Z"),
        ("SPY", "2013-10-11T00:00:00Z", "2013-10-12T00:00:00Z"),
    ]


def test_a_gap_of_minutes_stays_inside_the_asked_range(viewer_api: APIClient, spy: Instrument) -> None:
    minutes(spy, "2013-10-07T14:00:00")
    found = gaps(viewer_api, symbols="SPY", timeframe="1m", start="2013-10-07T15:00Z", end="2013-10-08T15:00Z")
    assert found == [("SPY", "2013-10-08T00:00:00Z", "2013-10-08T15:00:00Z")]
    # Outside trading hours nothing is expected.
    assert gaps(viewer_api, symbols="SPY", timeframe="1m", start="2013-10-07T22:00Z", end="2013-10-08T10:00Z") == []


def test_minutes_of_years_are_looked_through_by_day(viewer_api: APIClient) -> None:
    instrument = InstrumentFactory.create(symbol="COIN", calendar="24/7")
    first = dt.datetime(2018, 1, 1, 12, tzinfo=dt.UTC)
    for day in range(0, 1200, 1):
        if day != 1100:
            IntradayBarFactory.create(instrument=instrument, timestamp=first + dt.timedelta(days=day))
    end = (first + dt.timedelta(days=1200)).date()
    assert gaps(viewer_api, symbols="COIN", timeframe="1m", end=end) == [
        ("COIN", "2021-01-05T00:00:00Z", "2021-01-06T00:00:00Z")
    ]


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(have=st.sets(st.integers(0, 13)), first=st.integers(0, 13), length=st.integers(0, 13))
def test_gaps_and_bars_together_are_the_sessions(
    viewer_api: APIClient, have: set[int], first: int, length: int
) -> None:
    """Round the clock, every date is a session: what is asked is either a bar or in a gap."""
    DailyBar.objects.all().delete()
    instrument = InstrumentFactory.create(symbol="COIN", calendar="24/7")
    origin = dt.date(2013, 1, 1)
    daily(instrument, *(origin + dt.timedelta(days=day) for day in have))
    start, end = origin + dt.timedelta(days=first), origin + dt.timedelta(days=first + length)
    body = ask(viewer_api, {"symbols": "COIN", "start": start, "end": end}).json()
    bars = {dt.date.fromisoformat(row["t"][:10]) for row in body["bars"]["COIN"]}
    missing = set()
    for gap in body["gaps"]:
        day = dt.date.fromisoformat(gap["start"][:10])
        while day < dt.date.fromisoformat(gap["end"][:10]):
            missing.add(day)
            day += dt.timedelta(days=1)
    assert bars.isdisjoint(missing)
    assert bars | missing == {start + dt.timedelta(days=day) for day in range(length)}


# What it refuses


@pytest.mark.parametrize(
    ("parameters", "code", "field"),
    [
        ({}, "required", "symbols"),
        ({"symbols": ""}, "required", "symbols"),
        ({"symbols": ","}, "required", "symbols"),
        ({"symbols": "SPY,NOPE"}, "unknown_symbol", "symbols"),
        ({"symbols": "S P Y"}, "invalid_symbol", "symbol"),
        ({"symbols": "\u0663"}, "invalid_symbol", "symbol"),
        ({"symbols": "X" * 300}, "invalid_symbol", "symbol"),
        ({"symbols": ",".join(f"S{n}" for n in range(501))}, "too_many_symbols", "symbols"),
        ({"symbols": "SPY", "timeframe": "1w"}, "timeframe_not_stored", "timeframe"),
        ({"symbols": "SPY", "timeframe": "1mo"}, "timeframe_not_stored", "timeframe"),
        ({"symbols": "SPY", "timeframe": "7m"}, "invalid_timeframe", "timeframe"),
        ({"symbols": "SPY", "start": "2013-01-01T00:00:00"}, "naive_time", "start"),
        ({"symbols": "SPY", "end": "2013-01-01 00:00"}, "naive_time", "end"),
        ({"symbols": "SPY", "start": "soon"}, "invalid_time", "start"),
        ({"symbols": "SPY", "start": "2013-02-30"}, "invalid_date", "start"),
        ({"symbols": "SPY", "start": "0001-01-01T00:00:00+14:00"}, "invalid_time", "start"),
        ({"symbols": "SPY", "end": "9999-12-31T23:59:59-14:00"}, "invalid_time", "end"),
        ({"symbols": "SPY", "start": "2014-01-01", "end": "2013-01-01"}, "end_before_start", "end"),
        ({"symbols": "SPY", "limit": "0"}, "invalid_limit", "limit"),
        ({"symbols": "SPY", "limit": "100001"}, "invalid_limit", "limit"),
        ({"symbols": "SPY", "limit": "1e3"}, "invalid_limit", "limit"),
        ({"symbols": "SPY", "sort": "up"}, "invalid_sort", "sort"),
        ({"symbols": "SPY", "adjustment": "split"}, "adjustment_not_available", "adjustment"),
        ({"symbols": "SPY", "format": "xml"}, "invalid_format", "format"),
        ({"symbols": "SPY", "symbol": "IBM"}, "unknown_parameter", "symbol"),
        ({"symbols": ["SPY", "IBM"]}, "repeated_parameter", "symbols"),
    ],
)
def test_it_refuses(viewer_api: APIClient, spy: Instrument, parameters: dict[str, Any], code: str, field: str) -> None:
    assert_problem(ask(viewer_api, parameters), 400, code, field)


@pytest.mark.parametrize("edge", ["0001-01-01", "9999-12-31", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z"])
@pytest.mark.parametrize("timeframe", ["1d", "1m"])
def test_the_ends_of_time_are_dates_like_others(
    viewer_api: APIClient, spy: Instrument, edge: str, timeframe: str
) -> None:
    minutes(spy, "2013-10-07T14:00:00")
    for name in ("start", "end"):
        answer = ask(viewer_api, {"symbols": "SPY", "timeframe": timeframe, name: edge})
        assert answer.status_code == 200, answer.content


def test_an_unknown_symbol_is_named(viewer_api: APIClient, spy: Instrument) -> None:
    assert "NOPE" in assert_problem(ask(viewer_api, {"symbols": "NOPE,SPY"}), 400)["detail"]


def test_the_number_of_queries_does_not_grow_with_the_rows(viewer_api: APIClient, spy: Instrument) -> None:
    before = queries_of(viewer_api, f"{BARS}?symbols=SPY")
    daily(spy, *(dt.date(2014, 1, 1) + dt.timedelta(days=day) for day in range(60)))
    assert queries_of(viewer_api, f"{BARS}?symbols=SPY") == before
