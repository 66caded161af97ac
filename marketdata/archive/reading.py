"""Reading sealed rows: only the row groups that the manifest names, each compared with its digest first.

The manifest has the SHA-256 of a file's footer, the footer that of each row group: so no byte that was
not sealed is ever served, and nothing is read but what was asked for.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from pyarrow import parquet

from marketdata.archive.errors import ArchiveDamaged
from marketdata.archive.layout import Dataset
from marketdata.archive.schema import SYMBOL, TIME, columns_of, schema_of
from marketdata.archive.storage import Storage, StoredFile, storage
from marketdata.archive.writing import GROUP_DIGESTS

#: What the footers of a process take at most.
FOOTER_CACHE_BYTES = 64 << 20
# In memory a footer is about eight times as large as in the file.
_GROWS = 8


@dataclass(frozen=True, slots=True)
class SealedFile:
    """What the manifest says of a file."""

    path: str
    sha256: str
    size: int
    footer_size: int
    footer_sha256: str


@dataclass(frozen=True, slots=True)
class SealedPlace:
    """Rows of one symbol in a file, in the order of time: `rows` of them in this group from `offset` on."""

    file: SealedFile
    symbol: str
    group: int
    offset: int
    rows: int


@dataclass(frozen=True, slots=True)
class Footer:
    """A file's metadata, and the digest of each row group."""

    metadata: Any
    digests: Sequence[str]


class FooterCache:
    """The footers that were used last, as many as have room; shared by the threads of a process."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._footers: OrderedDict[str, tuple[Footer, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._footers)

    def get(self, file: SealedFile, load: Callable[[], Footer]) -> Footer:
        """The footer of the file with this SHA-256, loaded when it is not here."""
        with self._lock:
            found = self._footers.get(file.sha256)
            if found is not None:
                self._footers.move_to_end(file.sha256)
                return found[0]
        footer = load()
        weight = file.footer_size * _GROWS
        with self._lock:
            if file.sha256 not in self._footers and weight <= self.limit:
                self._footers[file.sha256] = (footer, weight)
                self.size += weight
                while self.size > self.limit:
                    _, (_, freed) = self._footers.popitem(last=False)
                    self.size -= freed
        return footer

    def clear(self) -> None:
        with self._lock:
            self._footers.clear()
            self.size = 0


footers = FooterCache(FOOTER_CACHE_BYTES)


def read_places(dataset: Dataset, places: Sequence[SealedPlace], *, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of the places, in their order, in the archive's schema (`columns` of it).

    Raises ArchiveDamaged naming the file when a byte is not as it was sealed.
    """
    names = list(columns or schema_of(dataset).names)
    store = storage()
    parts: list[pa.Table] = []
    for file, in_file in groupby(places, key=lambda place: place.file):
        listed = list(in_file)
        groups = _read_groups(store, dataset, file, sorted({place.group for place in listed}), names)
        parts += [groups[place.group].slice(place.offset, place.rows) for place in listed]
    if not parts:
        return pa.schema([_as_read(schema_of(dataset).field(name)) for name in names]).empty_table()
    return pa.concat_tables(parts)


def read_all(dataset: Dataset, file: SealedFile) -> Iterator[pa.Table]:
    """The whole file, one row group at a time."""
    store = storage()
    footer = footer_of(store.open(file.path), file)
    for group in range(footer.metadata.num_row_groups):
        yield _read_groups(store, dataset, file, [group], schema_of(dataset).names)[group]


def footer_of(stored: StoredFile, file: SealedFile) -> Footer:
    """The file's footer, compared with the manifest. Raises ArchiveDamaged."""
    if stored.size != file.size:
        raise ArchiveDamaged(f"The archive file {file.path} has {stored.size:,} bytes instead of {file.size:,}.")
    return footers.get(file, lambda: _load_footer(stored, file))


def _load_footer(stored: StoredFile, file: SealedFile) -> Footer:
    tail = stored.part(file.size - file.footer_size, file.footer_size)
    if hashlib.sha256(tail).hexdigest() != file.footer_sha256:
        raise ArchiveDamaged(f"The footer of the archive file {file.path} is not what was sealed.")
    metadata = parquet.read_metadata(pa.BufferReader(tail))
    return Footer(metadata, orjson.loads(metadata.metadata[GROUP_DIGESTS.encode()]))


def _read_groups(
    store: Storage, dataset: Dataset, file: SealedFile, groups: Sequence[int], names: list[str]
) -> dict[int, pa.Table]:
    stored = store.open(file.path)
    footer = footer_of(stored, file)
    for group in groups:
        first, length = _bytes_of(footer.metadata.row_group(group))
        if hashlib.sha256(stored.part(first, length)).hexdigest() != footer.digests[group]:
            raise ArchiveDamaged(f"Row group {group} of the archive file {file.path} is not what was sealed.")
    texts = [SYMBOL, *columns_of(dataset).texts]
    reader = parquet.ParquetFile(stored.source(), metadata=footer.metadata, read_dictionary=texts)
    read = {}
    for group in groups:
        read[group] = reader.read_row_group(group, columns=names, use_threads=False).select(names)
    return read


def _bytes_of(group: Any) -> tuple[int, int]:
    """Where a row group begins, and how long it is: its columns lie one after the other."""
    columns = [group.column(number) for number in range(group.num_columns)]
    starts = [
        column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset for column in columns
    ]
    return min(starts), sum(column.total_compressed_size for column in columns)


def _as_read(field: pa.Field) -> pa.Field:
    kind = field.type
    return field.with_type(pa.decimal128(kind.precision, kind.scale)) if pa.types.is_decimal64(kind) else field


def between(table: pa.Table, start: int | None, end: int | None) -> pa.Table:
    """The rows of one symbol that start from `start` to before `end`, in microseconds since 1970."""
    times = np.asarray(table[TIME].cast(pa.int64()))
    first = 0 if start is None else int(np.searchsorted(times, start))
    last = len(times) if end is None else int(np.searchsorted(times, end))
    return table.slice(first, max(0, last - first))


def sorted_places(places: Iterable[SealedPlace]) -> list[SealedPlace]:
    """The places so that each file is read once, each group of it once."""
    return sorted(places, key=lambda place: (place.file.path, place.group, place.offset))
