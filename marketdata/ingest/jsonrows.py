"""Objects of JSON as columns: by Arrow's reader where that is exact, else one by one with care; pure.

Arrow reads numbers into decimals, never through a double, refuses a key that stands twice, and says
nothing when a number overflows: blocks with very long numbers, exponents or anything nested go the careful way.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import json as arrow_json

from marketdata.ingest.blocks import Block
from marketdata.ingest.faults import Integers
from marketdata.ingest.headers import BAR_WORDS, Vocabulary
from marketdata.ingest.summary import Reject
from tradingsite.core.errors import InvalidInput
from tradingsite.core.text import is_storable

MAX_DEPTH = 20
MAX_KEYS = 500
# 18 digits before the point and 20 behind it are all that Arrow's 38 can take without an overflow.
_DECIMAL = pa.decimal128(38, 20)
_DIGITS_ALIKE = bytes.maketrans(b"123456789E", b"000000000e")
_CAREFUL = (b"0" * 19, b"0e", b"0.e", b"NaN", b"Inf", b"\\u0000")
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


class _Digits(str):
    """A JSON number, as it was written."""

    __slots__ = ()


class BrokenRow(Exception):
    """A row that is no object that can be read; code and sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ObjectParser:
    """Parses one source's objects, block by block, into the same columns.

    The columns are the keys that the first block's objects have. A later object with a further key that
    means something is broken: what it says would be lost.
    """

    def __init__(self, words: Vocabulary = BAR_WORDS) -> None:
        self.words = words
        self.names: list[str] = []
        self._is_first = True

    def parse(self, text: bytes, elements: Sequence[bytes] | None, lines: Integers) -> Block:
        """`text` holds one object a line, `lines` their numbers, `elements` the same cut apart where that is known."""
        block = self._quickly(text, lines)
        if block is None:
            block = self._carefully(text.split(b"\n") if elements is None else elements, lines)
        self._is_first = False
        return block

    def _quickly(self, text: bytes, lines: Integers) -> Block | None:
        count = len(lines)
        if text.count(b"{") != count or text.count(b"}") != count or b"[" in text:
            return None
        # Several searches for plain bytes: a pattern would take longer than all the rest.
        alike = text.translate(_DIGITS_ALIKE)
        if any(sign in alike for sign in _CAREFUL):
            return None
        try:
            if not text.isascii():
                text.decode()
            if not self.names:
                self.names = list(_decoded(text[: text.index(b"}") + 1]))
            table = self._read(text)
            if fresh := [name for name in table.column_names if name not in self.names]:
                if not self._is_first:
                    return None if any(self.words.role_of(name) for name in fresh) else self._block(table, lines)
                self.names += fresh
                table = self._read(text)
        except (pa.ArrowInvalid, UnicodeDecodeError, BrokenRow):
            return None
        return self._block(table, lines) if table.num_rows == count else None

    def _read(self, text: bytes) -> pa.Table:
        wanted = [(name, role) for name in self.names if (role := self.words.role_of(name))]
        fields = [(name, pa.string() if role in self.words.texts else _DECIMAL) for name, role in wanted]
        return arrow_json.read_json(
            io.BytesIO(text),
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(text) + 1),
            parse_options=arrow_json.ParseOptions(
                explicit_schema=pa.schema(fields), newlines_in_values=False, unexpected_field_behavior="infer"
            ),
        )

    def _block(self, table: pa.Table, lines: Integers) -> Block | None:
        if table.num_rows != len(lines):
            return None
        # What means nothing is there by name only, so that the header's reader can say so.
        columns = [
            table.column(name).combine_chunks() if self.words.role_of(name) else pa.nulls(table.num_rows)
            for name in self.names
        ]
        return Block(pa.RecordBatch.from_arrays(columns, names=self.names), lines)

    def _carefully(self, elements: Sequence[bytes], lines: Integers) -> Block:
        rows: list[dict[str, Any]] = []
        kept: list[int] = []
        broken: list[Reject] = []
        # A text of lines has nothing behind its last line end.
        for line, element in zip(lines.tolist(), elements, strict=False):
            if not element.strip():
                continue
            try:
                row = _decoded(element)
                self._check(row)
            except BrokenRow as error:
                broken.append(Reject(line, error.code, error.message))
            else:
                rows.append(row)
                kept.append(line)
        if len(self.names) > MAX_KEYS:
            raise InvalidInput.field("header", f"The rows have over {MAX_KEYS} keys: no bars.", code="not_bars")
        columns = [
            pa.array([row.get(name) for row in rows], type=pa.string())
            if self.words.role_of(name)
            else pa.nulls(len(rows))
            for name in self.names
        ]
        return Block(pa.RecordBatch.from_arrays(columns, names=self.names), np.array(kept, dtype=np.int64), broken)

    def _check(self, row: dict[str, Any]) -> None:
        """Note the row's keys, and raise BrokenRow for a value or a key that can't be taken."""
        for name, value in row.items():
            role = self.words.role_of(name)
            if role is None:
                if self._is_first and name not in self.names and len(self.names) <= MAX_KEYS:
                    self.names.append(name)
                continue
            if name not in self.names:
                if not self._is_first:
                    raise BrokenRow("unexpected_key", f"No row further up has {name!r}; give all rows the same keys.")
                self.names.append(name)
            if value is None:
                continue
            if not isinstance(value, str) or (role == "symbol" and isinstance(value, _Digits)):
                wanted = "text" if role in self.words.texts else "a number"
                raise BrokenRow("wrong_type", f"{name} is not {wanted}.")
            if not is_storable(value):
                raise BrokenRow("bad_text", f"{name} has a NUL character or half of a surrogate pair.")


def split_lines(text: bytes, first: int) -> tuple[Integers, list[bytes] | None]:
    """The numbers of the lines that are not blank, and these lines themselves when some are."""
    count = text.count(b"\n")
    if text.count(b"{") == count and b"\n\n" not in text:
        return np.arange(first, first + count, dtype=np.int64), None
    parts = text.split(b"\n")[:-1]
    numbered = [(number, part) for number, part in enumerate(parts, start=first) if part.strip()]
    return np.array([number for number, _ in numbered], dtype=np.int64), [part for _, part in numbered]


def split_at(text: bytes, commas: Integers) -> Iterator[bytes]:
    """The elements between the commas."""
    start = 0
    for comma in commas.tolist():
        yield text[start:comma]
        start = comma + 1
    yield text[start:]


def check_depth(text: bytes) -> None:
    """Raise BrokenRow for what is nested deeper than the decoder should follow."""
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _BRACKETS.finditer(text):
        if match.group() in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise BrokenRow("too_deep", f"The row is nested deeper than {MAX_DEPTH} levels.")
        elif match.group() in (b"]", b"}"):
            depth -= 1


def _decoded(element: bytes) -> dict[str, Any]:
    """An object with its numbers as they are written; raises BrokenRow."""
    check_depth(element)
    try:
        row = json.loads(
            element.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_Digits,
            parse_float=_Digits,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError:
        raise BrokenRow("bad_text", "The row is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise BrokenRow("not_json", f"The row is not JSON: {error.msg} at its character {error.pos + 1}.") from None
    if not isinstance(row, dict):
        raise BrokenRow("not_an_object", "The row is not a JSON object.")
    return row


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise BrokenRow("key_twice", "A key stands twice in the row.")
    if not all(map(is_storable, row)):
        raise BrokenRow("bad_text", "A key has a NUL character or half of a surrogate pair.")
    return row


def _refuse_constant(text: str) -> Any:
    raise BrokenRow("not_finite", f"{text} is not a JSON number.")
