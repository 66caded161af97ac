"""Writing sealed rows as one Parquet file whose row groups are cut where symbols change."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
import orjson
import pyarrow as pa
from pyarrow import parquet

from marketdata.archive.layout import Dataset, Span
from marketdata.archive.rows import ArchiveRows
from marketdata.archive.schema import schema_of, writer_options

#: A symbol with more rows than this is cut; more would only cost memory.
MOST_IN_A_GROUP = 65_536
# Day files hold few rows of each symbol: of groups of one symbol the footer would be larger than the rows.
_ENOUGH_OF_DAYS = 20_000
# In a month's file a symbol's history is a group of its own, unless it is shorter than this.
_ENOUGH_OF_MONTHS = 4_096
#: The key of the groups' digests in the footer.
GROUP_DIGESTS = "group_sha256"
_END = b"PAR1"


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows of one symbol lie in the file; first and last: microseconds since 1970."""

    symbol: str
    group: int
    offset: int
    rows: int
    first: int
    last: int


@dataclass(slots=True)
class Written:
    """What a file turned out to be."""

    rows: int = 0
    size: int = 0
    sha256: str = ""
    footer_size: int = 0
    footer_sha256: str = ""
    digest: str = ""
    places: list[Place] = field(default_factory=list)


class _Digested:
    """A stream that knows the SHA-256 of all that was written to it, and of what was since `cut`."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.size = 0
        self.whole = hashlib.sha256()
        self.part = hashlib.sha256()
        self.tail = b""
        self.closed = False

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self.stream.write(view)
        self.size += len(view)
        self.whole.update(view)
        self.part.update(view)
        return len(view)

    def cut(self) -> str:
        done = self.part.hexdigest()
        self.part = hashlib.sha256()
        return done

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """Nothing is held back here."""

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


def write_rows(stream: IO[bytes], parts: Iterable[ArchiveRows], *, dataset: Dataset, span: Span) -> Written:
    """Write parts to the stream, and answer what the manifest has to know.

    The parts come in order, sorted by symbol and time; all of a symbol's rows are in one part.
    """
    written = Written()
    sink = _Digested(stream)
    rows_digest = hashlib.sha256()
    digests: list[str] = []
    with parquet.ParquetWriter(pa.PythonFile(sink, mode="w"), schema_of(dataset), **writer_options(dataset)) as writer:
        # What stands before the first group.
        sink.cut()
        for group in _groups(parts, enough=_ENOUGH_OF_DAYS if span.is_day else _ENOUGH_OF_MONTHS):
            rows_digest.update(group.canonical_bytes())
            writer.write_table(group.to_table(), row_group_size=MOST_IN_A_GROUP)
            written.places += places_of(group, len(digests))
            written.rows += len(group)
            digests.append(sink.cut())
        writer.add_key_value_metadata({GROUP_DIGESTS: orjson.dumps(digests).decode()})
        before = sink.size
    written.size, written.sha256 = sink.size, sink.whole.hexdigest()
    written.footer_size, written.footer_sha256 = sink.size - before, sink.part.hexdigest()
    written.digest = rows_digest.hexdigest()
    return written


def _groups(parts: Iterable[ArchiveRows], *, enough: int) -> Iterator[ArchiveRows]:
    """The rows in groups of whole symbols with `enough` rows each, or of one long symbol's part."""
    held: list[ArchiveRows] = []
    count = 0
    for part in parts:
        for symbol in _by_symbol(part):
            if held and (count >= enough or count + len(symbol) > MOST_IN_A_GROUP):
                yield ArchiveRows.joined(held)
                held, count = [], 0
            if len(symbol) > MOST_IN_A_GROUP:
                for start in range(0, len(symbol), MOST_IN_A_GROUP):
                    yield symbol.take(slice(start, start + MOST_IN_A_GROUP))
            else:
                held.append(symbol)
                count += len(symbol)
    if held:
        yield ArchiveRows.joined(held)


def _by_symbol(rows: ArchiveRows) -> Iterator[ArchiveRows]:
    edges = _edges(rows)
    for start, end in itertools.pairwise(edges):
        yield rows.take(slice(start, end))


def _edges(rows: ArchiveRows) -> list[int]:
    """Where each symbol's rows begin, and the end of the last one's."""
    if not len(rows):
        return [0]
    codes = rows.symbol.codes
    return [0, *(np.flatnonzero(codes[1:] != codes[:-1]) + 1).tolist(), len(rows)]


def places_of(group: ArchiveRows, number: int) -> Iterator[Place]:
    """Where each symbol's rows lie in the group of that number."""
    edges = _edges(group)
    for start, end in itertools.pairwise(edges):
        yield Place(
            symbol=group.symbol.words[group.symbol.codes[start]],
            group=number,
            offset=start,
            rows=end - start,
            first=int(group.time[start]),
            last=int(group.time[end - 1]),
        )
