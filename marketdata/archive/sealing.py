"""Making one sealed file of rows: written, read back, compared, and only then given its place.

The steps are functions of their own, in the order in which they happen: `write_file`, `check_file`, `place_file`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO

from marketdata.archive.errors import ArchiveDamaged
from marketdata.archive.layout import Dataset, Span, path_of
from marketdata.archive.reading import SealedFile, read_all
from marketdata.archive.rows import ArchiveRows
from marketdata.archive.storage import Storage
from marketdata.archive.writing import Written, write_rows


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is in its place, and that no manifest names yet."""

    path: str
    written: Written


def make_file(
    store: Storage,
    parts: Iterable[ArchiveRows],
    *,
    dataset: Dataset,
    span: Span,
    version: int,
    progress: Callable[[int], object] | None = None,
) -> NewFile:
    """Write the parts (see `write_rows`) as this version of the span, prove it, and put it in its place.

    Raises ArchiveUnwritable, and ArchiveDamaged when what is read back is not what was written.
    """
    temporary, written = write_file(store, parts, dataset=dataset, span=span, progress=progress)
    try:
        check_file(store, temporary, written, dataset=dataset)
        path = path_of(dataset, span, version=version, digest=written.digest)
        place_file(store, temporary, path)
    except BaseException:
        store.discard(temporary)
        raise
    return NewFile(path, written)


def write_file(
    store: Storage,
    parts: Iterable[ArchiveRows],
    *,
    dataset: Dataset,
    span: Span,
    progress: Callable[[int], object] | None = None,
) -> tuple[str, Written]:
    """The parts as a temporary file."""
    made: list[Written] = []

    def counted() -> Iterable[ArchiveRows]:
        for part in parts:
            yield part
            if progress is not None:
                progress(len(part))

    def fill(stream: IO[bytes]) -> None:
        made.append(write_rows(stream, counted(), dataset=dataset, span=span))

    return store.create(fill), made[0]


def check_file(store: Storage, path: str, written: Written, *, dataset: Dataset) -> None:
    """Read the file again and compare it with what was to be written. Raises ArchiveDamaged."""
    file = SealedFile(path, written.sha256, written.size, written.footer_size, written.footer_sha256)
    count, digest = digest_of(dataset, file)
    if (count, digest) != (written.rows, written.digest) or store.sha256(path) != written.sha256:
        raise ArchiveDamaged(f"What was read back from {path} is not what was written; nothing was sealed.")


def digest_of(dataset: Dataset, file: SealedFile) -> tuple[int, str]:
    """How many rows the file has, and their digest, from the file itself. Raises ArchiveDamaged."""
    digest, count = hashlib.sha256(), 0
    for table in read_all(dataset, file):
        rows = ArchiveRows.from_table(dataset, table)
        digest.update(rows.canonical_bytes())
        count += len(rows)
    return count, digest.hexdigest()


def place_file(store: Storage, temporary: str, path: str) -> None:
    """Give the file the name by which the manifest will know it."""
    store.publish(temporary, path)
