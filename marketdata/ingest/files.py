"""Files as sources of bars: what a file really is, and what reads it."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from marketdata.ingest.source import BarSource
from tradingsite.core.errors import InvalidInput
from tradingsite.core.symbols import normalise_symbol

# What files begin with.
_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "a zip archive (or an Excel file)"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"ARROW1", "an Arrow file"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
)
_WORDS = {"gzip": "compressed with gzip", "parquet": "a Parquet file", "csv": "plain text"}
_READ = "CSV, CSV compressed with gzip (.csv.gz) and Parquet are read."
_BY_NAME = (
    ((".gz", ".gzip"), "gzip"),
    ((".parquet", ".pq"), "parquet"),
    ((".csv", ".txt", ".tsv"), "csv"),
)
_SUFFIXES = re.compile(r"(\.(csv|txt|tsv|parquet|pq|gz|gzip))+$", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-?\d\d-?\d\d")


@dataclass(frozen=True, slots=True)
class FileId:
    """A file under the name that people know, which for an upload is not its path's."""

    path: Path
    name: str
    size: int

    def refuse(self, reason: str, code: str = "bad_file") -> InvalidInput:
        """The error that this file can't be used, as a sentence that begins with its name."""
        return InvalidInput.field("file", f"{self.name} {reason}", code=code)


def open_file(path: Path, *, name: str | None = None) -> BarSource:
    """The file as a source, by what it really contains.

    `name` stands for an upload's own name. Raises InvalidInput with a sentence when there is no
    such file, it can't be read, is empty, or is not what its name says.
    """
    name = name or path.name
    file = _identify(path, name)
    kind = _content(file)
    says = next((kind for endings, kind in _BY_NAME if name.lower().endswith(endings)), kind)
    if kind not in _WORDS:
        raise file.refuse(f"is {kind}. {_READ}", "not_bars")
    if says != kind:
        raise file.refuse(f"is {_WORDS[kind]}, which is not what its name says. Rename it.", "misnamed")
    # Imported here: pyarrow's readers are heavy, and one file needs one of them.
    if kind == "parquet":
        from marketdata.ingest.parquetfiles import ParquetSource

        return ParquetSource(file, symbol_hint(name))
    from marketdata.ingest.csvfiles import CsvSource

    return CsvSource(file, symbol_hint(name), is_compressed=kind == "gzip")


def symbol_hint(name: str) -> str | None:
    """The symbol that a file's name is, as SPY.csv.gz or BRK.B.parquet; None for a date or no symbol."""
    stem = _SUFFIXES.sub("", name)
    if _DATE.match(stem):
        return None
    try:
        return normalise_symbol(stem)
    except InvalidInput:
        return None


def _identify(path: Path, name: str) -> FileId:
    file = FileId(path, name, 0)
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise file.refuse("is a folder; name the files in it.")
        if not stat.S_ISREG(found.st_mode):
            raise file.refuse("is not a regular file.")
        if not os.access(path, os.R_OK):
            raise file.refuse("can't be read: permission denied.", "unreadable")
    except FileNotFoundError:
        raise file.refuse("does not exist.", "no_such_file") from None
    except (OSError, ValueError) as error:
        raise file.refuse(f"can't be read: {getattr(error, 'strerror', None) or error}.", "unreadable") from None
    if found.st_size == 0:
        raise file.refuse("is empty.", "empty")
    return FileId(path, name, found.st_size)


def _content(file: FileId) -> str:
    """gzip, parquet or csv; otherwise words for what it is."""
    try:
        with file.path.open("rb") as stream:
            start = stream.read(4096)
    except OSError as error:
        raise file.refuse(f"can't be read: {error.strerror}.", "unreadable") from None
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    return "a binary file, not text" if b"\0" in start else "csv"
