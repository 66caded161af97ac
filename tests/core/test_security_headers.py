"""What browsers are told, on every kind of answer, and which other origins may call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from accounts.models import User
from tradingsite.core.checks.site import check_addresses, is_origin
from tradingsite.core.middleware import RequestContextMiddleware, SecurityHeadersMiddleware
from tradingsite.core.middleware.headers import ADMIN_POLICY, DOCS_POLICY, STRICT_POLICY

ORIGIN = "https://app.example.com"

# path, status, policy, whether it may be stored
ANSWERS = [
    ("/", 302, STRICT_POLICY, True),
    ("/nothing", 404, STRICT_POLICY, True),
    ("/healthz", 200, STRICT_POLICY, False),
    ("/administrators", 404, STRICT_POLICY, True),
    ("/admin", 302, ADMIN_POLICY, False),
    ("/admin/", 302, ADMIN_POLICY, False),
    ("/admin/login/", 200, ADMIN_POLICY, False),
    ("/admin/nothing/", 404, ADMIN_POLICY, False),
    ("/admin/login/?next=%00", 400, ADMIN_POLICY, False),
    ("/api/docs/", 200, DOCS_POLICY, False),
    ("/api/docs", 200, DOCS_POLICY, False),
    ("/api/docs/?script=", 200, DOCS_POLICY, False),
    ("/api/schema/", 200, STRICT_POLICY, False),
    ("/api/v1/auth/me", 401, STRICT_POLICY, False),
    ("/api/v1/nothing", 404, STRICT_POLICY, False),
    ("/api/v1/metadata?search=%00", 400, STRICT_POLICY, False),
    ("/static/core/docs.css", 200, STRICT_POLICY, True),
]


@pytest.fixture(autouse=True)
def static_files(settings: Any) -> None:
    settings.WHITENOISE_USE_FINDERS = True


@pytest.mark.parametrize(("path", "status", "policy", "may_be_stored"), ANSWERS)
def test_every_kind_of_answer_has_the_headers(
    db: None, path: str, status: int, policy: str, may_be_stored: bool
) -> None:
    answer = Client().get(path)
    answer.close()
    assert answer.status_code == status
    assert_hardened(answer, policy)
    assert ("no-store" in answer.headers.get("Cache-Control", "")) is not may_be_stored


def assert_hardened(answer: Any, policy: str) -> None:
    assert answer["Content-Security-Policy"] == policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"
    assert "camera=()" in answer["Permissions-Policy"]
    assert answer["X-Request-ID"]


def test_a_bug_has_the_headers_too(owner_api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("accounts.api.views.MeView.get", fail)
    owner_api.raise_request_exception = False
    answer = owner_api.get("/api/v1/auth/me")
    assert answer.status_code == 500
    assert_hardened(answer, STRICT_POLICY)


def test_an_unknown_host_gets_the_headers_too(db: None) -> None:
    answer = Client().get("/admin/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert_hardened(answer, ADMIN_POLICY)


def test_an_answer_of_the_api_is_not_stored(owner_api: APIClient) -> None:
    assert owner_api.get("/api/v1/auth/me")["Cache-Control"] == "no-store"


def test_a_page_of_the_admin_is_not_stored(owner: User, browser_of: Callable[[User], Client]) -> None:
    answer = browser_of(owner).get("/admin/")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]


def test_eval_and_inline_styles_are_the_admins_alone_and_inline_scripts_nobodys() -> None:
    for policy in (STRICT_POLICY, DOCS_POLICY):
        assert "unsafe" not in policy
    directives = dict(part.split(" ", 1) for part in ADMIN_POLICY.split("; "))
    assert directives["script-src"] == "'self' 'unsafe-eval'"
    assert directives["style-src"] == "'self' 'unsafe-inline'"
    for policy in (STRICT_POLICY, DOCS_POLICY, ADMIN_POLICY):
        assert policy.startswith("default-src 'none'; base-uri 'none'; ")
        assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", ["/api/docs/", "/admin/login/", "/nothing"])
def test_no_page_has_an_inline_script(db: None, path: str) -> None:
    page = Client().get(path).content.decode()
    for tag in page.split("<script")[1:]:
        # JSON in a script element is data, not code.
        assert "src=" in tag.split(">")[0] or 'type="application/json"' in tag.split(">")[0], tag[:200]
    assert "javascript:" not in page


def test_the_docs_page_has_no_inline_style(db: None) -> None:
    assert b"<style" not in Client().get("/api/docs/").content


def test_a_view_keeps_a_policy_of_its_own() -> None:
    own = "sandbox"
    answer = SecurityHeadersMiddleware(lambda _: HttpResponse(headers={"Content-Security-Policy": own}))(
        RequestFactory().get("/")
    )
    assert answer["Content-Security-Policy"] == own


def test_djangos_page_for_developers_stays_readable(settings: Any) -> None:
    settings.DEBUG = True
    answer = SecurityHeadersMiddleware(lambda _: HttpResponse(status=404))(RequestFactory().get("/nothing"))
    assert "Content-Security-Policy" not in answer


# CORS


def test_without_origins_nothing_is_said_to_other_origins(owner_api: APIClient) -> None:
    answer = owner_api.get("/api/v1/auth/me", headers={"Origin": ORIGIN})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert preflight(Client()).status_code == 401


def test_a_named_origin_may_call_with_a_key_and_without_cookies(owner_api: APIClient, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    answer = owner_api.get("/api/v1/auth/me", headers={"Origin": ORIGIN})
    assert answer["Access-Control-Allow-Origin"] == ORIGIN
    assert "ETag" in answer["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer
    asked = preflight(Client())
    assert asked.status_code == 200
    assert "authorization" in asked["Access-Control-Allow-Headers"]
    assert "PUT" not in asked["Access-Control-Allow-Methods"]


def test_a_problem_reaches_the_named_origin_too(db: None, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    for path in ("/api/v1/auth/me", "/api/v1/nothing", "/api/v1/metadata?search=%00"):
        answer = Client().get(path, headers={"Origin": ORIGIN})
        assert answer.status_code >= 400
        assert answer["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize(
    "origin", ["https://app.example.com.evil.example", "http://app.example.com", "null", "https://[", ""]
)
def test_another_origin_may_not(owner_api: APIClient, settings: Any, origin: str) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    answer = owner_api.get("/api/v1/auth/me", headers={"Origin": origin})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer


def test_the_admin_is_for_no_other_origin(db: None, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    answer = Client().get("/admin/login/", headers={"Origin": ORIGIN})
    assert "Access-Control-Allow-Origin" not in answer


def preflight(client: Client) -> Any:
    return client.options("/api/v1/watchlists/", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"})


def test_a_wrong_origin_is_a_sentence(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN, "*"]
    assert [(found.id, found.msg) for found in check_addresses()] == [
        ("desk.E027", "CORS_ALLOWED_ORIGINS contains '*', which is not an origin.")
    ]


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (ORIGIN, True),
        ("http://localhost:3000", True),
        ("https://app.example.com/", False),
        ("https://app.example.com/path", False),
        ("https://APP.example.com", False),
        ("https://*.example.com", False),
        ("https://me@app.example.com", False),
        ("app.example.com", False),
        ("*", False),
        ("null", False),
        ("", False),
    ],
)
def test_what_is_an_origin(text: str, good: bool) -> None:
    assert is_origin(text) is good


# Forwarded headers


def seen_by_the_site(**meta: Any) -> HttpRequest:
    """The request as what stands behind the middleware sees it."""
    seen: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    RequestContextMiddleware(view)(RequestFactory().get("/", **meta))
    return seen[0]


@pytest.fixture
def proxied(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


def test_https_is_believed_from_a_trusted_proxy(proxied: None) -> None:
    assert seen_by_the_site(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_PROTO="https").is_secure()
    assert not seen_by_the_site(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_PROTO="http").is_secure()


def test_https_is_not_believed_from_anybody_else(proxied: None) -> None:
    request = seen_by_the_site(REMOTE_ADDR="203.0.113.7", HTTP_X_FORWARDED_PROTO="https")
    assert not request.is_secure()
    assert "X-Forwarded-Proto" not in request.headers


def test_what_a_caller_sends_through_the_proxy_is_not_what_the_proxy_says(proxied: None) -> None:
    assert not seen_by_the_site(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_PROTO="https, http").is_secure()


def test_a_server_that_believed_the_caller_is_corrected(proxied: None) -> None:
    claims = {"HTTP_X_FORWARDED_PROTO": "https", "wsgi.url_scheme": "https"}
    assert not seen_by_the_site(REMOTE_ADDR="203.0.113.7", **claims).is_secure()
    assert seen_by_the_site(REMOTE_ADDR="203.0.113.7", **{"wsgi.url_scheme": "https"}).is_secure()


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "Forwarded", "X-Real-IP"]
)
def test_nothing_forwarded_is_left_of_a_stranger(name: str) -> None:
    meta = f"HTTP_{name.upper().replace('-', '_')}"
    request = seen_by_the_site(REMOTE_ADDR="203.0.113.7", **{meta: "198.51.100.1"})
    assert name not in request.headers
    assert request.client_address == "203.0.113.7"  # type: ignore[attr-defined]  # ours
