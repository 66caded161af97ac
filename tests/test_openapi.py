"""The OpenAPI schema says what is there, and the docs page shows it from here."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from tests.test_endpoint_matrix import MATRIX, METHODS


@pytest.fixture
def schema(db: None) -> Any:
    return yaml.safe_load(Client().get("/api/schema/").content)


def test_it_is_valid_without_a_warning(tmp_path: Any) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml"))


def test_it_has_every_operation(schema: Any) -> None:
    documented = {
        (re.sub(r"\{\w+\}", "{}", path), method)
        for path, operations in schema["paths"].items()
        for method in operations
        if method in METHODS
    }
    served = {
        (re.sub(r"\{\w+\}|(?<=metadata/)SPY|(?<=items/)IBM", "{}", f"/api/{path.split('?')[0]}"), method)
        for route, method, path, _, _ in MATRIX
        if route not in ("schema", "docs")
    }
    assert documented == served


# By a log-in, whichever way; and by nothing, or nothing that is said here: they are how one gets in.
LOG_OUT: Any = [{"accessToken": []}, {}]
OPEN: Any = (None, [{}])


def test_every_operation_names_its_problems_and_asks_for_a_key_or_a_log_in(schema: Any) -> None:
    asked = {f"/api/{path}": statuses.startswith("401") for _, _, path, _, statuses in MATRIX}
    for path, operations in schema["paths"].items():
        for method in set(operations) & set(METHODS):
            operation = operations[method]
            assert operation["summary"], path
            security = operation.get("security")
            if path == "/api/v1/auth/logout/":
                assert security == LOG_OUT
            elif asked.get(path, True):
                assert security == [{"accessToken": []}, {"apiKey": []}], path
            else:
                assert security in OPEN, path
            for status in ("400", "401", "403", *(["404"] if "{" in path else [])):
                assert "application/problem+json" in operation["responses"][status]["content"], (path, status)


def test_the_bars_are_documented_with_examples_and_formats(schema: Any) -> None:
    operation = schema["paths"]["/api/v1/bars/"]["get"]
    parameters = {parameter["name"]: parameter for parameter in operation["parameters"]}
    assert set(parameters) == {
        *("symbols", "timeframe", "start", "end", "limit", "page_token", "sort", "adjustment", "asof", "sessions"),
        "format",
    }
    assert parameters["symbols"]["required"] is True
    assert parameters["format"]["schema"]["enum"] == ["arrow", "csv", "json", "json-columns", "parquet"]
    content = operation["responses"]["200"]["content"]
    assert set(content) == {
        *("application/json", "text/csv"),
        *("application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"),
    }
    assert "Json" in content["application/json"]["examples"]


def test_decimals_are_text_and_bars_are_numbers(schema: Any) -> None:
    components = schema["components"]["schemas"]
    assert components["Signal"]["properties"]["entry_price"]["type"] == "string"
    assert components["BarRow"]["properties"]["o"]["type"] == "number"


def test_the_docs_page_loads_nothing_from_outside(db: None) -> None:
    for path in ("/api/docs/", "/api/docs", "/api/docs/?script="):
        answer = Client().get(path)
        assert answer.status_code == 200
        links = re.findall(rb"""(?:src|href|url)["']?\s*[=:]\s*["']([^"']+)""", answer.content)
        assert all(link.startswith((b"/", b"{")) and not link.startswith(b"//") for link in links), links
    page = Client().get("/api/docs/").content
    assert b"/static/drf_spectacular_sidecar/" in page
    assert not re.search(rb"<script>[^<]", page)
