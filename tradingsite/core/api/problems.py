"""Every error of the API as RFC 9457 `application/problem+json`, mapped in one place."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from rest_framework import exceptions

from tradingsite.core.errors import DeskError, FieldError, Forbidden, InvalidInput, NotFound, TooLarge, Unavailable

PROBLEM_TYPE = "application/problem+json"
RETRY_SECONDS = 5
CHALLENGE = 'Bearer realm="api"'

logger = logging.getLogger(__name__)

# The stable code of each status, for errors that carry none of their own.
_CODES = {
    400: "invalid",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    411: "length_required",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "unprocessable",
    429: "throttled",
    500: "internal_error",
    503: "unavailable",
}


def problem_response(
    request: Any,
    *,
    status: int,
    code: str | None = None,
    title: str | None = None,
    detail: str | None = None,
    errors: Iterable[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """One problem, in the one form that all of them have."""
    code = code or _CODES.get(status, "error")
    title = title or HTTPStatus(status).phrase
    body = {
        "type": f"urn:problem:{code.replace('_', '-')}",
        "title": title,
        "status": status,
        "detail": detail or f"{title}.",
        "code": code,
        "request_id": getattr(request, "request_id", ""),
        "errors": [{"field": e.field, "code": e.code, "message": e.message} for e in errors],
    }
    response = HttpResponse(orjson.dumps(body), status=status, content_type=PROBLEM_TYPE, headers=dict(headers or {}))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return response


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """What REST framework asks when a view raised; None lets a bug be logged as one."""
    request = context["request"]
    if isinstance(error, exceptions.APIException):
        return _from_rest_framework(request, error)
    desk_error = _as_desk_error(error)
    if desk_error is None:
        return None
    return problem_response(
        request,
        status=desk_error.status,
        code=_code_of(desk_error),
        title=desk_error.title,
        detail=desk_error.detail,
        errors=desk_error.errors,
        headers=_headers_of(desk_error),
    )


def _headers_of(error: DeskError) -> dict[str, str]:
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    # RFC 9110 wants a challenge with each 401, and REST framework gives it to its own errors only.
    return headers | ({"WWW-Authenticate": CHALLENGE} if error.status == HTTPStatus.UNAUTHORIZED else {})


def _code_of(error: DeskError) -> str:
    """The error's own code; where that only says "invalid", the code of what is wrong, if it is one thing."""
    codes = {wrong.code for wrong in error.errors}
    return codes.pop() if error.code == InvalidInput.code and len(codes) == 1 else error.code


def _as_desk_error(error: Exception) -> DeskError | None:
    match error:
        case DeskError():
            return error
        case Http404():
            return NotFound()
        case PermissionDenied():
            return Forbidden()
        case RequestDataTooBig():
            return TooLarge("The body is too large.")
        case ModelValidationError():
            return _invalid(list(_model_errors(error)))
        case SuspiciousOperation():
            return _invalid([])
        case OperationalError() | InterfaceError():
            logger.error("The database does not answer: %s", " ".join(str(error).split()))
            return Unavailable("The database does not answer.")
        case _:
            return None


def _from_rest_framework(request: Any, error: exceptions.APIException) -> HttpResponse:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    errors = list(_flatten(error.detail)) if isinstance(error, exceptions.ValidationError) else []
    status = error.status_code
    if isinstance(error, exceptions.ValidationError):
        code, detail = "invalid", _summary(errors)
    else:
        code, detail = _CODES.get(status, "error"), str(error.detail)
    return problem_response(request, status=status, code=code, detail=detail, errors=errors, headers=headers)


def _flatten(detail: Any, path: str = "") -> Iterable[FieldError]:
    """REST framework's nested error detail as a flat list with dotted field names."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            name = "" if name == "non_field_errors" else str(name)
            yield from _flatten(inner, f"{path}.{name}".strip("."))
    elif isinstance(detail, list):
        for position, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _flatten(inner, f"{path}.{position}".strip(".") if nested else path)
    else:
        yield FieldError(path, getattr(detail, "code", "invalid"), str(detail))


def _model_errors(error: ModelValidationError) -> Iterable[FieldError]:
    if not hasattr(error, "error_dict"):
        for single in error.error_list:
            yield FieldError("", single.code or "invalid", " ".join(single.messages))
        return
    for field, singles in error.error_dict.items():
        for single in singles:
            name = "" if field == "__all__" else field
            yield FieldError(name, single.code or "invalid", " ".join(single.messages))


def _invalid(errors: list[FieldError]) -> DeskError:
    return InvalidInput(_summary(errors), errors=errors)


def _summary(errors: list[FieldError]) -> str:
    if not errors:
        return "The input is not valid."
    first = errors[0]
    sentence = f"{first.field}: {first.message}" if first.field else first.message
    return sentence if len(errors) == 1 else f"{sentence} (and {len(errors) - 1} more)"
