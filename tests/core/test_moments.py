"""Moments as text: never a guess."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingsite.core.api.moments import parse_date, parse_moment
from tradingsite.core.errors import InvalidInput

NOON = dt.datetime(2013, 1, 2, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2013-01-02T12:00:00Z",
        "2013-01-02T12:00Z",
        "2013-01-02 12:00:00Z",
        "2013-01-02T12:00:00.000000Z",
        "2013-01-02T07:00:00-05:00",
        "2013-01-02T13:00:00+0100",
        "2013-01-02T13:00:00 01:00",  # a "+" that nobody encoded
        "2013-01-02t12:00:00z".upper(),
    ],
)
def test_one_moment_has_many_spellings(text: str) -> None:
    assert parse_moment(text, field="start") == NOON


def test_a_date_is_its_midnight_in_utc() -> None:
    assert parse_moment("2013-01-02", field="start") == NOON.replace(hour=0)


@pytest.mark.parametrize("text", ["2013-01-02T12:00:00", "2013-01-02 12:00"])
def test_a_time_without_a_zone_is_an_error(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_moment(text, field="start")
    assert caught.value.errors[0].code == "naive_time"
    assert caught.value.errors[0].field == "start"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1357128000",
        "2013-1-2",
        "20130102",
        "2013-02-30",
        "2013-01-02T25:00Z",
        "2013-01-02T12:00:60Z",
        "2013-01-02T12:00Zx",
        "\u0662\u0660\u0661\u0663-\u0660\u0661-\u0660\u0662",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2013-01-02T12:00+99:00",
        "2013-01-02\n",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_moment(text, field="start")


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_what_python_writes_is_read(moment: dt.datetime) -> None:
    assert parse_moment(moment.isoformat(), field="") == moment


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    for parse in (parse_moment, parse_date):
        with suppress(InvalidInput):
            parse(text, field="")
