"""Text that the database keeps and nobody reads there: encrypted under a key derived from SECRET_KEY; pure.

Each purpose has a key of its own (HKDF-SHA256, RFC 5869), so that what was encrypted for one thing,
or for one user, can't be passed off as another's.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32


class Unreadable(Exception):
    """The text was encrypted under another key, for another purpose, or was changed."""


def derived_key(secret: str, *, purpose: str) -> bytes:
    """32 bytes that only this secret gives for this purpose."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(secret.encode())


def encrypt(text: str, *, secret_keys: Sequence[str], purpose: str) -> str:
    """The text encrypted and authenticated (Fernet) under the first of the secrets."""
    return _fernet(secret_keys[:1], purpose).encrypt(text.encode()).decode("ascii")


def decrypt(text: str, *, secret_keys: Sequence[str], purpose: str) -> str:
    """The text that was encrypted for this purpose under any of the secrets. Raises Unreadable."""
    try:
        return _fernet(secret_keys, purpose).decrypt(text.encode()).decode()
    except InvalidToken:
        # Without the cause, in whose trace the ciphertext would stand.
        raise Unreadable("Encrypted under another SECRET_KEY, or changed.") from None


def _fernet(secret_keys: Sequence[str], purpose: str) -> MultiFernet:
    keys = (derived_key(secret, purpose=purpose) for secret in secret_keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])
