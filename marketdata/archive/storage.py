"""Where the archive's files are kept, behind one small interface; here a local folder.

A file appears whole or not at all, is never written again, and is found by its path of the
manifest also after it was moved to `superseded/`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import IO, Any, Protocol

import pyarrow as pa
from django.conf import settings

from marketdata.archive.errors import ArchiveBusy, ArchiveDamaged, ArchiveUnwritable
from marketdata.archive.layout import ASIDE, BARS, SUPERSEDED, TEMPORARY, TICKS

_AT_ONCE = 1 << 20
_READ_ONLY = 0o444


class StoredFile(Protocol):
    """One file of the archive, open for reading."""

    size: int

    def part(self, offset: int, length: int) -> pa.Buffer:
        """These bytes."""

    def source(self) -> Any:
        """What pyarrow reads from."""


class Storage(Protocol):
    """What the archive needs of where it lies."""

    def create(self, fill: Callable[[IO[bytes]], None]) -> str:
        """Make a durable temporary file of what `fill` writes; answers its path. Raises ArchiveUnwritable."""

    def publish(self, temporary: str, path: str) -> None:
        """Give a temporary file its place, durably. Raises ArchiveUnwritable."""

    def discard(self, temporary: str) -> None:
        """Remove a temporary file; nothing happens when it has gone."""

    def open(self, path: str) -> StoredFile:
        """The file, also when it was superseded meanwhile. Raises ArchiveDamaged when it is not there."""

    def sha256(self, path: str) -> str:
        """The digest of the whole file."""

    def listed(self) -> list[str]:
        """The paths of all files that readers of the folders see."""

    def keep_superseded(self, path: str) -> None:
        """Take the file out of what others read; it can still be opened. Nothing happens when it was done."""

    def set_aside(self, path: str) -> None:
        """Take a file that no manifest names out of what others read."""

    def remove_superseded(self, path: str) -> None:
        """Remove a superseded file; nothing happens when it was done."""

    def clear_temporary(self) -> int:
        """Remove what broken-off runs were writing; answers how many files."""

    def exclusive(self) -> Any:
        """A context in which nobody else writes here. Raises ArchiveBusy."""


class LocalFile:
    """See `StoredFile`; the bytes are mapped, so that only those that are read cost memory."""

    def __init__(self, path: Path) -> None:
        self._map = pa.memory_map(str(path), "r")
        self.size: int = self._map.size()

    def part(self, offset: int, length: int) -> pa.Buffer:
        return self._map.read_at(length, offset) if length else pa.py_buffer(b"")

    def source(self) -> Any:
        return self._map


class LocalStorage:
    """A folder. See `Storage`."""

    def __init__(self, root: str) -> None:
        self.root = Path(root)

    def create(self, fill: Callable[[IO[bytes]], None]) -> str:
        name = f"{TEMPORARY}/{os.getpid()}-{token_hex(8)}.parquet"
        with self._writing("A file of the archive", discard=name):
            _make_folders(self.root, self.root / TEMPORARY)
            with (self.root / name).open("xb") as stream:
                fill(stream)
                stream.flush()
                os.fchmod(stream.fileno(), _READ_ONLY)
                os.fsync(stream.fileno())
        return name

    def publish(self, temporary: str, path: str) -> None:
        target = self.root / path
        with self._writing(f"The archive file {path}", discard=temporary):
            _make_folders(self.root, target.parent)
            (self.root / temporary).replace(target)
            _sync_folder(target.parent)

    def discard(self, temporary: str) -> None:
        with suppress(OSError):
            (self.root / temporary).unlink(missing_ok=True)

    @contextmanager
    def _writing(self, what: str, *, discard: str) -> Iterator[None]:
        """Leaves no half-written file behind, whatever happens."""
        try:
            yield
        except OSError as error:
            self.discard(discard)
            reason = error.strerror or str(error)
            raise ArchiveUnwritable(
                f"{what} can't be written below {self.root}: {reason}. Nothing was sealed."
            ) from error
        except BaseException:
            self.discard(discard)
            raise

    def open(self, path: str) -> LocalFile:
        # Superseded between the manifest and now: it was moved, never back.
        for place in (self.root / path, self.root / SUPERSEDED / path):
            try:
                return LocalFile(place)
            except FileNotFoundError:
                continue
            except (OSError, pa.ArrowInvalid) as error:
                raise ArchiveDamaged(f"The archive file {path} can't be read: {error}.") from error
        raise ArchiveDamaged(f"The archive file {path} is missing in {self.root}.")

    def sha256(self, path: str) -> str:
        file = self.open(path)
        digest = hashlib.sha256()
        for offset in range(0, file.size, _AT_ONCE):
            digest.update(file.part(offset, min(_AT_ONCE, file.size - offset)))
        return digest.hexdigest()

    def listed(self) -> list[str]:
        found = (file for folder in (BARS, TICKS) for file in (self.root / folder).rglob("*") if file.is_file())
        return sorted(file.relative_to(self.root).as_posix() for file in found)

    def keep_superseded(self, path: str) -> None:
        self._move(path, f"{SUPERSEDED}/{path}")

    def set_aside(self, path: str) -> None:
        self._move(path, f"{ASIDE}/{path}")

    def remove_superseded(self, path: str) -> None:
        for place in (self.root / path, self.root / SUPERSEDED / path):
            place.unlink(missing_ok=True)

    def clear_temporary(self) -> int:
        left = list((self.root / TEMPORARY).glob("*"))
        for file in left:
            file.unlink(missing_ok=True)
        return len(left)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        try:
            _make_folders(self.root, self.root)
            stream = (self.root / ".lock").open("ab")
        except OSError as error:
            raise ArchiveUnwritable(f"The archive {self.root} can't be written: {error.strerror}.") from error
        with stream:
            try:
                # The kernel's: it goes with the process, however that ends.
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ArchiveBusy(
                    f"Another rollover or compaction works on the archive {self.root}; wait until it has ended."
                ) from None
            yield

    def _move(self, path: str, to: str) -> None:
        source, target = self.root / path, self.root / to
        if not source.exists():
            return
        _make_folders(self.root, target.parent)
        source.replace(target)
        _sync_folder(target.parent)
        _sync_folder(source.parent)


def storage() -> Storage:
    """The archive of the settings."""
    root = settings.ARCHIVE_ROOT
    if "://" in root:
        raise ArchiveUnwritable(f"ARCHIVE_ROOT is {root.partition('://')[0]}://…: only folders can be used.")
    return LocalStorage(root)


def _make_folders(root: Path, folder: Path) -> None:
    """Make the folder so that it is there after a power cut, too."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        _sync_folder(folder)
        if folder in (root.parent, folder.parent):
            return
        folder = folder.parent


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
