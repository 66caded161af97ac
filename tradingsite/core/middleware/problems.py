"""Answers under /api/ are never HTML."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.views.defaults import server_error

from tradingsite.core.api.problems import PROBLEM_TYPE, RETRY_SECONDS, problem_response
from tradingsite.core.middleware.paths import is_api

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from tradingsite.core.middleware.paths import GetResponse

logger = logging.getLogger(__name__)


class ProblemMiddleware:
    """Whatever fails outside a view becomes problem+json too."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if (
            is_api(request)
            and response.status_code >= 400
            and response.headers.get("Content-Type", "").split(";")[0] != PROBLEM_TYPE
        ):
            return problem_response(request, status=response.status_code)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A database that is gone is not a fault of the request: 503, try again."""
        return database_gone(request) if is_gone(exception) else None


def answer_failure(request: HttpRequest) -> HttpResponse:
    """What Django asks when another middleware raised, which `process_exception` is not told of: `handler500`."""
    if not is_gone(sys.exception()):
        return server_error(request)
    response = database_gone(request)
    # Django would tell it once more, with a traceback.
    response._has_been_logged = True  # type: ignore[attr-defined]  # django.utils.log's own
    return response


def is_gone(error: BaseException | None) -> bool:
    return isinstance(error, OperationalError | InterfaceError)


def database_gone(request: HttpRequest) -> HttpResponse:
    """The answer to who asks meanwhile, called while the error is handled."""
    logger.error("The database does not answer: %s", " ".join(str(sys.exception()).split()))
    if is_api(request):
        return problem_response(request, status=503, detail="The database does not answer.")
    return HttpResponse(
        "The database does not answer. Please try again in a moment.",
        status=503,
        content_type="text/plain; charset=utf-8",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )
