"""Bodies too large for memory: read in pieces, unpacked, into a file that vanishes after the request."""

from __future__ import annotations

import errno
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.http.request import RawPostDataException
from rest_framework.exceptions import UnsupportedMediaType

from tradingsite.core.errors import InvalidInput, TooLarge, Unavailable

if TYPE_CHECKING:
    from django.http import HttpRequest

PIECE = 1 << 18
#: Content-Encoding that is understood.
ENCODINGS = ("gzip", "zstd")
# Nothing that is no bomb packs tighter; small bodies may, they can't do harm.
_RATIO = 300
_HARMLESS = 32 * 1024 * 1024
_READ_AWAY = 16 * 1024 * 1024


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


@contextmanager
def spooled(request: HttpRequest, *, limit: int) -> Iterator[tuple[Path, int]]:
    """The whole body, unpacked as Content-Encoding says, in a file of its own, and its size.

    Nothing is done with a body before all of it is here. Raises TooLarge over `limit` bytes (unpacked) or for
    what unpacks like a bomb, InvalidInput when it ends early or is not what its encoding says,
    UnsupportedMediaType for other encodings.
    """
    encoding = content_encoding(request)
    said = declared_length(request)
    if said is not None and said > limit:
        raise TooLarge(_too_large(limit))
    with tempfile.NamedTemporaryFile(prefix="body-", dir=settings.FILE_UPLOAD_TEMP_DIR) as file:
        incoming = _Incoming(request, said, limit)
        size = 0
        for piece in _unpacked(incoming, encoding):
            size += len(piece)
            if size > limit:
                raise TooLarge(_too_large(limit))
            if size > _HARMLESS and size > _RATIO * incoming.count:
                raise TooLarge(f"The body unpacks to over {_RATIO} times its size.")
            try:
                file.write(piece)
            except OSError as error:
                raise _no_room(error) from None
        incoming.check_whole()
        try:
            file.flush()
        except OSError as error:
            raise _no_room(error) from None
        yield Path(file.name), size


def with_length(request: HttpRequest, *, limit: int) -> None:
    """Read a body that comes in chunks, and give the request the length that everything else looks for.

    Raises TooLarge over `limit` bytes, InvalidInput when the body breaks off.
    """
    file = tempfile.SpooledTemporaryFile(max_size=1 << 20, prefix="body-", dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115  # closed with the request
    incoming = _Incoming(request, None, limit)
    while piece := incoming.read():
        file.write(piece)
    incoming.check_whole()
    file.seek(0)
    request.META["CONTENT_LENGTH"] = str(incoming.count)
    request._stream = file  # type: ignore[assignment]  # where Django's request keeps it
    request._read_started = False  # type: ignore[attr-defined]  # of the new one


def content_encoding(request: HttpRequest) -> str:
    """gzip, zstd, or nothing. Raises UnsupportedMediaType for anything else."""
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return ""
    if encoding not in ENCODINGS:
        raise UnsupportedMediaType(encoding, f"Content-Encoding is {' or '.join(ENCODINGS)}, or left out.")
    return encoding


def declared_length(request: HttpRequest) -> int | None:
    """What Content-Length says; None for a body in chunks."""
    text = request.headers.get("Content-Length", "")
    return int(text[:20]) if text.isascii() and text.isdigit() else None


def is_chunked(request: HttpRequest) -> bool:
    """Whether the body comes in chunks, so that nobody knows its length before its end."""
    return "Transfer-Encoding" in request.headers and not request.headers.get("Content-Length")


def read_away(request: HttpRequest) -> None:
    """Read a body that nobody wants: a server that closes a connection with bytes unread resets it, and the
    caller never sees the answer. Larger ones are not worth it.
    """
    length = declared_length(request)
    if (length is None and not is_chunked(request)) or (length or 0) > _READ_AWAY:
        return
    left = _READ_AWAY
    try:
        while left > 0 and (piece := request.read(65536)):
            left -= len(piece)
    except (OSError, RawPostDataException):
        # The caller has gone, or the form's parser has read it.
        return


class _Incoming:
    """The body as it comes over the wire; counts it, and knows whether it was whole."""

    def __init__(self, request: HttpRequest, said: int | None, limit: int) -> None:
        self.request = request
        self.said = said
        self.limit = limit
        self.count = 0
        self.failure: Exception | None = None
        self.closed = False

    def read(self, size: int = PIECE) -> bytes:
        try:
            piece: bytes = self.request.read(size)
        except OSError:
            # pyarrow would make an error of its own of it.
            self.failure = InvalidInput.field("body", "The body broke off before its end.", code="truncated")
            return b""
        self.count += len(piece)
        if self.count > self.limit:
            self.failure = TooLarge(_too_large(self.limit))
            return b""
        return piece

    def check_whole(self) -> None:
        """Raise what stopped the reading."""
        if self.failure is not None:
            raise self.failure
        if self.said is not None and self.count < self.said:
            raise InvalidInput.field(
                "body", f"The body ended after {self.count:,} of {self.said:,} bytes.", code="truncated"
            )

    # What pyarrow asks of a file.
    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


def _unpacked(incoming: _Incoming, encoding: str) -> Iterator[bytes]:
    if not encoding:
        while piece := incoming.read():
            yield piece
        return
    try:
        stream = _unpacker(incoming, encoding)
        while piece := stream.read(PIECE):
            yield piece
    except (OSError, EOFError, zlib.error, ValueError) as error:
        if getattr(error, "errno", None) is not None:
            raise
        incoming.check_whole()
        raise InvalidInput.field(
            "body", f"The body is not whole or not what {encoding} writes.", code="bad_encoding"
        ) from None
    if not incoming.count:
        raise InvalidInput.field("body", "The body is empty.", code="empty")


def _unpacker(incoming: _Incoming, encoding: str) -> _Source:
    # Imported here: no other request needs it.
    import pyarrow as pa

    stream: Any = pa.CompressedInputStream(pa.PythonFile(incoming, mode="r"), encoding)
    return stream  # type: ignore[no-any-return]  # pyarrow has no types


def _too_large(limit: int) -> str:
    return f"The body is larger than {limit:,} bytes; send it in parts."


def _no_room(error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Unavailable("There is no room on the server's disk for a body of this size.")
    return error
