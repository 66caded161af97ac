"""Files as sources of bars: what a file really is, and what reads it."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

from django.db.models import TextChoices

from marketdata.ingest.headers import BAR_WORDS, Vocabulary
from marketdata.ingest.source import BarSource
from marketdata.ingest.streams import FileId, Packing
from tradingsite.core.errors import InvalidInput
from tradingsite.core.symbols import normalise_symbol


class Form(TextChoices):
    """The forms in which rows are read."""

    CSV = "csv", "plain text"
    NDJSON = "ndjson", "NDJSON"
    JSON = "json", "JSON"
    PARQUET = "parquet", "a Parquet file"
    ARROW_STREAM = "arrow", "an Arrow stream"
    ARROW_FILE = "feather", "an Arrow (Feather) file"
    LEAN = "lean", "a zip archive (or an Excel file)"


# What files begin with.
_PACKED = ((b"\x1f\x8b", Packing.GZIP), (b"\x28\xb5\x2f\xfd", Packing.ZSTD))
_MAGIC = (
    (b"PAR1", Form.PARQUET),
    (b"ARROW1", Form.ARROW_FILE),
    # The first message's length, a schema's.
    (b"\xff\xff\xff\xff", Form.ARROW_STREAM),
    (b"PK\x03\x04", Form.LEAN),
)
_STRANGE = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"FEA1", "a Feather file of the first version"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
)
_READ = (
    "CSV, NDJSON and JSON, also compressed with gzip or zstd (.csv.gz, .ndjson.zst), Parquet, Arrow and LEAN's zip "
    "files are read."
)
_PACKED_NAMES = ((".gz", Packing.GZIP), (".gzip", Packing.GZIP), (".zst", Packing.ZSTD), (".zstd", Packing.ZSTD))
_BY_NAME = {
    ".csv": Form.CSV,
    ".txt": Form.CSV,
    ".tsv": Form.CSV,
    ".ndjson": Form.NDJSON,
    ".jsonl": Form.NDJSON,
    ".json": Form.JSON,
    ".parquet": Form.PARQUET,
    ".pq": Form.PARQUET,
    ".arrow": Form.ARROW_FILE,
    ".arrows": Form.ARROW_STREAM,
    ".feather": Form.ARROW_FILE,
    ".zip": Form.LEAN,
}
#: Endings of files that are read, without those of compression.
ENDINGS = frozenset(_BY_NAME)
TEXTS = frozenset({Form.CSV, Form.NDJSON, Form.JSON})
# What calls itself one of these may be another of the same.
_ALIKE = (frozenset({Form.NDJSON, Form.JSON}), frozenset({Form.ARROW_FILE, Form.ARROW_STREAM}))
_SUFFIXES = re.compile(
    rf"({'|'.join(re.escape(ending) for ending in [*_BY_NAME, *(name for name, _ in _PACKED_NAMES)])})+$", re.IGNORECASE
)
_DATE = re.compile(r"\d{4}-?\d\d-?\d\d")
_START = 4096


def open_file(path: Path, *, name: str | None = None, words: Vocabulary = BAR_WORDS) -> BarSource:
    """The file as a source, by what it really contains.

    `name` stands for an upload's own name, `words` for what keys of JSON mean. Raises InvalidInput
    with a sentence when there is no such file, it can't be read, is empty, or is not what its name says.
    """
    name = name or path.name
    file = _identify(path, name)
    form = _content(file)
    ending, packing = named_form(name)
    says = ending or form
    if packing not in (None, file.packing) or (ending and file.packing and packing is None):
        what = file.packing.label if file.packing else form.label
        raise file.refuse(f"is {what}, which is not what its name says. Rename it.", "misnamed")
    if form == Form.LEAN != says:
        raise file.refuse(f"is {form.label}. {_READ}", "not_bars")
    if says != form and not any({says, form} <= alike for alike in _ALIKE):
        raise file.refuse(f"is {form.label}, which is not what its name says. Rename it.", "misnamed")
    return source_of(file, form, words, path=path)


def open_body(path: Path, *, name: str, form: Form, size: int, words: Vocabulary = BAR_WORDS) -> BarSource:
    """The body of a request, unpacked in a file, as a source of the form that its Content-Type says.

    Raises InvalidInput (`body`) when it is empty or of another form.
    """
    file = FileId(path, name, size, field="body", title="The body")
    if not size:
        raise file.refuse("is empty.", "empty")
    found = _content(file)
    if found != form and not any({found, form} <= alike for alike in _ALIKE):
        raise file.refuse(f"is {found.label}, which is not what its Content-Type says.", "misnamed")
    # Rows of JSON are told from lines of JSON by what the caller says, Arrow's two forms by what they are.
    return source_of(file, form if form in TEXTS else found, words)


def source_of(file: FileId, form: Form, words: Vocabulary, *, path: Path | None = None) -> BarSource:
    """What reads a file of that form."""
    # Imported here: pyarrow's readers are heavy, and one file needs one of them.
    hint = symbol_hint(file.name) if path is not None else None
    match form:
        case Form.PARQUET:
            from marketdata.ingest.parquetfiles import ParquetSource

            return ParquetSource(file, hint)
        case Form.ARROW_FILE | Form.ARROW_STREAM:
            from marketdata.ingest.arrowfiles import ArrowSource

            return ArrowSource(file, hint, is_stream=form == Form.ARROW_STREAM)
        case Form.NDJSON:
            from marketdata.ingest.jsonfiles import NdjsonSource

            return NdjsonSource(file, hint, words)
        case Form.JSON:
            from marketdata.ingest.jsonfiles import JsonSource

            return JsonSource(file, hint, words)
        case Form.LEAN:
            from marketdata.ingest.leanfiles import LeanSource

            return LeanSource.of(file, path or file.path)
        case _:
            from marketdata.ingest.csvfiles import CsvSource

            return CsvSource(file, hint)


def named_form(name: str) -> tuple[Form | None, Packing | None]:
    """What a name says about its file: the form, and how it is packed; None where it says nothing."""
    lowered = name.lower()
    packing = next((packing for ending, packing in _PACKED_NAMES if lowered.endswith(ending)), None)
    if packing is not None:
        lowered = lowered.rpartition(".")[0]
    return next((form for ending, form in _BY_NAME.items() if lowered.endswith(ending)), None), packing


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
        with path.open("rb") as stream:
            start = stream.read(8)
    except FileNotFoundError:
        raise file.refuse("does not exist.", "no_such_file") from None
    except (OSError, ValueError) as error:
        raise file.refuse(f"can't be read: {getattr(error, 'strerror', None) or error}.", "unreadable") from None
    if found.st_size == 0:
        raise file.refuse("is empty.", "empty")
    packing = next((packing for magic, packing in _PACKED if start.startswith(magic)), Packing.NONE)
    return FileId(path, name, found.st_size, packing)


def _content(file: FileId) -> Form:
    """What the file really is; raises InvalidInput for what is no rows."""
    try:
        with file.opened() as (_, stream):
            start = stream.read(_START)
    except OSError as error:
        raise file.refuse(f"can't be read: {error.strerror}.", "unreadable") from None
    for magic, form in _MAGIC:
        if start.startswith(magic):
            if file.packing:
                raise file.refuse(f"is {form.label}, compressed once more. Unpack it.", "not_bars")
            return form
    strange = [words for magic, words in (*_STRANGE, *((m, p.label) for m, p in _PACKED)) if start.startswith(magic)]
    if strange or b"\0" in start:
        what = strange[0] if strange else "a binary file, not text"
        raise file.refuse(f"is {what}. {_READ}", "not_bars")
    return _text_form(start)


def _text_form(start: bytes) -> Form:
    """CSV, or JSON of which kind, by how it begins."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"["):
        return Form.JSON
    if not text.startswith(b"{"):
        return Form.CSV
    try:
        first = json.loads(text.partition(b"\n")[0])
    except (ValueError, RecursionError):
        return Form.JSON
    return Form.JSON if any(isinstance(value, list | dict) for value in first.values()) else Form.NDJSON
