"""What no part of the site takes in: refused before a view, a form or a session looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpResponse
from django.http.request import RawPostDataException

from tradingsite.core.api.problems import problem_response
from tradingsite.core.middleware.paths import is_api

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from tradingsite.core.middleware.paths import GetResponse

_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
_READ_AWAY = 16 * 1024 * 1024
_UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")


class CleanInputMiddleware:
    """Refuses what is dangerous or means different things to different readers.

    415: a compressed body, which could unpack to any size, and text that is not UTF-8.
    411: a body without its length, which WSGI would take for an empty one.
    413: a form larger than `DATA_UPLOAD_MAX_MEMORY_SIZE`, or with its files than `UPLOAD_MAX_SIZE`.
    400: NUL characters in paths, queries and forms, which PostgreSQL can't store.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._encoding(request) or self._size(request) or self._nul(request) or self.get_response(request)

    def _encoding(self, request: HttpRequest) -> HttpResponse | None:
        coding = request.headers.get("Content-Encoding", "").strip().lower()
        if coding not in ("", "identity"):
            return _refusal(request, 415, "Send the body uncompressed.", headers={"Accept-Encoding": "identity"})
        charset = (request.content_params or {}).get("charset", "utf-8").strip("\"' ").lower()
        # The JSON decoder has its own, more exact word on a charset.
        if charset not in _UTF_8 and request.content_type != "application/json":
            return _refusal(request, 415, "Send text as UTF-8.")
        return None

    def _size(self, request: HttpRequest) -> HttpResponse | None:
        if "Transfer-Encoding" in request.headers and "Content-Length" not in request.headers:
            return _refusal(request, 411, "Say the length of the body in Content-Length.")
        length = request.headers.get("Content-Length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > settings.UPLOAD_MAX_SIZE:
            return _refusal(request, 413, f"The body is larger than {settings.UPLOAD_MAX_SIZE} bytes.")
        return None

    def _nul(self, request: HttpRequest) -> HttpResponse | None:
        query = request.META.get("QUERY_STRING", "")
        found = "\x00" in request.path_info or "%00" in query or "\x00" in query
        if not found and request.content_type in _FORM_TYPES and not is_api(request):
            try:
                found = any("\x00" in text for _, values in request.POST.lists() for text in values)
            except RequestDataTooBig:
                return _refusal(request, 413, f"The form is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.")
            except SuspiciousOperation:
                # Too many fields, or no form at all: answered, without a traceback in the log for each.
                return _refusal(request, 400, "This form can't be read.")
        return _refusal(request, 400, "A NUL character is not allowed here.") if found else None


def _read_away(request: HttpRequest) -> None:
    """Read a body that nobody wants: a server that closes a connection with bytes unread resets it, and the
    caller never sees the answer. Larger ones are not worth it.
    """
    length = request.headers.get("Content-Length", "")
    if not length.isascii() or not length.isdigit() or int(length[:20]) > _READ_AWAY:
        return
    try:
        while request.read(65536):
            pass
    except (OSError, RawPostDataException):
        # The caller has gone, or the form's parser has read it.
        return


def _refusal(
    request: HttpRequest, status: int, sentence: str, *, headers: dict[str, str] | None = None
) -> HttpResponse:
    """A problem for a program, a sentence for a person."""
    _read_away(request)
    if is_api(request):
        return problem_response(request, status=status, detail=sentence, headers=headers)
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8", headers=headers)
