"""GET bars: the unified query."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from marketdata.bars.query import BarKey, decode_page_token, encode_page_token
from marketdata.models import Instrument
from tests.answers import assert_problem, queries_of
from tests.factories import InstrumentFactory
from tests.marketdata.api.bars import BARS, WEEK, ask, daily, minutes
from tradingsite.core.errors import InvalidInput


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
        ({"symbols": "SPY", "adjustment": "half"}, "invalid_adjustment", "adjustment"),
        ({"symbols": "SPY", "asof": "2013-01-02T10:00"}, "naive_time", "asof"),
        ({"symbols": "SPY", "asof": "0001-01-01"}, "too_early", "asof"),
        ({"symbols": "SPY", "sessions": "all"}, "invalid_sessions", "sessions"),
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
