"""The form in which entries are hashed: one for each entry, the same on every engine."""

from __future__ import annotations

import datetime as dt
import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from systemevents.canonical import COLUMNS, JSON_AT, entry_digest, gaps_between, moment, ranges_of
from systemevents.models import AuditLog
from systemevents.selectors import stored_entries

texts = st.text(alphabet='ab01".,[]{}:éſ\U0001f600\ud800\x00', max_size=4)
numbers = st.sampled_from([0, 1, -1, 10**20, 2**63, 0.0, -0.0, 1.0, 0.1, 0.25, -2.5, 1e20, 1e300, 1e-7, 5e-324])
documents = st.recursive(
    st.none() | st.booleans() | numbers | texts | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
cells = st.none() | st.sampled_from(["", "a", "b", "ab", '"', "null", "[]", 1, 2])
MISSING = object()


def key(value: Any) -> Any:
    """What a JSON value is, in a way that has nothing to do with how it is written; numbers by their value."""
    match value:
        case None | bool() | str():
            return (type(value).__name__, value)
        case int() | float():
            return ("number", Fraction(repr(value)) if isinstance(value, float) else Fraction(value))
        case list():
            return ("list", tuple(map(key, value)))
        case dict():
            return ("dict", frozenset((name, key(item)) for name, item in value.items()))
    return MISSING


@st.composite
def rows(draw: st.DrawFn) -> list[Any]:
    """Columns of an entry; JSON ones as objects, or MISSING."""
    row = [draw(cells) for _ in COLUMNS]
    for index in JSON_AT:
        row[index] = draw(st.just(MISSING) | documents)
    return row


def digest(row: list[Any], **style: Any) -> bytes:
    stored = [
        (None if value is MISSING else json.dumps(value, **style)) if index in JSON_AT else value
        for index, value in enumerate(row)
    ]
    return entry_digest(stored)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[list[Any], list[Any]]:
    """Two entries that differ in little, or in nothing."""
    first = draw(rows())
    second = list(first)
    for index in draw(st.sets(st.integers(0, len(COLUMNS) - 1), max_size=2)):
        second[index] = draw(documents) if index in JSON_AT else draw(cells)
    return first, second


@given(pair=pairs())
def test_two_entries_have_one_digest_exactly_when_they_say_the_same(pair: tuple[list[Any], list[Any]]) -> None:
    first, second = pair
    same = all(
        (key(a) == key(b)) if index in JSON_AT else (type(a), a) == (type(b), b)
        for index, (a, b) in enumerate(zip(first, second, strict=True))
    )
    assert (digest(first) == digest(second)) == same


@given(row=rows())
def test_how_an_engine_writes_json_does_not_matter(row: list[Any]) -> None:
    assert digest(row) == digest(row, indent=2, ensure_ascii=False)


@given(document=st.dictionaries(texts, documents, min_size=2, max_size=4))
def test_the_order_of_keys_does_not_matter(document: dict[str, Any]) -> None:
    row: list[Any] = ["x"] * len(COLUMNS)
    row[JSON_AT[0]], row[JSON_AT[1]] = document, MISSING
    other = list(row)
    other[JSON_AT[0]] = dict(reversed(document.items()))
    assert digest(row) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0.5", '"0.5"'),
        ("0.5", '"n5e-1"'),
        ('{"a": 0.5}', '{"a": "n5e-1"}'),
        ('[0.5, "s"]', '["n5e-1", "s"]'),
        ("[1]", "1"),
        ("true", "1"),
        ("null", "false"),
        ("0.1", "0.10000000000000000001"),
        ("not json", '{"unreadable": "not json"}'),
        ("1e999999999", "1e999999998"),
        ("[" * 100_000, "[" * 100_001),
        ("9" * 5_000, "9" * 4_999),
    ],
)
def test_what_somebody_might_write_instead_is_something_else(one: str, other: str) -> None:
    row: list[Any] = ["x"] * len(COLUMNS)
    digests = set()
    for text in (one, other):
        row[JSON_AT[0]], row[JSON_AT[1]] = text, None
        digests.add(entry_digest(row))
    assert len(digests) == 2


@pytest.mark.parametrize(("one", "other"), [("1.50", "1.5"), ("1E+20", "1" + "0" * 20), ("-0.0", "0"), ("1e0", "1")])
def test_a_number_counts_by_its_value(one: str, other: str) -> None:
    row: list[Any] = ["x"] * len(COLUMNS)
    row[JSON_AT[0]], row[JSON_AT[1]] = one, None
    first = entry_digest(row)
    row[JSON_AT[0]] = other
    assert entry_digest(row) == first


@pytest.mark.django_db
@pytest.mark.parametrize("microsecond", [0, 120_000])
def test_every_engine_gives_the_same_bytes(owner: User, microsecond: int) -> None:
    """The digest is written down here: it may change with VERSION only."""
    AuditLog.objects.create(
        occurred_at=dt.datetime(2026, 11, 20, 23, 59, 59, microsecond, tzinfo=dt.UTC),
        actor_label="Zoë 😀",
        key_id="abcdefgh",
        front="api",
        action="thing.done",
        before={"b": [1, 1.0, 0.1, 1e20, -0.0, 2**62, True, None], "a": {"é": "\u2028"}, "aa": ""},
        after=None,
        request_id="r-1",
        address="2001:DB8::1",
    )
    *_, (_, *columns) = stored_entries()
    assert columns[0] == f"2026-11-20 23:59:59.{microsecond:06}"
    assert columns[-1] == "2001:db8::1"
    assert entry_digest(columns).hex() == EXPECTED[microsecond]


EXPECTED = {
    0: "487ab5a4d99c5170f3429b07e0ba5fbb8716eef055b4da8199d5bcaf79da31a8",
    120_000: "adddeb61285587bd5806cc003f7a2023b237ba8ac9d797a3be0e34c6ad6c072f",
}


def test_a_moment_is_written_in_utc_to_the_microsecond() -> None:
    east = dt.timezone(dt.timedelta(hours=9))
    assert moment(dt.datetime(2026, 1, 1, 8, 30, tzinfo=east)) == "2025-12-31 23:30:00.000000"


@given(ids=st.sets(st.integers(1, 30)), after=st.integers(0, 30))
def test_ranges_and_gaps_cover_everything_once(ids: set[int], after: int) -> None:
    ranges = ranges_of(sorted(ids))
    assert {number for first, last in ranges for number in range(first, last + 1)} == ids
    gaps = gaps_between(ranges, after=after)
    open_ids = {number for first, last in gaps for number in range(first, (last or 40) + 1)}
    assert open_ids == {number for number in range(after + 1, 41) if number not in ids}
    assert gaps[-1][1] is None
