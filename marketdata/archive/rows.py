"""Rows on their way between database and file: exact integers in numpy, sorted by symbol and time; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from marketdata.archive.layout import Dataset
from marketdata.archive.schema import SEQUENCE, SYMBOL, TIME, Column, columns_of, schema_of
from marketdata.ingest.bars import NULL
from marketdata.ingest.faults import Integers, Mask
from marketdata.ingest.numbers import Numbers

Index = npt.NDArray[np.intp] | Mask | slice
# A text of the digest, padded with zeros: longer than any that a column holds.
_TEXT_BYTES = 128
_SYMBOL_BYTES = 32


@dataclass(frozen=True, slots=True)
class Words:
    """A column of few distinct texts: `codes[row]` is the position in `words`."""

    codes: Integers
    words: Sequence[str]

    def take(self, rows: Index) -> Words:
        return Words(self.codes[rows], self.words)

    def padded(self, width: int) -> npt.NDArray[np.bytes_]:
        """Each row's text in UTF-8, padded with zeros."""
        table = np.array([word.encode() for word in self.words] or [b""], dtype=f"S{width}")
        texts: npt.NDArray[np.bytes_] = table[self.codes]
        return texts

    def to_arrow(self) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(
            pa.array(self.codes.astype(np.int32)), pa.array(list(self.words), pa.string())
        )

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> Words:
        """A column of texts or of dictionaries of them."""
        if not len(column):
            return cls(np.empty(0, dtype=np.int64), [])
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        array = encoded.unify_dictionaries().combine_chunks()
        array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
        return cls(np.asarray(array.indices).astype(np.int64), array.dictionary.to_pylist())

    @classmethod
    def joined(cls, parts: Sequence[Words]) -> Words:
        words = sorted({word for part in parts for word in part.words})
        place = {word: number for number, word in enumerate(words)}
        codes = [np.array([place[word] for word in part.words] or [0], dtype=np.int64)[part.codes] for part in parts]
        return cls(np.concatenate(codes), words)


@dataclass(frozen=True, slots=True)
class ArchiveRows:
    """n rows of a dataset.

    symbol: each row's, `symbol.words` sorted. time: int64[n], microseconds since 1970 UTC. sequence:
    int64[n], 0 for bars. numbers and texts: by column name.
    """

    dataset: Dataset
    symbol: Words
    time: Integers
    sequence: Integers
    numbers: Mapping[str, Numbers]
    texts: Mapping[str, Words]

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: Index) -> ArchiveRows:
        return ArchiveRows(
            self.dataset,
            self.symbol.take(rows),
            self.time[rows],
            self.sequence[rows],
            {name: numbers.take(rows) for name, numbers in self.numbers.items()},
            {name: words.take(rows) for name, words in self.texts.items()},
        )

    @classmethod
    def none(cls, dataset: Dataset) -> ArchiveRows:
        return cls.from_table(dataset, schema_of(dataset).empty_table())

    @classmethod
    def joined(cls, parts: Sequence[ArchiveRows]) -> ArchiveRows:
        """All rows of the parts, one after the other; of at least one part."""
        if len(parts) == 1:
            return parts[0]
        first = parts[0]
        return cls(
            first.dataset,
            Words.joined([part.symbol for part in parts]),
            np.concatenate([part.time for part in parts]),
            np.concatenate([part.sequence for part in parts]),
            {name: _joined([part.numbers[name] for part in parts]) for name in first.numbers},
            {name: Words.joined([part.texts[name] for part in parts]) for name in first.texts},
        )

    @classmethod
    def from_table(cls, dataset: Dataset, table: pa.Table) -> ArchiveRows:
        """The rows of a table in the archive's schema, as it was written or as it is read."""
        columns = columns_of(dataset)
        count = len(table)
        return cls(
            dataset,
            Words.of(table[SYMBOL]),
            unscaled(table[TIME]).values,
            unscaled(table[SEQUENCE]).values if columns.has_sequence else np.zeros(count, dtype=np.int64),
            {column.name: unscaled(table[column.name]) for column in columns.numbers},
            {name: Words.of(table[name]) for name in columns.texts},
        )

    def to_table(self) -> pa.Table:
        """The rows in the schema in which they are written."""
        columns = columns_of(self.dataset)
        arrays = [self.symbol.to_arrow(), pa.array(self.time).cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))]
        if columns.has_sequence:
            arrays.append(pa.array(self.sequence))
        arrays += [_to_arrow(self.numbers[column.name], column) for column in columns.numbers]
        arrays += [self.texts[name].to_arrow() for name in columns.texts]
        return pa.Table.from_arrays(arrays, schema=schema_of(self.dataset))

    def canonical_bytes(self) -> bytes:
        """The same bytes for the same rows in the same order, however they are cut into parts.

        A row is its symbol padded to 32 bytes, its time, its sequence (ticks), each number unscaled with the
        smallest integer for null, each text padded to 128 bytes; integers of 64 bits, little-endian.
        """
        columns = columns_of(self.dataset)
        fields: list[tuple[str, str]] = [(SYMBOL, f"S{_SYMBOL_BYTES}"), (TIME, "<i8")]
        values: dict[str, npt.NDArray[np.generic]] = {SYMBOL: self.symbol.padded(_SYMBOL_BYTES), TIME: self.time}
        if columns.has_sequence:
            fields.append((SEQUENCE, "<i8"))
            values[SEQUENCE] = self.sequence
        for column in columns.numbers:
            numbers = self.numbers[column.name]
            fields.append((column.name, "<i8"))
            values[column.name] = np.where(numbers.missing, NULL, numbers.values)
        for name in columns.texts:
            fields.append((name, f"S{_TEXT_BYTES}"))
            values[name] = self.texts[name].padded(_TEXT_BYTES)
        rows = np.zeros(len(self), dtype=np.dtype(fields))
        for name, column_values in values.items():
            rows[name] = column_values
        return rows.tobytes()


def overlaid(sealed: ArchiveRows, live: ArchiveRows) -> ArchiveRows:
    """The rows of both in order of symbol and time; where both have a row, the live one."""
    if not len(sealed) or not len(live):
        return in_order(live if not len(sealed) else sealed)
    both = ArchiveRows.joined([sealed, live])
    is_live = np.arange(len(both)) >= len(sealed)
    order = np.lexsort((is_live, both.sequence, both.time, _ranks(both.symbol)))
    both, is_live = both.take(order), is_live[order]
    symbol, time, sequence = both.symbol.codes, both.time, both.sequence
    same = (symbol[1:] == symbol[:-1]) & (time[1:] == time[:-1]) & (sequence[1:] == sequence[:-1])
    # Of two equal keys the live row comes second.
    return both.take(np.concatenate([~same, [True]]))


def in_order(rows: ArchiveRows) -> ArchiveRows:
    """The rows sorted by symbol, time and sequence."""
    ranks = _ranks(rows.symbol)
    later = (ranks[1:] > ranks[:-1]) | (
        (ranks[1:] == ranks[:-1])
        & (
            (rows.time[1:] > rows.time[:-1])
            | ((rows.time[1:] == rows.time[:-1]) & (rows.sequence[1:] > rows.sequence[:-1]))
        )
    )
    return rows if later.all() else rows.take(np.lexsort((rows.sequence, rows.time, ranks)))


def _ranks(symbol: Words) -> Integers:
    """The place of each row's symbol among the symbols in order."""
    order = np.argsort(np.array(symbol.words or [""], dtype=object), kind="stable")
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    placed: Integers = ranks[symbol.codes]
    return placed


def _joined(parts: Sequence[Numbers]) -> Numbers:
    return Numbers(np.concatenate([part.values for part in parts]), np.concatenate([part.missing for part in parts]))


def _to_arrow(numbers: Numbers, column: Column) -> pa.Array:
    mask = numbers.missing if numbers.missing.any() else None
    integers = pa.array(numbers.values, pa.int64(), mask=mask)
    if column.scale is None:
        return integers
    return pa.Array.from_buffers(column.type, len(integers), integers.buffers(), null_count=integers.null_count)


def unscaled(column: pa.ChunkedArray) -> Numbers:
    """Integers, times and decimals as unscaled integers; 0 where nothing is."""
    parts = [_unscaled(chunk) for chunk in column.chunks] or [Numbers.absent(0)]
    return parts[0] if len(parts) == 1 else _joined(parts)


def _unscaled(array: pa.Array) -> Numbers:
    kind = array.type
    missing = np.asarray(array.is_null()) if array.null_count else np.zeros(len(array), dtype=np.bool_)
    buffer = array.buffers()[1]
    if buffer is None:
        return Numbers.absent(len(array))
    # A decimal of 128 bits: 18 digits are all in the lower half.
    width = 2 if pa.types.is_decimal128(kind) else 1
    whole = np.frombuffer(buffer, dtype="<i8", count=(array.offset + len(array)) * width)
    values = whole.reshape(-1, width)[array.offset :, 0]
    return Numbers(np.where(missing, 0, values) if array.null_count else np.ascontiguousarray(values), missing)
