"""Web tokens: what is made is read, and nothing else."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

import jwt
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from accounts.tokens import MOST_CHARACTERS, Claims, TokenKind, make_token, read_token

KEY = "a signing key, long enough to sign with, even by SHA-512: 0123456789abcdef"
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
CLAIMS = Claims(TokenKind.ACCESS, "a" * 32, 7, "b" * 32, NOW, NOW + dt.timedelta(minutes=5))
PAYLOAD: dict[str, Any] = {
    "token_type": "access",
    "sid": "a" * 32,
    "sub": "7",
    "jti": "b" * 32,
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 300,
}


@pytest.fixture(autouse=True)
def at_noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def signed(payload: Any = None, *, key: str = KEY, algorithm: str = "HS256", **changed: Any) -> str:
    """A token with this payload, and without the claims that are changed to None."""
    whole = {**PAYLOAD, **changed} if payload is None else payload
    return jwt.encode({name: value for name, value in whole.items() if value is not None}, key, algorithm=algorithm)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_what_is_made_is_read() -> None:
    text = make_token(CLAIMS, key=KEY)
    assert read_token(text, TokenKind.ACCESS, key=KEY) == CLAIMS
    assert jwt.get_unverified_header(text) == {"alg": "HS256", "typ": "JWT"}
    assert jwt.decode(text, KEY, algorithms=["HS256"]) == PAYLOAD
    assert read_token(signed(), TokenKind.ACCESS, key=KEY) == CLAIMS


def test_one_kind_never_passes_for_the_other() -> None:
    assert read_token(make_token(CLAIMS, key=KEY), TokenKind.REFRESH, key=KEY) is None
    assert read_token(signed(token_type="refresh"), TokenKind.ACCESS, key=KEY) is None
    assert read_token(signed(token_type="refresh"), TokenKind.REFRESH, key=KEY) is not None


def test_an_expired_one_and_one_of_tomorrow_are_none() -> None:
    text = make_token(CLAIMS, key=KEY)
    with time_machine.travel(CLAIMS.expires_at, tick=False):
        assert read_token(text, TokenKind.ACCESS, key=KEY) is None
    with time_machine.travel(NOW - dt.timedelta(hours=1), tick=False):
        assert read_token(text, TokenKind.ACCESS, key=KEY) is None


def test_another_key_another_algorithm_and_none_are_refused() -> None:
    good = make_token(CLAIMS, key=KEY)
    unsigned = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(PAYLOAD)}."
    for text in (
        signed(key=KEY + "x"),
        signed(algorithm="HS384"),
        signed(algorithm="HS512"),
        unsigned,
        unsigned + "x",
        f"{part({'alg': 'None'})}.{good.partition('.')[2]}",
        f"{part({'alg': 'RS256'})}.{good.partition('.')[2]}",
        f"{part({'alg': 'HS256', 'crit': ['x'], 'x': 1})}.{good.partition('.')[2]}",
    ):
        assert read_token(text, TokenKind.ACCESS, key=KEY) is None, text
    assert read_token(good, TokenKind.ACCESS, key="") is None


@pytest.mark.parametrize("place", [10, 60, -10])
def test_one_changed_character_is_refused(place: int) -> None:
    text = make_token(CLAIMS, key=KEY)
    other = "A" if text[place] != "A" else "B"
    changed = f"{text[:place]}{other}{text[place:][1:]}"
    assert read_token(changed, TokenKind.ACCESS, key=KEY) is None


@pytest.mark.parametrize(
    "changed",
    [
        *({name: None} for name in PAYLOAD),
        {"sid": "A" * 32},
        {"sid": "a" * 31},
        {"sid": 7},
        {"sid": ["a" * 32]},
        {"sub": "0"},
        {"sub": "\u0667"},
        {"sub": "9" * 19},
        {"jti": "' OR 1=1 --"},
        {"exp": "1e9"},
        {"exp": 2**40},
        {"iat": True},
        {"iat": 1.5},
        {"token_type": ["access"]},
    ],
    ids=str,
)
def test_a_claim_that_is_missing_or_wrong_is_refused(changed: dict[str, Any]) -> None:
    assert read_token(signed(**changed), TokenKind.ACCESS, key=KEY) is None


HEADERS = [
    [],
    "x",
    1,
    None,
    {},
    {"alg": []},
    {"alg": {}},
    {"alg": None},
    {"alg": "HS256", "kid": 1},
    {"alg": "HS256", "b64": False},
]


@pytest.mark.parametrize("header", HEADERS, ids=str)
def test_a_header_that_is_none_is_refused(header: Any) -> None:
    _, payload, signature = make_token(CLAIMS, key=KEY).split(".")
    assert read_token(f"{part(header)}.{payload}.{signature}", TokenKind.ACCESS, key=KEY) is None


def test_a_deep_header_and_a_long_token_are_refused() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 500).rstrip(b"=").decode()
    assert read_token(f"{deep}.x.x", TokenKind.ACCESS, key=KEY) is None
    assert read_token(signed(more="x" * MOST_CHARACTERS), TokenKind.ACCESS, key=KEY) is None


@given(st.text(max_size=100) | st.lists(st.text("eyJhbGciOiIx_-0", max_size=30), min_size=3, max_size=3).map(".".join))
def test_no_text_is_a_token_or_an_error(text: str) -> None:
    assert read_token(text, TokenKind.ACCESS, key=KEY) is None
