"""Keyset paging: no row twice, none missing, whatever happens in between."""

from __future__ import annotations

import base64
import datetime as dt
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from marketdata.models import DailyBar, IntradayBar
from systemevents.models import SystemEvent
from tests.factories import SystemEventFactory
from tradingsite.core.api.pagination import after, decode_cursor, encode_cursor, parse_limit
from tradingsite.core.errors import InvalidInput

KEYS = st.integers(1, 2**63 - 1)
DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31))
MOMENTS = st.datetimes(timezones=st.just(dt.UTC)).filter(lambda moment: 2 < moment.year < 9998)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9._@+-]{0,30}", fullmatch=True)


@given(KEYS, DAYS)
def test_a_cursor_of_a_number_and_a_date_comes_back_as_it_was(pk: int, day: dt.date) -> None:
    keyset = ("instrument_id", "date")
    assert decode_cursor(encode_cursor([pk, day]), keyset, DailyBar) == [pk, day]


@given(KEYS, st.sampled_from(["1m", "5m", "1h"]), MOMENTS)
def test_a_cursor_of_a_moment_comes_back_as_it_was(pk: int, timeframe: str, moment: dt.datetime) -> None:
    keyset = ("instrument_id", "timeframe", "timestamp")
    assert decode_cursor(encode_cursor([pk, timeframe, moment]), keyset, IntradayBar) == [pk, timeframe, moment]


@given(NAMES)
def test_a_cursor_of_a_name_comes_back_as_it_was(name: str) -> None:
    assert decode_cursor(encode_cursor([name]), ("username",), User) == [name]


@given(st.text(max_size=60))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    with suppress(InvalidInput):
        decode_cursor(text, ("instrument_id", "timeframe", "timestamp"), IntradayBar)


@given(st.lists(st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats() | st.text(), max_size=3))
def test_any_forged_cursor_is_refused_or_of_the_right_types(values: list[Any]) -> None:
    try:
        pk, day = decode_cursor(encode_cursor(values), ("instrument_id", "date"), DailyBar)
    except InvalidInput:
        return
    assert type(pk) is int
    assert type(day) is dt.date


@pytest.mark.parametrize(
    "forged",
    [
        b"[]",
        b"{}",
        b"null",
        b"[1]",
        b"[1,2]",
        b'["1","2020-01-01"]',
        b'[true,"2020-01-01"]',
        b'[1,"2020-13-01"]',
        b'[18446744073709551615,"2020-01-01"]',
        b"[" * 5000,
        b'[1,["2020-01-01"]]',
    ],
)
def test_a_forged_cursor_is_refused(forged: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_cursor(base64.urlsafe_b64encode(forged).decode(), ("instrument_id", "date"), DailyBar)


@pytest.mark.parametrize(
    "moment", ["2020-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "x"]
)
def test_a_forged_moment_is_refused(moment: str) -> None:
    with pytest.raises(InvalidInput):
        decode_cursor(encode_cursor([1, "1m", moment]), ("instrument_id", "timeframe", "timestamp"), IntradayBar)


@pytest.mark.parametrize("text", ["0", "-1", "1001", "1.0", "x", "", " 1", "\u0663", "1" * 5000])
def test_a_limit_is_a_plain_number_in_its_range(text: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 1000"):
        parse_limit(text, 100, 1000)


def test_without_a_limit_it_is_the_default() -> None:
    assert parse_limit(None, 100, 1000) == 100
    assert parse_limit("1000", 100, 1000) == 1000


@pytest.mark.parametrize("keyset", [("severity", "source", "id"), ("-severity", "source", "-id"), ("severity", "-id")])
@pytest.mark.parametrize("size", [1, 3, 7])
def test_walking_a_composite_order_meets_every_row_once(db: None, keyset: tuple[str, ...], size: int) -> None:
    for n in range(20):
        SystemEventFactory.create(severity="info" if n % 3 else "error", source=f"s{n % 4}")
    wanted = list(SystemEvent.objects.order_by(*keyset))
    met: list[SystemEvent] = []
    while True:
        rows = SystemEvent.objects.order_by(*keyset)
        if met:
            rows = rows.filter(after(keyset, [getattr(met[-1], part.lstrip("-")) for part in keyset]))
        page = list(rows[:size])
        if not page:
            break
        met += page
    assert met == wanted
