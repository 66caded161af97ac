"""Parquet files as sources, batch by batch; rows are numbered from 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from marketdata.ingest.source import CHUNK_ROWS, RawChunk
from marketdata.ingest.streams import FileId


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """A Parquet file; floats are rounded, decimals and text are taken as they are."""

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
        try:
            texts = _texts(parquet.read_schema(self.file.path))
            # As dictionaries, so that a long text that a million rows have is in memory once.
            with parquet.ParquetFile(self.file.path, pre_buffer=False, read_dictionary=texts) as opened:
                total = opened.metadata.num_rows
                if not total:
                    raise self.file.refuse("has columns but no rows.", "no_rows")
                done = 0
                for batch in opened.iter_batches(batch_size=CHUNK_ROWS, use_threads=False):
                    start, done = done, done + batch.num_rows
                    lines = np.arange(start + 1, done + 1, dtype=np.int64)
                    advanced = self.size * done // total - self.size * start // total
                    yield RawChunk(rows=batch, lines=lines, advanced=advanced)
        except FileNotFoundError:
            raise self.file.refuse("has vanished while it was being read.", "vanished") from None
        except (pa.ArrowException, OSError, MemoryError, ValueError, OverflowError) as error:
            # pyarrow raises any of these for damaged pages and footers.
            reason = (str(error).splitlines() or ["it can't be read"])[0][:200].rstrip(".")
            raise self.file.refuse(f"is damaged or no Parquet file: {reason}.", "damaged") from None


def _texts(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
