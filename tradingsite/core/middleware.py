"""What every request passes: an id, clean text, a trailing slash that does not matter, errors as problems."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from uuid import uuid4

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.urls import is_valid_path

from tradingsite.core.api.problems import PROBLEM_TYPE, problem_response
from tradingsite.core.http import request_address

GetResponse = Callable[[HttpRequest], HttpResponseBase]
API_PREFIX = "/api/"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")

logger = logging.getLogger(__name__)


class RequestContextMiddleware:
    """Gives each request an id (the caller's, when it is well-formed) and its true address."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        offered = request.headers.get("X-Request-ID", "")
        request_id = offered if _REQUEST_ID.fullmatch(offered) else uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]  # ours, read by core.http
        request.client_address = request_address(request)  # type: ignore[attr-defined]  # likewise
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class ProblemMiddleware:
    """Answers under /api/ are never HTML: whatever fails outside a view becomes problem+json too."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if (
            request.path_info.startswith(API_PREFIX)
            and response.status_code >= 400
            and response.headers.get("Content-Type", "").split(";")[0] != PROBLEM_TYPE
        ):
            return problem_response(request, status=response.status_code)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A database that is gone is not a fault of the request: 503, try again."""
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        logger.error("The database does not answer: %s", " ".join(str(exception).split()))
        if request.path_info.startswith(API_PREFIX):
            return problem_response(request, status=503, detail="The database does not answer.")
        return HttpResponse(
            "The database does not answer. Please try again in a moment.",
            status=503,
            content_type="text/plain; charset=utf-8",
            headers={"Retry-After": "5"},
        )


class CleanInputMiddleware:
    """Refuses NUL characters in paths, queries and forms, which PostgreSQL can't store."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if self._has_nul(request):
            return HttpResponseBadRequest("A NUL character is not allowed here.", content_type="text/plain")
        return self.get_response(request)

    def _has_nul(self, request: HttpRequest) -> bool:
        query = request.META.get("QUERY_STRING", "")
        if "\x00" in request.path_info or "%00" in query or "\x00" in query:
            return True
        if request.path_info.startswith(API_PREFIX) or request.content_type not in _FORM_TYPES:
            return False
        return any("\x00" in text for _, values in request.POST.lists() for text in values)


class TrailingSlashMiddleware:
    """Every path answers with and without its trailing slash, never by a redirect that drops a body."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if not path.endswith("/") and not is_valid_path(path) and is_valid_path(f"{path}/"):
            request.path_info = f"{path}/"
            request.path = f"{request.path}/"
        return self.get_response(request)
