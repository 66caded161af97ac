"""The text of an API key: `tsk_<id: 16 lower-case base32>_<secret: 43><crc: 6>`; pure.

The checksum is taken over the text before it, so that a mistyped key is refused without
asking the database. The parts are cut by width, because the alphabet of the secret has `_`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass

PREFIX = "tsk_"
ID_LENGTH = 16
SECRET_LENGTH = 43
CHECKSUM_LENGTH = 6
KEY_LENGTH = len(PREFIX) + ID_LENGTH + 1 + SECRET_LENGTH + CHECKSUM_LENGTH
KEY_PATTERN = r"tsk_[a-z2-7]{16}_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}"

_KEY = re.compile(KEY_PATTERN, re.ASCII)
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class KeyText:
    """A well-formed key: its public id, and the whole text that the HMAC is taken over."""

    public_id: str
    text: str

    def __repr__(self) -> str:  # a key that is printed by accident does not leak
        return f"KeyText(tsk_{self.public_id}_…)"


def checksum(text: str) -> str:
    """CRC-32 in base 62, six characters."""
    number = zlib.crc32(text.encode("ascii"))
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        number, rest = divmod(number, 62)
        digits.append(_BASE62[rest])
    return "".join(reversed(digits))


def make_key() -> KeyText:
    """A new key: 80 bits of id, 256 bits of secret."""
    public_id = base64.b32encode(secrets.token_bytes(10)).decode("ascii").lower()
    secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii").rstrip("=")
    body = f"{PREFIX}{public_id}_{secret}"
    return KeyText(public_id=public_id, text=body + checksum(body))


def parse_key(text: str) -> KeyText | None:
    """The key in this text, or None when its form or its checksum is wrong."""
    if len(text) != KEY_LENGTH or not _KEY.fullmatch(text):
        return None
    if not hmac.compare_digest(checksum(text[:-CHECKSUM_LENGTH]), text[-CHECKSUM_LENGTH:]):
        return None
    return KeyText(public_id=text[len(PREFIX) : len(PREFIX) + ID_LENGTH], text=text)


def key_digest(text: str, *, pepper: str) -> str:
    """HMAC-SHA256 of the whole key under a pepper, in hexadecimal."""
    return hmac.new(pepper.encode(), text.encode(), hashlib.sha256).hexdigest()


def parse_peppers(text: str) -> dict[int, str]:
    """`1:first,2:second` as numbers and peppers. Raises ValueError on anything else."""
    peppers: dict[int, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        number, separator, pepper = part.partition(":")
        if not separator or not number.isascii() or not number.isdigit() or not pepper:
            raise ValueError("write API_KEY_PEPPERS as 1:secret or 1:old,2:new")
        if int(number) in peppers or not 0 < int(number) < 32768:
            raise ValueError("each pepper has a number of its own, from 1 to 32767")
        peppers[int(number)] = pepper
    return peppers
