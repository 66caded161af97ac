"""Every error is one problem+json, mapped in one place."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, ValidationError
from django.db import IntegrityError, OperationalError
from django.http import Http404
from rest_framework import exceptions, serializers

from tradingsite.core.api.problems import PROBLEM_TYPE, exception_handler
from tradingsite.core.errors import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    TooLarge,
    Unavailable,
    UnknownSymbol,
)


def answer(error: Exception) -> Any:
    """The problem that an error becomes; its headers under "headers"."""
    response = exception_handler(error, {"request": SimpleNamespace(request_id="the-request")})
    assert response is not None
    assert response["Content-Type"] == PROBLEM_TYPE
    return orjson.loads(response.content) | {"headers": response.headers}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidInput("x"), 400, "invalid"),
        (UnknownSymbol("x"), 400, "unknown_symbol"),
        (NotAuthenticated(), 401, "not_authenticated"),
        (Forbidden(), 403, "forbidden"),
        (PermissionDenied(), 403, "forbidden"),
        (NotFound(), 404, "not_found"),
        (Http404(), 404, "not_found"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.NotAcceptable(), 406, "not_acceptable"),
        (Conflict("x"), 409, "conflict"),
        (TooLarge("x"), 413, "too_large"),
        (RequestDataTooBig(), 413, "too_large"),
        (exceptions.UnsupportedMediaType("text/x"), 415, "unsupported_media_type"),
        (exceptions.Throttled(wait=7), 429, "throttled"),
        (SuspiciousOperation(), 400, "invalid"),
        (exceptions.ParseError(), 400, "invalid"),
        (Unavailable("x"), 503, "unavailable"),
        (OperationalError("server has gone"), 503, "unavailable"),
    ],
)
def test_each_error_has_its_status_and_code(error: Exception, status: int, code: str) -> None:
    problem = answer(error)
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"urn:problem:{code.replace('_', '-')}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == "the-request"


def test_a_database_that_is_gone_says_when_to_come_back_and_nothing_of_itself() -> None:
    problem = answer(OperationalError("connection to server at 10.1.2.3 failed"))
    assert problem["headers"]["Retry-After"] == "5"
    assert "10.1.2.3" not in problem["detail"]


def test_a_throttled_caller_is_told_how_long_to_wait() -> None:
    assert answer(exceptions.Throttled(wait=7))["headers"]["Retry-After"] == "7"


def test_a_bug_is_not_dressed_up_as_a_problem() -> None:
    context = {"request": SimpleNamespace(request_id="")}
    assert exception_handler(IntegrityError("duplicate"), context) is None
    assert exception_handler(KeyError("x"), context) is None


def test_one_wrong_field_gives_the_problem_its_code() -> None:
    problem = answer(InvalidInput.field("start", "No zone.", code="naive_time"))
    assert problem["code"] == "naive_time"
    assert problem["errors"] == [{"field": "start", "code": "naive_time", "message": "No zone."}]


def test_several_wrong_fields_leave_it_general() -> None:
    problem = answer(InvalidInput("x", errors=[FieldError("a", "blank", "A."), FieldError("b", "required", "B.")]))
    assert problem["code"] == "invalid"
    assert len(problem["errors"]) == 2


def test_nested_fields_have_dotted_names() -> None:
    class Leg(serializers.Serializer[Any]):
        ratio = serializers.IntegerField()

    class Spread(serializers.Serializer[Any]):
        legs = Leg(many=True)
        tags = serializers.ListField(child=serializers.IntegerField())

    checked = Spread(data={"legs": [{"ratio": 1}, {"ratio": "x"}], "tags": [1, "y"]})
    with pytest.raises(exceptions.ValidationError) as caught:
        checked.is_valid(raise_exception=True)
    assert {wrong["field"] for wrong in answer(caught.value)["errors"]} == {"legs.1.ratio", "tags.1"}


def test_a_models_own_validation_names_its_fields() -> None:
    problem = answer(
        ValidationError({"name": ["Too long."], "__all__": [ValidationError("Together wrong.", code="x")]})
    )
    assert {(wrong["field"], wrong["code"]) for wrong in problem["errors"]} == {("name", "invalid"), ("", "x")}
