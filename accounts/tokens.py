"""The web tokens (JWT, RFC 7519) of log-ins: made and read; HS256 under JWT_SIGNING_KEY.

A token is proof of a log-in and nothing else: what its user may do, and whether the log-in goes on,
is asked of the database with every request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db.models import TextChoices

if TYPE_CHECKING:
    from rest_framework_simplejwt.backends import TokenBackend

ALGORITHM = "HS256"
#: Ours have some 300. Nothing longer is looked into: a parser is not to be fed by strangers.
MOST_CHARACTERS = 1024

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


class TokenKind(TextChoices):
    """What a token is for; one never passes for the other."""

    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: its kind, of which log-in and user, its own id, and until when."""

    kind: TokenKind
    login_id: str
    user_id: int
    token_id: str
    issued_at: datetime
    expires_at: datetime


def make_token(claims: Claims, *, key: str) -> str:
    """The token, signed."""
    text: str = _backend(key).encode(
        {
            "token_type": claims.kind.value,
            "sid": claims.login_id,
            "sub": str(claims.user_id),
            "jti": claims.token_id,
            "iat": int(claims.issued_at.timestamp()),
            "exp": int(claims.expires_at.timestamp()),
        }
    )
    return text


def looks_like_token(text: str) -> bool:
    """Whether the text has the form of a web token, whoever signed it."""
    return len(text) <= MOST_CHARACTERS and _FORM.fullmatch(text) is not None


def read_token(text: str, kind: TokenKind, *, key: str) -> Claims | None:
    """What a token says that was signed with this key, is of this kind and has not expired; else None."""
    from rest_framework_simplejwt.exceptions import TokenBackendError

    if not key or not looks_like_token(text):
        return None
    try:
        payload = _backend(key).decode(text)  # type: ignore[arg-type]  # a text, whatever simplejwt calls it
    except (TokenBackendError, ValueError, TypeError, RecursionError):
        # The last three from a header that is JSON, but no header: it is read before the signature.
        return None
    return _claims(payload, kind)


def _claims(payload: Any, kind: TokenKind) -> Claims | None:
    login_id, subject, token_id = (payload.get(name) for name in ("sid", "sub", "jti"))
    times = payload.get("iat"), payload.get("exp")
    if payload.get("token_type") != kind.value:
        return None
    if not all(isinstance(text, str) and _ID.fullmatch(text) for text in (login_id, token_id)):
        return None
    if not (isinstance(subject, str) and _NUMBER.fullmatch(subject)):
        return None
    if not all(type(number) is int and 0 <= number < 2**33 for number in times):
        return None
    issued_at, expires_at = (datetime.fromtimestamp(number, UTC) for number in times)
    return Claims(kind, login_id, int(subject), token_id, issued_at, expires_at)


@lru_cache(maxsize=4)
def _backend(key: str) -> TokenBackend:
    # Late: it imports REST framework and models, and most commands need no tokens.
    from rest_framework_simplejwt.backends import TokenBackend

    return TokenBackend(ALGORITHM, signing_key=key)
