"""Tokens that come by mail and are good once: made at random, stored as a digest."""

from __future__ import annotations

import hashlib
import secrets

#: Longer ones are not looked up at all.
LONGEST = 200


def make_token() -> str:
    """A new token: 32 random bytes as text."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """What is stored of a token: without a salt, because nobody guesses 32 random bytes."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
