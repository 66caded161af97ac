"""JSON as sources: objects line by line, arrays of objects, or columns; in memory is one block, whatever the size."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO

import numpy as np
import pyarrow as pa

from marketdata.ingest.blocks import LINE_BYTES, Block, cut, joined, whole_lines
from marketdata.ingest.faults import Integers
from marketdata.ingest.headers import BAR_WORDS, Vocabulary
from marketdata.ingest.jsonrows import MAX_DEPTH, MAX_KEYS, ObjectParser, split_at, split_lines
from marketdata.ingest.jsonscan import scan
from marketdata.ingest.source import CHUNK_ROWS, RawChunk
from marketdata.ingest.streams import FileId
from marketdata.ingest.summary import Reject

# About 40,000 rows.
BLOCK_BYTES = 4_000_000
#: Under which key a document has its rows.
ROWS = frozenset({"bars", "ticks"})
_STRING = re.compile(rb'"((?:[^"\\\x00-\x1f]++|\\.)*+)"', re.DOTALL)
_SCALAR = re.compile(rb'[^\s,\[\]{}"]+')
_BLANK = b" \t\r\n"
_TOKEN_BYTES = 4096


@dataclass(frozen=True, slots=True)
class NdjsonSource:
    """A file with one JSON object a line, perhaps compressed; lines are counted from 1, blank ones passed over."""

    file: FileId
    symbol_hint: str | None
    words: Vocabulary = BAR_WORDS

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def size(self) -> int:
        """In bytes on disk."""
        return self.file.size

    def chunks(self) -> Iterator[RawChunk]:
        yield from joined(self._chunks())

    def _chunks(self) -> Iterator[RawChunk]:
        parser, line, is_empty = ObjectParser(self.words), 1, True
        with self.file.opened() as (raw, stream):
            position = 0
            for text in whole_lines(self.file, stream, size=BLOCK_BYTES):
                text = text.removeprefix(b"\xef\xbb\xbf") if line == 1 else text
                numbers, elements = split_lines(text, line)
                line += text.count(b"\n")
                if not len(numbers):
                    continue
                here = raw.tell()
                for chunk in cut(parser.parse(text, elements, numbers), advanced=here - position):
                    is_empty = False
                    yield chunk
                position = here
        if is_empty:
            raise self.file.refuse("has no rows.", "no_rows")


@dataclass(frozen=True, slots=True)
class JsonSource:
    """A JSON document, perhaps compressed; rows are counted from 1.

    An array of objects; {"bars": [objects]}; {"bars": {symbol: [objects]}}, as `GET bars` answers; or columns:
    {"timestamp": [...], "open": [...], ...}. What else stands in the object is passed over.
    """

    file: FileId
    symbol_hint: str | None
    words: Vocabulary = BAR_WORDS

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def size(self) -> int:
        """In bytes on disk."""
        return self.file.size

    def chunks(self) -> Iterator[RawChunk]:
        yield from joined(self._chunks())

    def _chunks(self) -> Iterator[RawChunk]:
        with self.file.opened() as (raw, stream):
            document = _Document(self.file, raw, stream, self.words)
            count = 0
            for chunk in document.rows():
                count += len(chunk.lines) + len(chunk.broken)
                yield chunk
        if document.columns:
            yield from _Columns(self.file, document.columns, self.words).chunks()
        elif not count:
            raise self.file.refuse("has no rows.", "no_rows")


class _Reader:
    """The unpacked bytes of a file, looked at piece by piece."""

    def __init__(self, file: FileId, stream: IO[bytes], start: int = 0) -> None:
        self.file = file
        self.stream = stream
        self.text = b""
        self.at = 0
        #: Where `text` begins in the unpacked file.
        self.base = start

    @property
    def position(self) -> int:
        return self.base + self.at

    def more(self) -> bool:
        """Forget what was read and take another block; False at the end."""
        read = self.stream.read(BLOCK_BYTES)
        self.base += self.at
        self.text, self.at = self.text[self.at :] + read, 0
        return bool(read)

    def peek(self) -> bytes:
        """The next byte that is not blank, without taking it; empty at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in _BLANK:
                rest = self.text[self.at :]
                self.at += len(rest) - len(rest.lstrip(_BLANK))
            if self.at < len(self.text):
                return self.text[self.at : self.at + 1]
            if not self.more():
                return b""

    def take(self, expected: bytes) -> None:
        if self.peek() != expected:
            raise self.broken()
        self.at += 1

    def token(self, pattern: re.Pattern[bytes]) -> bytes:
        """What the pattern matches here: a key or a value, which is short."""
        self.peek()
        while len(self.text) - self.at < _TOKEN_BYTES and self.more():
            pass
        match = pattern.match(self.text, self.at, self.at + _TOKEN_BYTES)
        if match is None:
            raise self.broken()
        self.at = match.end()
        return match.group(match.lastindex or 0)

    def key(self) -> str:
        return self.token(_STRING).decode("utf-8", "replace")

    def elements(self) -> Iterator[tuple[bytes, Integers]]:
        """What stands in an array (or object) whose bracket was taken: whole elements, and where commas part them."""
        is_first = True
        while True:
            found = scan(self.text[self.at :])
            if found.depth > MAX_DEPTH:
                raise self.file.refuse(f"is nested deeper than {MAX_DEPTH} levels.", "too_deep")
            if found.end >= 0:
                piece = self.text[self.at : self.at + found.end]
                self.at += found.end + 1
                if not is_first or piece.strip():
                    yield piece, found.commas
                return
            if len(found.commas):
                last = int(found.commas[-1])
                piece = self.text[self.at : self.at + last]
                self.at += last + 1
                is_first = False
                yield piece, found.commas[:-1]
            if len(self.text) - self.at > LINE_BYTES + BLOCK_BYTES:
                raise self.file.refuse("has a row of over 1 MB, so it is no file of bars.", "not_bars")
            if not self.more():
                raise self.broken()

    def broken(self) -> Exception:
        if self.at >= len(self.text):
            return self.file.refuse("is no whole JSON: it ends too early.", "truncated")
        return self.file.refuse(f"is no JSON: something else is expected at byte {self.position + 1:,}.", "not_json")


class _Document(_Reader):
    """A document read once from start to end: rows as they come, columns as places to return to."""

    def __init__(self, file: FileId, raw: IO[bytes], stream: IO[bytes], words: Vocabulary) -> None:
        super().__init__(file, stream)
        self.words = words
        self.raw = raw
        self.parser = ObjectParser(words)
        self.columns: dict[str, tuple[int, int]] = {}
        self.row = 1
        self.progress = 0
        self.has_rows = False

    def rows(self) -> Iterator[RawChunk]:
        self.more()
        if self.text.startswith(b"\xef\xbb\xbf"):
            self.at = 3
        if self.peek() == b"[":
            yield from self._objects(None)
        else:
            yield from self._members(self._member)
        if self.peek():
            raise self.broken()
        if self.has_rows and self.columns:
            raise self.file.refuse("has both rows and columns; send one of them.", "not_bars")

    def _members(self, each: Callable[[str], Iterator[RawChunk]]) -> Iterator[RawChunk]:
        """The members of an object."""
        self.take(b"{")
        if self.peek() == b"}":
            self.at += 1
            return
        while True:
            name = self.key()
            self.take(b":")
            yield from each(name)
            if self.peek() == b"}":
                self.at += 1
                return
            self.take(b",")

    def _member(self, name: str) -> Iterator[RawChunk]:
        kind = self.peek()
        if name in ROWS and kind == b"[":
            yield from self._objects(None)
        elif name in ROWS and kind == b"{":
            yield from self._members(self._of_symbol)
        elif kind == b"[":
            self._note_column(name)
        else:
            self._pass_over(kind)

    def _of_symbol(self, symbol: str) -> Iterator[RawChunk]:
        if self.peek() != b"[":
            raise self.broken()
        yield from self._objects(symbol)

    def _objects(self, symbol: str | None) -> Iterator[RawChunk]:
        """The rows of an array."""
        self.take(b"[")
        self.has_rows = True
        for piece, commas in self.elements():
            lines = np.arange(self.row, self.row + len(commas) + 1, dtype=np.int64)
            self.row += len(lines)
            # Objects that are told apart by line ends instead of commas are what the parser takes.
            text = np.frombuffer(piece.replace(b"\n", b" "), dtype=np.uint8).copy()
            text[commas] = ord("\n")
            elements = None if piece.count(b"{") == len(lines) else [part or b"?" for part in split_at(piece, commas)]
            block = self.parser.parse(text.tobytes(), elements, lines)
            here = self.raw.tell()
            yield from cut(_with_symbol(block, symbol, self.words), advanced=here - self.progress)
            self.progress = here

    def _note_column(self, name: str) -> None:
        """Remember where a column begins and how long it is."""
        self.take(b"[")
        start, count = self.position, 0
        for _, commas in self.elements():
            count += len(commas) + 1
        if name in self.columns:
            raise self.file.refuse(f"has the key {name[:40]!r} twice.", "key_twice")
        if len(self.columns) == MAX_KEYS:
            raise self.file.refuse(f"has over {MAX_KEYS} columns: no bars.", "not_bars")
        if self.words.role_of(name) is not None:
            self.columns[name] = (start, count)

    def _pass_over(self, kind: bytes) -> None:
        if kind == b'"':
            self.token(_STRING)
        elif kind == b"{":
            self.at += 1
            for _ in self.elements():
                pass
        else:
            self.token(_SCALAR)


class _Columns:
    """Arrays of equal length in one document, read side by side, each through the file opened once more."""

    def __init__(self, file: FileId, places: dict[str, tuple[int, int]], words: Vocabulary) -> None:
        self.file = file
        self.words = words
        self.places = places
        lengths = {count for _, count in places.values()}
        if len(lengths) > 1:
            listed = ", ".join(f"{name} {count:,}" for name, (_, count) in places.items())
            raise file.refuse(f"has columns of different lengths: {listed}.", "uneven_columns")
        self.count = lengths.pop()

    def chunks(self) -> Iterator[RawChunk]:
        with ExitStack() as stack:
            columns = {}
            for name, (start, _) in self.places.items():
                _, stream = stack.enter_context(self.file.opened())
                _go_to(stream, start)
                columns[name] = self._values(name, _Reader(self.file, stream, start))
            waiting: dict[str, list[Block]] = {name: [] for name in columns}
            row = 1
            while row <= self.count:
                size = min(CHUNK_ROWS, self.count - row + 1)
                rows = [_fill(waiting[name], columns[name], size) for name in columns]
                yield _side_by_side(list(columns), rows, row)
                row += size
        if not self.count:
            raise self.file.refuse("has columns but no rows.", "no_rows")

    def _values(self, name: str, reader: _Reader) -> Iterator[Block]:
        """The values as blocks of one column each; a value that is none is broken and null."""
        parser, row = ObjectParser(self.words), 1
        # The key is ours: its name says what the values are.
        head = b'{"' + name.encode() + b'":'
        for piece, commas in reader.elements():
            lines = np.arange(row, row + len(commas) + 1, dtype=np.int64)
            row += len(lines)
            piece = piece.replace(b"\n", b" ")
            if piece.count(b",") == len(commas):
                yield parser.parse(head + piece.replace(b",", b"}\n" + head) + b"}", None, lines)
            else:
                elements = [head + part + b"}" for part in split_at(piece, commas)]
                yield parser.parse(b"\n".join(elements), elements, lines)


def _fill(waiting: list[Block], blocks: Iterator[Block], size: int) -> Block:
    """The next `size` values of a column: what is left of the last block and as many more as it takes."""
    have = sum(block.rows.num_rows + len(block.broken) for block in waiting)
    while have < size:
        block = next(blocks)
        waiting.append(block)
        have += block.rows.num_rows + len(block.broken)
    arrays, lines, broken = [], [], []
    for block in waiting:
        arrays.append(block.rows.column(0))
        lines.append(block.lines)
        broken += block.broken
    kinds = {array.type for array in arrays}
    # Decimals beside text: as text, which says the same.
    values = pa.concat_arrays([array.cast(pa.string()) for array in arrays] if len(kinds) > 1 else arrays)
    numbers = np.concatenate(lines)
    name = waiting[0].rows.schema.names
    first = min([*numbers[:1].tolist(), *(reject.line for reject in broken[:1])])
    here, bad_here = int(np.searchsorted(numbers, first + size)), [r for r in broken if r.line < first + size]
    rest = Block(
        pa.RecordBatch.from_arrays([values[here:]], names=name),
        numbers[here:],
        [reject for reject in broken if reject.line >= first + size],
    )
    waiting[:] = [rest] if rest.rows.num_rows or rest.broken else []
    return Block(pa.RecordBatch.from_arrays([values[:here]], names=name), numbers[:here], bad_here)


def _side_by_side(names: list[str], columns: list[Block], first: int) -> RawChunk:
    """One chunk of the rows that are whole in every column; the others are broken, once each."""
    broken: dict[int, Reject] = {}
    for block in columns:
        for reject in block.broken:
            broken.setdefault(reject.line, reject)
    arrays = []
    for block in columns:
        if broken:
            kept = ~np.isin(block.lines, list(broken))
            arrays.append(block.rows.column(0).filter(pa.array(kept)))
        else:
            arrays.append(block.rows.column(0))
    size = max(len(block.lines) + len(block.broken) for block in columns)
    lines = np.setdiff1d(np.arange(first, first + size, dtype=np.int64), list(broken))
    rows = pa.RecordBatch.from_arrays(arrays, names=names)
    return RawChunk(rows=rows, lines=lines, broken=[broken[line] for line in sorted(broken)])


def _with_symbol(block: Block, symbol: str | None, words: Vocabulary) -> Block:
    """The block with the symbol of all its rows, where they don't name their own."""
    if symbol is None or any(words.role_of(name) == "symbol" for name in block.rows.schema.names):
        return block
    column = pa.repeat(pa.scalar(symbol[:_TOKEN_BYTES]), block.rows.num_rows)
    rows = pa.RecordBatch.from_arrays([*block.rows.columns, column], names=[*block.rows.schema.names, "symbol"])
    return Block(rows, block.lines, block.broken)


def _go_to(stream: IO[bytes], position: int) -> None:
    while position > 0 and (read := stream.read(min(position, BLOCK_BYTES))):
        position -= len(read)
