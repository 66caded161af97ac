"""Arrow files (Feather) and streams as sources, batch by batch; rows are numbered from 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from marketdata.ingest.arrowsizes import unpacked_sizes
from marketdata.ingest.blocks import joined
from marketdata.ingest.source import CHUNK_ROWS, RawChunk
from marketdata.ingest.streams import FileId

#: The largest batch: all of it is in memory at once.
BATCH_BYTES = 256 << 20
_SIGNATURE = b"ARROW1"
# With its padding, at the start.
_SIGNATURE_BYTES = 8


@dataclass(frozen=True, slots=True)
class ArrowSource:
    """An Arrow file or stream; floats are rounded, decimals and text are taken as they are."""

    file: FileId
    symbol_hint: str | None
    is_stream: bool

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def size(self) -> int:
        """In bytes on disk."""
        return self.file.size

    def chunks(self) -> Iterator[RawChunk]:
        try:
            yield from joined(self._chunks())
        except FileNotFoundError:
            raise self.file.refuse("has vanished while it was being read.", "vanished") from None
        except (pa.ArrowException, OSError, MemoryError, ValueError, OverflowError) as error:
            # pyarrow raises any of these for damaged data.
            reason = (str(error).splitlines() or ["it can't be read"])[0][:200].rstrip(".")
            raise self.file.refuse(f"is damaged or no Arrow data: {reason}.", "damaged") from None

    def _chunks(self) -> Iterator[RawChunk]:
        done = position = 0
        # Not mapped: a file that is cut meanwhile would kill the process.
        with pa.OSFile(str(self.file.path), "rb") as raw:
            for batch in self._batches(raw):
                # What somebody else wrote: offsets that point outside their buffers would be read as they are.
                batch.validate(full=True)
                here = raw.tell()
                for start in range(0, batch.num_rows, CHUNK_ROWS):
                    part = batch.slice(start, CHUNK_ROWS)
                    lines = np.arange(done + 1, done + part.num_rows + 1, dtype=np.int64)
                    done += part.num_rows
                    yield RawChunk(rows=part, lines=lines, advanced=here - position)
                    position = here
        if not done:
            raise self.file.refuse("has columns but no rows.", "no_rows")

    def _batches(self, raw: pa.NativeFile) -> Iterator[pa.RecordBatch]:
        # A file is a stream between two signatures. Read as one, a footer that points elsewhere means nothing.
        start = 0 if self.is_stream else _SIGNATURE_BYTES
        if not self.is_stream:
            raw.seek(max(raw.size() - len(_SIGNATURE), 0))
            if raw.read() != _SIGNATURE:
                raise self.file.refuse("is no whole Arrow file: it ends too early.", "truncated")
        raw.seek(start)
        if any(size > BATCH_BYTES for size in unpacked_sizes(raw)):
            raise self.file.refuse(
                f"has a batch of over {BATCH_BYTES >> 20} MB when it is unpacked; write it in smaller ones.",
                "too_large",
            )
        raw.seek(start)
        yield from pa.ipc.open_stream(raw)
