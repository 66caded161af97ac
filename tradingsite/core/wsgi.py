"""Django's WSGI handler, with requests that survive any Content-Type."""

from __future__ import annotations

from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters


class DeskRequest(WSGIRequest):
    """A request whose text is UTF-8, whatever its Content-Type says; middleware refuses the others.

    Django takes over any charset that Python knows a codec of. Some, as rot13, are none of text, and its
    constructor then fails before any middleware could answer: a 500 without a trace of ours.

    A body in chunks is read to its end, as far as the server says that it ends there.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__(environ)
        if "HTTP_TRANSFER_ENCODING" in environ and not environ.get("CONTENT_LENGTH") and _ends(environ):
            # Django takes a body without a length for an empty one. The server undoes the chunks.
            self._stream = _Chunks(environ["wsgi.input"])  # type: ignore[assignment]  # as much of a file as is asked for

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            # Longer than any that means something: of no type that a parser knows.
            self.content_type, self.content_params = "", {}


class _Chunks:
    """What the server makes of the chunks; those that are none are the caller's fault, as one that breaks off is."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes; none at the end. Raises OSError."""
        try:
            return bytes(self._body.read(size) if size >= 0 else self._body.read())
        except OSError:
            raise
        except Exception as error:
            # Each server has classes of its own for them.
            raise OSError(f"The chunks can't be read: {type(error).__name__}") from error


def _ends(environ: dict[str, Any]) -> bool:
    return bool(environ.get("wsgi.input_terminated"))


class DeskHandler(WSGIHandler):
    """What gunicorn calls."""

    request_class = DeskRequest
