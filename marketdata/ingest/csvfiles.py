"""CSV files as sources: read in blocks of whole lines, every value as text, every line with its number."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from marketdata.ingest.blocks import LINE_BYTES, Block, cut, whole_lines
from marketdata.ingest.source import RawChunk
from marketdata.ingest.streams import FileId
from marketdata.ingest.summary import Reject

# About 100,000 rows of minute bars.
BLOCK_BYTES = 6_000_000
COLUMNS = 500
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the header says: the columns' names and what stands between values."""

    names: list[str]
    delimiter: str
    lines: int


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A CSV file, perhaps compressed. Lines are counted from 1, the header included.

    In memory is one block of 6 MB, whatever the file's size. A row with too many or too few
    values is a reject of its own.
    """

    file: FileId
    symbol_hint: str | None

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def size(self) -> int:
        """In bytes on disk."""
        return self.file.size

    def chunks(self) -> Iterator[RawChunk]:
        with self.file.opened() as (raw, stream):
            yield from self._chunks(raw, stream)
            self._check_whole(raw)

    def _chunks(self, raw: IO[bytes], stream: IO[bytes]) -> Iterator[RawChunk]:
        dialect = self._header(stream)
        line, position, is_empty = dialect.lines + 1, 0, True
        for block in self._blocks(stream):
            parsed = parse_block(block, dialect, line)
            line += block.count(b"\n")
            here = raw.tell()
            for chunk in cut(parsed, advanced=here - position):
                is_empty = False
                yield chunk
            position = here
        if is_empty:
            raise self.file.refuse("has a header but no rows.", "no_rows")

    def _header(self, stream: IO[bytes]) -> Dialect:
        lines, first = 0, b"\n"
        while first and not first.strip():
            lines += 1
            first = stream.readline(LINE_BYTES)
        if len(first) == LINE_BYTES:
            raise self.file.refuse("begins with a line of over 1 MB, so it is no CSV file.", "not_bars")
        if b"\0" in first:
            raise self.file.refuse("has NUL bytes, so it is not text.", "not_bars")
        text = first.decode("utf-8-sig", "replace").strip("\r\n")
        delimiter = max(_DELIMITERS, key=text.count)
        names = next(csv.reader([text], delimiter=delimiter), [])
        if not names:
            raise self.file.refuse("is empty.", "empty")
        if len(names) > COLUMNS:
            raise self.file.refuse(f"has {len(names):,} columns in its first line: no file of bars.", "not_bars")
        return Dialect(names, delimiter, lines)

    def _blocks(self, stream: IO[bytes]) -> Iterator[bytes]:
        return whole_lines(self.file, stream, size=BLOCK_BYTES)

    def _check_whole(self, raw: IO[bytes]) -> None:
        """Whoever cuts a file while it is read leaves us with a part of it, perhaps of a line."""
        if raw.tell() < self.file.size or os.fstat(raw.fileno()).st_size < self.file.size:
            raise self.file.refuse("has become shorter while it was being read.", "truncated")


def parse_block(block: bytes, dialect: Dialect, line: int) -> Block:
    """Split a block of whole lines into columns of text; its first line has the number `line`.

    Blank lines are passed over.
    """
    kept = block.rstrip(b"\r\n") + b"\n"
    expected = kept.count(b"\n")
    invalid: list[tuple[int, int]] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        invalid.append((-1 if row.number is None else row.number - 1, row.actual_columns))
        return "skip"

    keys = [str(position) for position in range(len(dialect.names))]
    table = arrow_csv.read_csv(
        pa.py_buffer(kept),
        read_options=arrow_csv.ReadOptions(column_names=keys, use_threads=False, block_size=len(kept) + 1),
        parse_options=arrow_csv.ParseOptions(delimiter=dialect.delimiter, invalid_row_handler=skip),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(keys, pa.string()), check_utf8=False, strings_can_be_null=False
        ),
    )
    if table.num_rows + len(invalid) != expected or any(number < 0 for number, _ in invalid):
        # Blank lines in between, or a quote that swallows line ends: slowly, line by line.
        return _parse_lines(kept, dialect, line)
    columns = [column.combine_chunks() for column in table.columns]
    lines = np.arange(line, line + expected, dtype=np.int64)
    broken = [_wrong_width(line + number, count, dialect) for number, count in invalid]
    if invalid:
        lines = np.delete(lines, [number for number, _ in invalid])
    return Block(pa.RecordBatch.from_arrays(columns, names=dialect.names), lines, broken)


def _parse_lines(block: bytes, dialect: Dialect, line: int) -> Block:
    rows: list[list[str]] = []
    lines: list[int] = []
    broken: list[Reject] = []
    for number, text in enumerate(block.split(b"\n")[:-1], start=line):
        decoded = text.decode("utf-8", "replace").strip("\r")
        if not decoded:
            continue
        values = next(csv.reader([decoded], delimiter=dialect.delimiter), [])
        if len(values) == len(dialect.names):
            rows.append(values)
            lines.append(number)
        else:
            broken.append(_wrong_width(number, len(values), dialect))
    columns = list(zip(*rows, strict=True)) or [()] * len(dialect.names)
    arrays = [pa.array(column, type=pa.string()) for column in columns]
    return Block(pa.RecordBatch.from_arrays(arrays, names=dialect.names), np.array(lines, dtype=np.int64), broken)


def _wrong_width(line: int, count: int, dialect: Dialect) -> Reject:
    values = "1 value" if count == 1 else f"{count} values"
    return Reject(line, "wrong_width", f"The line has {values}; the header has {len(dialect.names)}.")
