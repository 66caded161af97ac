"""What browsers are told about every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from tradingsite.core.middleware.paths import is_admin, is_api, is_docs

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from tradingsite.core.middleware.paths import GetResponse

Policy = dict[str, str]

# Nothing is loaded, run, framed or sent from what is no page.
_NOTHING: Policy = {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"}
# A page loads its own files; images inside of style sheets and scripts are data: URLs.
_OWN_FILES: Policy = {
    **_NOTHING,
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
}
# The admin's theme computes expressions in attributes (Alpine) and styles elements where they stand.
_THEME: Policy = {
    **_OWN_FILES,
    "script-src": "'self' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "form-action": "'self'",
}


def _text(policy: Policy) -> str:
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())


STRICT_POLICY, DOCS_POLICY, ADMIN_POLICY = _text(_NOTHING), _text(_OWN_FILES), _text(_THEME)

PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone"),
        *("midi", "payment", "publickey-credentials-get", "screen-wake-lock", "usb", "xr-spatial-tracking"),
    )
)


class SecurityHeadersMiddleware:
    """Content-Security-Policy and Permissions-Policy on every answer, no-store where people's data are.

    Scripts run from our own files only; `eval` and inline styles in the admin alone. Django's
    own SecurityMiddleware and XFrameOptionsMiddleware, just inside, add the rest. A view that sets
    its own policy keeps it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not _is_debug_page(response):
            response.headers.setdefault("Content-Security-Policy", policy_for(request))
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        private = is_api(request) or is_admin(request)
        if private and "no-store" not in response.headers.get("Cache-Control", ""):
            response.headers["Cache-Control"] = "no-store"
        for name, value in getattr(request, "rate_limit_headers", {}).items():
            response.headers[name] = value
        return response


def policy_for(request: HttpRequest) -> str:
    """The Content-Security-Policy of answers to this request."""
    if is_admin(request):
        return ADMIN_POLICY
    return DOCS_POLICY if is_docs(request) else STRICT_POLICY


def _is_debug_page(response: HttpResponseBase) -> bool:
    """Whether this is Django's page for developers, which is made of inline styles and scripts."""
    return settings.DEBUG and response.status_code in (404, 500)
