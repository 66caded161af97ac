"""What no part of the site takes in: refused before a view, a form or a session looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpResponse
from django.urls import Resolver404, resolve

from tradingsite.core.api.problems import problem_response
from tradingsite.core.api.streams import declared_length, is_chunked, read_away, with_length
from tradingsite.core.errors import DeskError
from tradingsite.core.middleware.paths import is_api

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from tradingsite.core.middleware.paths import GetResponse

_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
_UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")


class CleanInputMiddleware:
    """Refuses what is dangerous or means different things to different readers.

    415: a compressed body, which could unpack to any size, and text that is not UTF-8.
    411: a body in chunks from a server that does not say where its end is.
    413: a form larger than `DATA_UPLOAD_MAX_MEMORY_SIZE`, or with its files than `UPLOAD_MAX_SIZE`.
    A view with `streams_body` reads its body itself, compressed and of any size.
    400: NUL characters in paths, queries and forms, which PostgreSQL can't store.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._body(request) or self._nul(request) or self.get_response(request)

    def _body(self, request: HttpRequest) -> HttpResponse | None:
        coding = request.headers.get("Content-Encoding", "").strip().lower()
        is_packed = coding not in ("", "identity")
        length = declared_length(request) or 0
        if is_chunked(request) and not request.META.get("wsgi.input_terminated"):
            return _refusal(request, 411, "Say the length of the body in Content-Length.")
        # Asked only where it matters: it looks the path up.
        if (is_packed or is_chunked(request) or length > settings.UPLOAD_MAX_SIZE) and _streams_body(request):
            return self._charset(request)
        if is_packed:
            return _refusal(request, 415, "Send the body uncompressed.", headers={"Accept-Encoding": "identity"})
        if length > settings.UPLOAD_MAX_SIZE:
            return _refusal(request, 413, f"The body is larger than {settings.UPLOAD_MAX_SIZE} bytes.")
        return self._charset(request) or self._chunks(request)

    def _charset(self, request: HttpRequest) -> HttpResponse | None:
        charset = (request.content_params or {}).get("charset", "utf-8").strip("\"' ").lower()
        # The JSON decoder has its own, more exact word on a charset.
        if charset not in _UTF_8 and request.content_type != "application/json":
            return _refusal(request, 415, "Send text as UTF-8.")
        return None

    def _chunks(self, request: HttpRequest) -> HttpResponse | None:
        if not is_chunked(request):
            return None
        try:
            with_length(request, limit=settings.UPLOAD_MAX_SIZE)
        except DeskError as error:
            return _refusal(request, error.status, error.detail)
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


def _streams_body(request: HttpRequest) -> bool:
    """Whether the view reads the body itself, piece by piece, with limits and encodings of its own."""
    path = request.path_info if request.path_info.endswith("/") else f"{request.path_info}/"
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    return request.method == "POST" and bool(getattr(getattr(view, "cls", None), "streams_body", False))


def _refusal(
    request: HttpRequest, status: int, sentence: str, *, headers: dict[str, str] | None = None
) -> HttpResponse:
    """A problem for a program, a sentence for a person."""
    read_away(request)
    if is_api(request):
        return problem_response(request, status=status, detail=sentence, headers=headers)
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8", headers=headers)
