"""Paths with and without their trailing slash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import is_valid_path

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from tradingsite.core.middleware.paths import GetResponse


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
