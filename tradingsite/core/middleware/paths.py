"""Which part of the site a path belongs to, and what a middleware calls."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]

API_PREFIX = "/api/"
DOCS_PREFIX = "/api/docs"
ADMIN_PREFIX = "/admin"


def is_api(request: HttpRequest) -> bool:
    """Whether the answer is for a program: never a page."""
    return request.path_info.startswith(API_PREFIX)


def is_admin(request: HttpRequest) -> bool:
    """Whether the answer is a page of the admin."""
    return request.path_info == ADMIN_PREFIX or request.path_info.startswith(f"{ADMIN_PREFIX}/")


def is_docs(request: HttpRequest) -> bool:
    """Whether the answer is the docs page or the script that it loads."""
    return request.path_info.rstrip("/") == DOCS_PREFIX
