"""Pieces of text sources: whole lines out of a stream, and parsed blocks cut into chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import pyarrow as pa

from marketdata.ingest.source import CHUNK_ROWS, RawChunk
from marketdata.ingest.streams import FileId
from marketdata.ingest.summary import Reject

#: The longest line, or row of JSON.
LINE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Block:
    """A block's rows, the line of each, and the lines that are no rows."""

    rows: pa.RecordBatch
    lines: np.ndarray[tuple[int], np.dtype[np.int64]]
    broken: list[Reject] = field(default_factory=list)


def whole_lines(file: FileId, stream: IO[bytes], *, size: int) -> Iterator[bytes]:
    """Blocks of whole lines of about that size; the last one gets its line end."""
    rest = b""
    while True:
        read = stream.read(size)
        if b"\0" in read:
            raise file.refuse("has NUL bytes, so it is not text.", "not_bars")
        if not read:
            break
        end = read.rfind(b"\n") + 1
        if end:
            yield rest + read[:end]
            rest = read[end:]
        else:
            rest += read
        if len(rest) > LINE_BYTES:
            raise file.refuse("has a line of over 1 MB, so it is no file of bars.", "not_bars")
    if rest:
        yield rest + b"\n"


def cut(block: Block, *, advanced: int) -> Iterator[RawChunk]:
    """The block as chunks that are not too long; the first carries what belongs to all."""
    count = block.rows.num_rows
    if not count and not block.broken:
        return
    for start in range(0, max(count, 1), CHUNK_ROWS + CHUNK_ROWS // 2):
        end = start + CHUNK_ROWS + CHUNK_ROWS // 2
        yield RawChunk(
            rows=block.rows.slice(start, end - start),
            lines=block.lines[start:end],
            advanced=advanced if start == 0 else 0,
            broken=block.broken if start == 0 else (),
        )


def joined(chunks: Iterator[RawChunk]) -> Iterator[RawChunk]:
    """The chunks, small neighbours of the same columns as one: each is a transaction of its own later."""
    waiting: list[RawChunk] = []
    count = 0
    for chunk in chunks:
        if waiting and (count + chunk.rows.num_rows > CHUNK_ROWS or waiting[0].rows.schema != chunk.rows.schema):
            yield _one(waiting)
            waiting, count = [], 0
        waiting.append(chunk)
        count += chunk.rows.num_rows
    if waiting:
        yield _one(waiting)


def _one(chunks: list[RawChunk]) -> RawChunk:
    if len(chunks) == 1:
        return chunks[0]
    return RawChunk(
        rows=pa.concat_batches([chunk.rows for chunk in chunks]),
        lines=np.concatenate([chunk.lines for chunk in chunks]),
        advanced=sum(chunk.advanced for chunk in chunks),
        broken=[reject for chunk in chunks for reject in chunk.broken],
    )
