"""Who calls the API: an API key in a header; the session only for the docs page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.services.api_keys import find_usable_key, note_use

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema

    from accounts.models import ApiKey, User


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer tsk_...` or `X-API-Key: tsk_...`."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        text = self._key_text(request)
        if text is None:
            return None
        key = find_usable_key(text, address=getattr(request, "client_address", None))
        if key is None:
            # The same words for a mistyped, an unknown, an expired and a revoked key, and from a foreign address.
            raise AuthenticationFailed("The API key is not valid.")
        note_use(key)
        return key.owner, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'

    def _key_text(self, request: Request) -> str | None:
        if text := request.headers.get("X-API-Key"):
            return str(text).strip()
        scheme, _, rest = str(request.headers.get("Authorization", "")).partition(" ")
        if scheme.lower() == "bearer" and rest.strip():
            return rest.strip()
        return None


class DocsSessionAuthentication(SessionAuthentication):
    """The admin's session, so that the docs page shows itself to who is logged in."""


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular's metaclass
    """How the OpenAPI schema describes the key."""

    target_class = "accounts.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "tsk_…", "description": "An API key."}
