"""Where bars come from: anything that yields raw columns with their line numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from marketdata.ingest.summary import Reject

CHUNK_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class RawChunk:
    """Some rows as the source has them, about 100,000.

    rows: the columns under the source's own names; text from CSV, any type from elsewhere.
    lines: int64, one a row: where a person finds it (line of the file, number of the row).
    advanced: how much further the source is, in its own unit (bytes of a file, rows).
    broken: rows that could not even be split into columns; they count as read.
    """

    rows: pa.RecordBatch
    lines: npt.NDArray[np.int64]
    advanced: int = 0
    broken: Sequence[Reject] = ()


class BarSource(Protocol):
    """A named source whose chunks can be read again from the start, as often as needed.

    `chunks()` yields at least one chunk or raises: InvalidInput for content that is no bars,
    OSError when reading fails. `symbol_hint` is the symbol that the source's name suggests.
    `size` is what the `advanced` of all chunks adds up to, where that is known.
    """

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int | None: ...

    @property
    def symbol_hint(self) -> str | None: ...

    def chunks(self) -> Iterator[RawChunk]: ...


@dataclass(frozen=True, slots=True)
class TableSource:
    """An Arrow table in memory as a source; rows are numbered from 1.

    Columns as in a file: `symbol` (or the option), `timestamp` or `date`, `open`, `high`, `low`,
    `close` and the optional ones; text, decimals, integers or floats, times as timestamps with
    a zone, dates or text. Floats are rounded half-even to 8 decimals and 15 digits.
    """

    name: str
    table: pa.Table
    symbol_hint: str | None = None

    @property
    def size(self) -> int:
        """In rows."""
        return int(self.table.num_rows)

    def chunks(self) -> Iterator[RawChunk]:
        start = 0
        table = self.table.combine_chunks()
        for batch in table.to_batches(max_chunksize=CHUNK_ROWS):
            lines = np.arange(start + 1, start + batch.num_rows + 1, dtype=np.int64)
            start += batch.num_rows
            yield RawChunk(rows=batch, lines=lines, advanced=batch.num_rows)
        if start == 0:
            yield RawChunk(rows=pa.RecordBatch.from_pylist([], schema=table.schema), lines=np.empty(0, np.int64))
