"""The hostile corpus in rows that are sent in bulk: with `on_error=abort` nothing of them is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.urls import resolve
from rest_framework.test import APIClient

from accounts.models import User
from tests.answers import assert_problem
from tests.factories import InstrumentFactory, UserFactory
from tests.hostile import NEVER, WRONG
from tests.models import everything
from tests.test_hostile_input import BULK as OTHERS

# name: path, list that must still answer, name of the rows, a good row, what may hold what
BULK: dict[str, tuple[str, str, str, dict[str, Any], dict[str, str]]] = {
    "daily bars": (
        "bars?timeframe=1d",
        "daily-data",
        "bars",
        {"symbol": "SPY", "date": "2020-01-02", "open": 2, "high": 3, "low": 1, "close": 2},
        {
            **dict.fromkeys(("open", "high", "low", "close"), "price"),
            "symbol": "text",
            "date": "date",
            "volume": "size",
        },
    ),
    "intraday bars": (
        "bars?timeframe=1m",
        "intraday-data",
        "bars",
        {"symbol": "SPY", "timestamp": "2020-01-02T14:30:00Z", "open": 2, "high": 3, "low": 1, "close": 2},
        {
            **dict.fromkeys(("open", "high", "low", "close"), "price"),
            "symbol": "text",
            "timestamp": "moment",
            "volume": "size",
        },
    ),
    "ticks": (
        "ticks?",
        "ticks",
        "ticks",
        {"symbol": "SPY", "timestamp": "2020-01-02T14:30:00Z", "price": 2, "size": 1},
        {
            "symbol": "text",
            "timestamp": "moment",
            "price": "price",
            "size": "required size",
            "exchange": "text or nothing",
            "condition": "text or nothing",
        },
    ),
}
_NUMBER = [
    *(b'"NaN"', b'"1e400"', b'"1_000"', b'"0x10"', b'"\\u0663"', b"true", b"[]", b"9223372036854775808"),
    *(b"0.123456789", b"123456789.12345678", b'"1e-999999999"', b'"' + b"9" * 5000 + b'"', b"-1"),
]
# In a table of a whole file a number may be a text, and what is empty is missing.
OF_A_ROW: dict[str, list[bytes]] = {
    "price": [*_NUMBER, b"0", b'""', b"null"],
    "size": _NUMBER,
    "required size": [*_NUMBER, b'""', b"null"],
    "text": [b"true", b"[]", b'["SPY"]', b"null", b'"a\\nb"', b'"a\\u0007b"', b'"' + b"x" * 10_000 + b'"'],
    "text or nothing": [b"true", b"[]", b'["P"]', b'"a\\nb"', b'"a\\u0007b"', b'"' + b"x" * 10_000 + b'"'],
    "date": [value for value in WRONG["date"] if value not in (b"20200102", b'"20200102"', b'"2020-01-02T00:00:00Z"')],
    "moment": [value for value in WRONG["moment"] if value != b"1577836800"],
}
# The code of an exchange or a condition may be a number, and is kept as it is spelt.
TAKEN = {"text or nothing": {b"1e400"}}
FORMS = {"json": "application/json", "ndjson": "application/x-ndjson"}


def body_of(row: bytes, form: str, rows: str) -> bytes:
    """The row alone, in this form."""
    return row + b"\n" if form == "ndjson" else b'{"' + rows.encode() + b'": [' + row + b"]}"


def row_with(good: dict[str, Any], field: str, value: bytes) -> bytes:
    """The good row with one field as it stands, unparsed."""
    rest = orjson.dumps({name: held for name, held in good.items() if name != field})[1:]
    return b'{"' + field.encode() + b'": ' + value + b"," + rest


@pytest.fixture
def api(api_of: Callable[[User], APIClient], db: None) -> APIClient:
    InstrumentFactory.create(symbol="SPY")
    return api_of(UserFactory.create(role="analyst"))


def test_no_route_that_takes_rows_is_missing_here() -> None:
    paths = {f"/api/v1/{path.partition('?')[0]}/" for path, *_ in BULK.values()}
    assert {(resolve(path).url_name, "post") for path in paths} == OTHERS


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", BULK)
def test_the_good_rows_are_taken(api: APIClient, kind: str, form: str) -> None:
    path, _, rows, good, _ = BULK[kind]
    body = body_of(orjson.dumps(good), form, rows)
    answer = api.generic("POST", f"/api/v1/{path}&on_error=abort", body, content_type=FORMS[form])  # type: ignore[arg-type]  # Django takes bytes
    assert answer.status_code == 200, answer.content
    assert answer.json()["inserted"] == 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, (*_, fields) in BULK.items() for field in fields])
def test_a_row_with_a_value_that_is_none_changes_nothing(api: APIClient, kind: str, field: str, form: str) -> None:
    path, listed, rows, good, fields = BULK[kind]
    before = everything()
    kind_of = fields[field]
    for value in [value for value in NEVER if value not in TAKEN.get(kind_of, ())] + OF_A_ROW[kind_of]:
        body = body_of(row_with(good, field, value), form, rows)
        answer = api.generic("POST", f"/api/v1/{path}&on_error=abort", body, content_type=FORMS[form])  # type: ignore[arg-type]  # Django takes bytes
        assert answer.status_code == 400, (value[:80], answer.content[:300])
        assert_problem(answer, 400)
    assert api.get(f"/api/v1/{listed}").status_code == 200
    assert everything() == before
