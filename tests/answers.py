"""What tests of the API ask of an answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from systemevents.models import AuditLog

PROBLEM = "application/problem+json"


def assert_problem(answer: Any, status: int, code: str | None = None, field: str | None = None) -> dict[str, Any]:
    """The answer is a problem of this status, code and wrong field; gives its body."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == PROBLEM
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["request_id"] == answer["X-Request-ID"]
    if code is not None:
        assert body["code"] == code, body
    if field is not None:
        assert field in [wrong["field"] for wrong in body["errors"]], body
    return body


def assert_same_answer(one: Any, other: Any) -> None:
    """Two answers are equal byte for byte, but for the request id and the length of the date."""
    assert one.status_code == other.status_code
    assert _plain(one) == _plain(other)


def _plain(answer: Any) -> tuple[bytes, dict[str, str]]:
    request_id = answer["X-Request-ID"]
    headers = {name: value.replace(request_id, "") for name, value in answer.headers.items()}
    return answer.content.replace(request_id.encode(), b""), headers


def results(answer: Any) -> list[dict[str, Any]]:
    """The rows of a list's answer."""
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def walk(api: APIClient, path: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of all pages of a list."""
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        answer = api.get(path, {**parameters, **({"cursor": cursor} if cursor else {})})
        rows += results(answer)
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return rows


def queries_of(api: APIClient, path: str) -> int:
    """How many queries a list takes. Asked once before: last use and permissions are noted once."""
    assert api.get(path).status_code == 200
    with CaptureQueriesContext(connection) as queries:
        assert api.get(path).status_code == 200
    return len(queries)


def last_audit() -> AuditLog:
    """The latest entry of the audit trail."""
    entry = AuditLog.objects.order_by("-id").first()
    if entry is None:
        pytest.fail("Nothing was audited.")
    return entry
