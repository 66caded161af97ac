"""What every request passes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from accounts.models import User
from tradingsite.core.middleware import ProblemMiddleware, RequestContextMiddleware

PROBLEM = "application/problem+json"


def test_a_request_has_an_id_of_its_own(db: None) -> None:
    first, second = Client().get("/api/v1/auth/me"), Client().get("/api/v1/auth/me")
    assert first["X-Request-ID"] != second["X-Request-ID"]
    assert first.json()["request_id"] == first["X-Request-ID"]


def test_a_well_formed_id_of_the_callers_is_kept(db: None) -> None:
    assert Client().get("/api/v1/auth/me", headers={"X-Request-ID": "trace-0123.45"})["X-Request-ID"] == "trace-0123.45"


@pytest.mark.parametrize("offered", ["short", "x" * 65, "with blank in it", "\u0661" * 10, "a\tb" * 5])
def test_another_id_is_not(db: None, offered: str) -> None:
    assert Client().get("/api/v1/auth/me", headers={"X-Request-ID": offered})["X-Request-ID"] != offered


@pytest.mark.parametrize("path", ["/api/v1/metadata", "/api/v1/metadata/"])
def test_a_path_answers_with_and_without_its_slash(owner_api: APIClient, path: str) -> None:
    assert owner_api.get(path).status_code == 200


def test_a_post_without_the_slash_keeps_its_body(owner_api: APIClient) -> None:
    answer = owner_api.post("/api/v1/watchlists", {"name": "Tech"})
    assert answer.status_code == 201
    assert answer.json()["name"] == "Tech"


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/nothing/", "/api/v1/metadata//x//../", "/api/v1/"])
def test_an_unknown_path_is_a_problem(db: None, path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code in (401, 404)
    assert answer["Content-Type"] == PROBLEM
    assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize(
    "path",
    ["/api/v1/metadata/%00", "/api/v1/metadata?search=%00", "/api/v1/metadata?%00=1", "/admin/login/?next=%00"],
)
def test_a_nul_is_refused_in_paths_and_queries(owner_api: APIClient, path: str) -> None:
    answer = owner_api.get(path)
    assert answer.status_code == 400
    assert answer["Content-Type"] == (PROBLEM if path.startswith("/api/") else "text/plain; charset=utf-8")


def test_a_nul_is_refused_in_a_form(db: None) -> None:
    assert Client().post("/admin/login/", {"username": "a\x00b", "password": "x"}).status_code == 400


@pytest.mark.parametrize(
    "path", ["/api/v1/metadata/%ff%fe", "/api/v1/metadata?search=%ff%fe", "/api/v1/metadata/%ed%a0%80"]
)
def test_text_that_is_not_utf_8_is_survived(owner_api: APIClient, path: str) -> None:
    assert owner_api.get(path).status_code in (200, 404)


def test_a_host_that_is_not_ours_gets_a_problem_too(db: None) -> None:
    answer = Client().get("/api/v1/auth/me", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer["Content-Type"] == PROBLEM


def test_a_thousand_parameters_are_too_many(owner_api: APIClient) -> None:
    answer = owner_api.get("/api/v1/metadata?" + "&".join(f"p{n}=1" for n in range(1500)))
    assert answer.status_code == 400
    assert answer["Content-Type"] == PROBLEM


def test_a_bug_shows_no_trace(owner_api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr("accounts.api.views.MeView.get", fail)
    owner_api.raise_request_exception = False
    answer = owner_api.get("/api/v1/auth/me")
    assert answer.status_code == 500
    assert answer["Content-Type"] == PROBLEM
    assert b"secret" not in answer.content
    assert json.loads(answer.content)["code"] == "internal_error"


@pytest.mark.parametrize(("path", "kind"), [("/api/v1/x", PROBLEM), ("/admin/", "text/plain; charset=utf-8")])
def test_a_database_that_is_gone_is_a_503(path: str, kind: str) -> None:
    middleware = ProblemMiddleware(lambda _: HttpResponse())
    answer = middleware.process_exception(RequestFactory().get(path), OperationalError("host 10.1.2.3 is down"))
    assert answer is not None
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer["Content-Type"] == kind
    assert b"10.1.2.3" not in answer.content


def test_the_address_comes_from_a_trusted_proxy(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    seen: list[Any] = []

    def view(request: Any) -> HttpResponse:
        seen.append(request.client_address)
        return HttpResponse()

    RequestContextMiddleware(view)(RequestFactory().get("/", headers={"X-Forwarded-For": "198.51.100.1"}))
    assert seen == ["198.51.100.1"]


@pytest.mark.parametrize(
    ("path", "said"), [("/api/v1/portfolios/", '"code":"unavailable"'), ("/admin/", "Please try again in a moment.")]
)
def test_a_database_that_goes_before_the_view_is_a_503(
    owner: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str, said: str
) -> None:
    def fail(*_: Any) -> None:
        raise OperationalError("connection to server at 10.1.2.3 failed")

    # Inside of the middleware that answers for views, where another middleware asks the database.
    monkeypatch.setattr("django.contrib.messages.middleware.MessageMiddleware.process_request", fail)
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    answer = client.get(path)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert said in answer.content.decode()
    assert "10.1.2.3" not in answer.content.decode()
    assert [record.exc_info for record in caplog.records if record.levelname == "ERROR"] == [None]


def test_a_bug_before_the_view_stays_a_500(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("django.contrib.messages.middleware.MessageMiddleware.process_request", fail)
    answer = Client(raise_request_exception=False).get("/admin/")
    assert answer.status_code == 500
    assert "Retry-After" not in answer
