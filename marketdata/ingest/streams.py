"""The bytes of a file, unpacked when they are packed."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from django.db.models import TextChoices

from tradingsite.core.errors import InvalidInput


class Packing(TextChoices):
    """How a file's bytes are compressed."""

    NONE = "", "not compressed"
    GZIP = "gzip", "compressed with gzip"
    ZSTD = "zstd", "compressed with zstd"


@dataclass(frozen=True, slots=True)
class FileId:
    """A file under the name that people know, which for an upload is not its path's.

    `field` is what the caller named it by, `title` how a sentence about it begins.
    """

    path: Path
    name: str
    size: int
    packing: Packing = Packing.NONE
    field: str = "file"
    title: str = ""

    def refuse(self, reason: str, code: str = "bad_file") -> InvalidInput:
        """The error that this file can't be used, as a sentence that begins with its name."""
        return InvalidInput.field(self.field, f"{self.title or self.name} {reason}", code=code)

    @contextmanager
    def opened(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """The file as it is on disk, whose position says how far the reading is, and its unpacked bytes.

        Raises InvalidInput when the file has vanished or its compressed data are damaged.
        """
        try:
            with self.path.open("rb") as raw:
                yield raw, self._unpacked(raw)
        except FileNotFoundError:
            raise self.refuse("has vanished while it was being read.", "vanished") from None
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise self._damaged() from None
        except OSError as error:
            # pyarrow raises it for damaged data too, without a number of the system's.
            if self.packing == Packing.ZSTD and error.errno is None:
                raise self._damaged() from None
            raise

    def _unpacked(self, raw: IO[bytes]) -> IO[bytes]:
        match self.packing:
            case Packing.GZIP:
                return cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
            case Packing.ZSTD:
                import pyarrow as pa

                stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
                return cast("IO[bytes]", io.BufferedReader(stream, 1 << 20))
            case _:
                return raw

    def _damaged(self) -> InvalidInput:
        return self.refuse("is damaged: its compressed data end too early or don't fit.", "damaged")
