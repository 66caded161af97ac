"""Who calls the API: an API key or the access token of a log-in, in a header; a session only to log out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.errors import SecondFactorRequired
from accounts.second_factor_state import lacks_second_factor
from accounts.services.api_keys import find_usable_key, note_use
from accounts.services.web_logins import find_live_login
from accounts.tokens import looks_like_token
from tradingsite.core.api.problems import CHALLENGE

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema

    from accounts.models import ApiKey, User


# What is open to a log-in that lacks the second factor that TOTP_REQUIRED demands.
OPEN_ROUTES = frozenset(
    {
        *("auth-me", "auth-logout", "auth-totp", "auth-totp-confirm"),
        *("auth-totp-recovery-codes", "auth-totp-remove"),
    }
)


@dataclass(frozen=True, slots=True)
class WebLogin:
    """`request.auth` of who came with an access token: of which log-in it is."""

    login_id: str


class WebTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer eyJ...`: the access token of a log-in, with all of its user's rights."""

    def authenticate(self, request: Request) -> tuple[User, WebLogin] | None:
        text = bearer_text(request)
        if text is None or not looks_like_token(text):
            return None
        login = find_live_login(text)
        if login is None:
            # The same words for a forged, an expired and an ended one.
            raise AuthenticationFailed("The access token is not valid.")
        refuse_without_second_factor(request, login.user)
        return login.user, WebLogin(login.public_id)

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def refuse_without_second_factor(request: Request, user: User) -> None:
    """Raise SecondFactorRequired where who must set one up first has nothing to do yet."""
    match = request.resolver_match
    if (match is None or match.url_name not in OPEN_ROUTES) and lacks_second_factor(user):
        raise SecondFactorRequired("This site demands a second factor of you: set it up with auth/totp/ first.")


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer tsk_...` or `X-API-Key: tsk_...`."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        text = str(request.headers.get("X-API-Key") or "").strip() or bearer_text(request)
        if text is None:
            return None
        key = find_usable_key(text, address=getattr(request, "client_address", None))
        if key is None:
            # The same words for a mistyped, an unknown, an expired and a revoked key, and from a foreign address.
            raise AuthenticationFailed("The API key is not valid.")
        note_use(key)
        return key.owner, key

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def bearer_text(request: Request) -> str | None:
    """What stands behind `Bearer` in the Authorization header, if anything does."""
    scheme, _, rest = str(request.headers.get("Authorization", "")).partition(" ")
    return rest.strip() or None if scheme.lower() == "bearer" else None


class BrowserSessionAuthentication(SessionAuthentication):
    """The session of a browser, with its CSRF token: to log out of it, and for nothing else."""

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular's metaclass
    """How the OpenAPI schema describes the key."""

    target_class = "accounts.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "tsk_…", "description": "An API key."}


class WebTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular's metaclass
    """How the OpenAPI schema describes the access token."""

    target_class = "accounts.api.authentication.WebTokenAuthentication"
    name = "accessToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        about = "The access token of a log-in, from `auth/token/`."
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": about}
