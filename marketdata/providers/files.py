"""Files and folders of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from marketdata.ingest.files import named_form, open_file
from marketdata.ingest.headers import BAR_WORDS, Vocabulary
from tradingsite.core.errors import InvalidInput

if TYPE_CHECKING:
    from marketdata.ingest.source import BarSource


@dataclass(frozen=True, slots=True)
class Files:
    """Files as they are named, and of folders all files in them whose names say that they can be read."""

    paths: Sequence[Path]
    words: Vocabulary = BAR_WORDS

    def sources(self) -> Iterator[BarSource]:
        """One source a file; raises InvalidInput for one that is none."""
        for path in self.found():
            yield open_file(path, words=self.words)

    def found(self) -> list[Path]:
        """The files in the order of their names; raises InvalidInput for a folder without one."""
        files: list[Path] = []
        for path in self.paths:
            files += _in_folder(path) if path.is_dir() else [path]
        return files


def _in_folder(folder: Path) -> list[Path]:
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and named_form(path.name)[0] is not None
        and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    )
    if not found:
        raise InvalidInput.field("file", f"{folder.name} has no file that can be read.", code="empty_folder")
    return found
