"""What an audit entry and a seal are in bytes: the same on every engine, different for different entries. Pure.

Version 1. An entry is a JSON array in ASCII of its columns, without the id, which is hashed beside
it. A JSON column is `[]` when it is empty and `[value]` otherwise, keys in order; its numbers count by
their value (1.0 is 1), because PostgreSQL keeps no other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

VERSION = 1
#: The columns in their order; JSON ones are hashed by value, all others as text or whole number.
COLUMNS = (
    "occurred_at",
    "actor_id",
    "actor_label",
    "key_id",
    "front",
    "action",
    "object_type",
    "object_id",
    "object_label",
    "before",
    "after",
    "request_id",
    "address",
)
JSON_AT = tuple(COLUMNS.index(name) for name in ("before", "after"))
DIGEST_BYTES = 32
FINGERPRINT_BYTES = 8
# Whole numbers are written out up to here; a double ends at 1.8e308.
_LONGEST_EXPONENT = 400

Ranges = list[list[int]]


def _number(text: str) -> int | Decimal:
    """A number with a point or an exponent: whole when its value is."""
    value = Decimal(text)
    if abs(value.adjusted()) <= _LONGEST_EXPONENT and value == value.to_integral_value():
        return int(value)
    return value


_decode = json.JSONDecoder(parse_float=_number).decode
_encode = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode


def entry_digest(columns: Sequence[Any]) -> bytes:
    """The SHA-256 of an entry: its columns in the order of `COLUMNS`, JSON as text."""
    row = list(columns)
    for index in JSON_AT:
        text = row[index]
        if text is not None:
            try:
                row[index] = [_decode(text)]
            except (ValueError, ArithmeticError, RecursionError):
                # Not what the software writes. The text itself, marked apart from any value.
                row[index] = {"unreadable": str(text)}
        else:
            row[index] = []
    try:
        form = _encode(row)
    except TypeError:
        # The encoder knows no Decimal: fractions are rare, so only they take the slower way.
        form = "f" + _encode(_tagged(row))
    return hashlib.sha256(form.encode("ascii")).digest()


def _tagged(value: Any) -> Any:
    """The value with fractions as exact text, and all text marked so that none looks like a fraction."""
    match value:
        case str():
            return "s" + value
        case Decimal():
            sign, digits, exponent = value.as_tuple()
            text = "".join(map(str, digits))
            bare = text.rstrip("0")
            return f"n{'-' * sign}{bare}e{int(exponent) + len(text) - len(bare)}"
        case dict():
            return {"s" + key: _tagged(item) for key, item in value.items()}
        case list():
            return [_tagged(item) for item in value]
        case _:
            return value


def moment(time: datetime) -> str:
    """A time to the microsecond in UTC, as in 2026-11-20 12:00:00.000000."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


class EntriesDigest:
    """The digest of a seal's entries, one after the other in the order of their ids."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, entry_id: int, digest: bytes) -> None:
        self._hash.update(entry_id.to_bytes(8, "big", signed=True) + digest)

    def text(self) -> str:
        return self._hash.hexdigest()


@dataclass(frozen=True, slots=True)
class SealHead:
    """Everything that a seal's code covers."""

    number: int
    sealed_at: datetime
    version: int
    ranges: Ranges
    first_id: int
    last_id: int
    entries: int
    closed_through: int
    digest: str
    fingerprints: bytes
    key_name: str
    previous: str

    def code(self, key: str) -> str:
        """The seal's HMAC-SHA256, which only the holder of the key can reckon."""
        words = [
            "seal",
            self.version,
            self.number,
            moment(self.sealed_at),
            self.ranges,
            self.first_id,
            self.last_id,
            self.entries,
            self.closed_through,
            self.digest,
            hashlib.sha256(self.fingerprints).hexdigest(),
            self.key_name,
            self.previous,
        ]
        return code(key, words)


def code(key: str, words: Any) -> str:
    """HMAC-SHA256 under the key, of JSON in one form."""
    return hmac.new(key.encode(), _encode(words).encode("ascii"), hashlib.sha256).hexdigest()


def key_name(key: str) -> str:
    """A name for the key that tells nothing of it."""
    return code(key, "name of the key")[:16]


def ranges_of(ids: Iterable[int]) -> Ranges:
    """Ascending ids as unbroken runs: [1, 2, 3, 7] is [[1, 3], [7, 7]]."""
    ranges: Ranges = []
    for number in ids:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def gaps_between(ranges: Iterable[Sequence[int]], *, after: int) -> list[tuple[int, int | None]]:
    """The stretches after an id that no range covers; the last one has no end."""
    gaps: list[tuple[int, int | None]] = []
    for first, last in sorted((first, last) for first, last in ranges):
        if first > after + 1:
            gaps.append((after + 1, first - 1))
        after = max(after, last)
    return [*gaps, (after + 1, None)]
