"""The outermost step: what a request is called, where it comes from, and its line in the log."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from django.conf import settings

from tradingsite.core.http import is_trusted_proxy, request_address
from tradingsite.core.logging import RequestNotes, noting, visible_path

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from tradingsite.core.middleware.paths import GetResponse

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
# What a proxy says about the caller; from anybody else it is an invention.
_PROXYS_OWN = frozenset({"HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_SCHEME"})
_PROXYS_PREFIX = "HTTP_X_FORWARDED_"
_FORWARDED_PROTO = "HTTP_X_FORWARDED_PROTO"
# Asked every few seconds by machines: a line each would bury the others.
_QUIET = ("/healthz", "/readyz")

access_log = logging.getLogger("tradingsite.access")


class RequestContextMiddleware:
    """Gives each request an id (the caller's, when it is well-formed) and its true address, and logs it.

    The id stands in the answer and in every line that is logged meanwhile.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        believe_proxies_only(request)
        offered = request.headers.get("X-Request-ID", "")
        request_id = offered if _REQUEST_ID.fullmatch(offered) else uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]  # ours, read by core.http
        request.client_address = request_address(request)  # type: ignore[attr-defined]  # likewise
        # The line is for the path that was asked for: inside, a missing slash is completed.
        path = visible_path(request.path, request.META.get("QUERY_STRING", ""))
        began = time.perf_counter()
        with noting(RequestNotes(request_id=request_id)):
            response = self.get_response(request)
            self._log(request, path, response.status_code, (time.perf_counter() - began) * 1000)
        response["X-Request-ID"] = request_id
        # Told above; Django would tell it once more, without the id.
        response._has_been_logged = True  # type: ignore[attr-defined]  # django.utils.log's own
        return response

    def _log(self, request: HttpRequest, path: str, status: int, milliseconds: float) -> None:
        address = request.client_address  # type: ignore[attr-defined]  # ours, set above
        access_log.log(
            logging.DEBUG if self._is_quiet(request, status) else logging.INFO,
            "%s %s %d %.1f ms %s",
            request.method,
            path,
            status,
            milliseconds,
            address,
            extra={
                "method": request.method,
                "path": path,
                "status": status,
                "ms": round(milliseconds, 1),
                "address": address,
            },
        )

    def _is_quiet(self, request: HttpRequest, status: int) -> bool:
        path = request.path_info
        return status < 400 and (path.rstrip("/") in _QUIET or path.startswith(settings.STATIC_URL))


def believe_proxies_only(request: HttpRequest) -> None:
    """Take away what only a trusted proxy may say, unless it is one that says it."""
    meta = request.META
    if is_trusted_proxy(meta.get("REMOTE_ADDR", ""), settings.TRUSTED_PROXIES):
        if _FORWARDED_PROTO in meta:
            # Django reads the first of several, which a caller can send; the last one the proxy wrote.
            meta[_FORWARDED_PROTO] = meta[_FORWARDED_PROTO].rpartition(",")[2].strip()
        return
    claims = [name for name in meta if name in _PROXYS_OWN or name.startswith(_PROXYS_PREFIX)]
    for name in claims:
        del meta[name]
    if claims:
        # gunicorn has its own list of proxies, on which this machine stands, and has believed it already.
        meta["wsgi.url_scheme"] = "http"
