"""Browsers of other origins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from corsheaders.middleware import CorsMiddleware
from django.conf import settings

from tradingsite.core.middleware.paths import is_api

if TYPE_CHECKING:
    from django.http import HttpRequest


class CrossOriginMiddleware(CorsMiddleware):
    """Lets pages of the origins in CORS_ALLOWED_ORIGINS call the API, with a key and never with a cookie.

    Without such origins it does nothing at all, for the admin never.
    """

    def is_enabled(self, request: HttpRequest) -> bool:
        return bool(settings.CORS_ALLOWED_ORIGINS) and is_api(request)
