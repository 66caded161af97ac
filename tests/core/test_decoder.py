"""The strict JSON decoder: what one engine would store and another refuse never gets in."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from tradingsite.core.api.decoder import MAX_DEPTH, StrictJSONParser, decode
from tradingsite.core.errors import TooLarge

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**60), 10**60) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_json_can_say_comes_out_as_it_went_in(value: object) -> None:
    assert decode(json.dumps(value).encode()) == value
    assert decode(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused_with_a_sentence(body: bytes) -> None:
    with suppress(ParseError):
        decode(body)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9), max_value=10**9))
def test_a_number_with_a_point_arrives_exactly(value: Decimal) -> None:
    assert decode(f"{value:f}".encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e4000}',
        b'{"a": 1e-4000}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": 0.' + b"9" * 5000 + b"}",
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "\\u0062": 2}}',
        b'{"a": "\\u0000"}',
        b'{"\\u0000": 1}',
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": "\x00"}',
        b'{"a": "\xff\xfe"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        '{"a": \u0663}'.encode(),
    ],
)
def test_it_refuses(body: bytes) -> None:
    with pytest.raises(ParseError):
        decode(body)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert decode(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


def test_twenty_levels_are_taken_and_one_more_is_not() -> None:
    assert decode(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(ParseError, match="deeper"):
        decode(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


def test_a_hundred_thousand_levels_are_refused_before_they_are_walked() -> None:
    with pytest.raises(ParseError, match="deeper"):
        decode(b'{"a":' * 100_000)


def test_brackets_in_texts_are_not_levels() -> None:
    assert decode(json.dumps(['["{' * 100, '\\"[' * 100]).encode())


@pytest.mark.parametrize("body", [b'"' + b'\\"' * 400_000 + b"[" * 30, b'["' * 10 + b"\\" * 400_000, b"[]," * 300_000])
def test_a_hostile_body_takes_time_in_proportion_to_its_length(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(ParseError):
        decode(body)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "utf8"])
def test_utf_8_is_understood_by_any_of_its_names(charset: str) -> None:
    assert decode(b"{}", charset=charset) == {}


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "idna", "nonsense", "\udcff", "a\x00b", "zip"])
def test_other_charsets_are_refused(charset: str) -> None:
    with pytest.raises(ParseError, match="UTF-8"):
        decode(b"{}", charset=charset)


def test_a_body_over_the_limit_is_too_large(settings: object) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10  # type: ignore[attr-defined]  # pytest-django's wrapper
    assert StrictJSONParser().parse(BytesIO(b"[1,2,3,45]")) == [1, 2, 3, 45]
    with pytest.raises(TooLarge):
        StrictJSONParser().parse(BytesIO(b"[1,2,3,456]"))
