"""The API does what its OpenAPI schema says, whatever it is sent: made-up requests to every operation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from rest_framework.test import APIClient
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import User
from tests.accounts.passwords import log_in, with_password
from tests.test_endpoint_matrix import MATRIX, ROLES, World, world

__all__ = ["world"]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
#: Requests of each kind to each operation: derived from the schema, so the same ones in each run.
EXAMPLES = {"key": 4, "log-in": 4, "nobody": 2}
#: Route, method, path, and by what the mightiest comes there: some things are a person's, and no key's.
OPERATIONS = [
    (route, method, path, "log-in" if statuses.split()[ROLES.index("admin")] in ("401", "403") else "key")
    for route, method, path, _, statuses in MATRIX
    if route not in ("schema", "docs")
]


@lru_cache(maxsize=1)
def api() -> Any:
    """The schema as it is served, with the application that it is about."""
    # Not before a test runs: the application asks for the tests' settings when it is made.
    from tradingsite.wsgi import application

    schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]
    schema.app = application
    return schema


def operation_of(method: str, path: str, ids: dict[str, int]) -> tuple[Any, dict[str, str]]:
    """The operation that a path of the matrix is one of, and what stands in its path there."""
    real = f"/api/{path.split('?')[0].format(**ids)}"
    for template in api():
        found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template), real)
        if found and method in {name.lower() for name in api()[template]}:
            return api()[template][method.upper()], found.groupdict()
    raise AssertionError(f"{method} {real} is not in the schema")


@pytest.fixture
def headers_of(owner: User, api_of: Callable[[User], APIClient]) -> Callable[[str], dict[str, str]]:
    """How somebody authorises who may do everything, with a key or logged in; or nobody."""
    User.objects.filter(pk=owner.pk).update(is_superuser=True, is_staff=True)

    def make(who: str) -> dict[str, str]:
        if who == "nobody":
            return {}
        if who == "log-in":
            return {"Authorization": f"Bearer {log_in(with_password(owner))['access']}"}
        client: Any = api_of(owner)
        return {"Authorization": client._credentials["HTTP_AUTHORIZATION"]}

    return make


@contextmanager
def connection_kept() -> Iterator[None]:
    """A request's end leaves the test's connection open, as with Django's own test client."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(
    ("method", "path", "who"),
    [
        pytest.param(method, path, who, id=f"{route}-{method}-{who}")
        for route, method, path, mightiest in OPERATIONS
        for who in (mightiest, "nobody")
    ],
)
def test_an_operation_answers_as_the_schema_says(
    world: World, headers_of: Callable[[str], dict[str, str]], method: str, path: str, who: str, mode: GenerationMode
) -> None:
    operation, real = operation_of(method, path, world.ids)
    headers = headers_of(who)

    @settings(
        max_examples=EXAMPLES[who],
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, path_parameters=real or None))
    def answers(case: Any) -> None:
        # By hand, not by atomic(): a log-in keeps who failed, so it refuses to be part of somebody's transaction.
        before = transaction.savepoint()
        try:
            case.call_and_validate(headers=headers, checks=CHECKS)
        finally:
            transaction.savepoint_rollback(before)

    with connection_kept():
        answers()
