"""One-time passwords by time (RFC 6238), and recovery codes for when the app is lost; pure.

A code of the app has six digits, a recovery code sixteen letters of base32: nobody has to say
which of the two they typed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote, urlencode

from django_otp.oath import hotp

STEP_SECONDS = 30
DIGITS = 6
#: A phone's clock may be this many steps off, either way.
DRIFT_STEPS = 1
#: RFC 4226 recommends 160 bits.
SECRET_BYTES = 20
RECOVERY_CODES = 10
# 80 bits, which nobody guesses, however often they may try.
_RECOVERY_BYTES = 10
_GROUP = 4
#: Longer than any code with what people put between its letters.
MOST_CHARACTERS = 64

_APP_CODE = re.compile(rf"[0-9]{{{DIGITS}}}", re.ASCII)
_RECOVERY_CODE = re.compile(r"[a-z2-7]{16}", re.ASCII)
_BETWEEN = re.compile(r"[\s-]+", re.ASCII)


def make_secret() -> str:
    """A new secret in base32, as apps take it when it is typed."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def app_code(text: str) -> str | None:
    """The six digits that were typed, or None when this is no code of the app."""
    return _cleaned(text, _APP_CODE)


def recovery_code(text: str) -> str | None:
    """A recovery code in its normal form, or None when this is none."""
    return _cleaned(text, _RECOVERY_CODE)


def _cleaned(text: str, form: re.Pattern[str]) -> str | None:
    # isascii: lower() makes ASCII of letters that only look like it.
    if len(text) > MOST_CHARACTERS or not text.isascii():
        return None
    cleaned = _BETWEEN.sub("", text).lower()
    return cleaned if form.fullmatch(cleaned) else None


def step_at(moment: datetime) -> int:
    """The number of the time step that a moment lies in."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_of_step(secret: str, step: int) -> str:
    """The code of one time step, six digits. Raises ValueError when the secret is no base32."""
    try:
        key = base64.b32decode(secret)
    except binascii.Error as error:
        raise ValueError("The secret is not base32.") from error
    return f"{hotp(key, step, DIGITS):0{DIGITS}d}"


def matching_step(secret: str, code: str, *, at: datetime, after: int | None) -> int | None:
    """The time step around `at` whose code this is, later than `after`, or None.

    Every step is computed and compared in full, so that the time tells nothing.
    """
    now, found = step_at(at), None
    for step in range(max(now - DRIFT_STEPS, 0), now + DRIFT_STEPS + 1):
        same = hmac.compare_digest(code_of_step(secret, step), code)
        if same and (after is None or step > after):
            found = step
    return found


def provisioning_uri(secret: str, *, issuer: str, account: str) -> str:
    """The `otpauth://` address that an app reads from a QR code."""
    label = quote(f"{issuer}:{account}", safe=":")
    # quote, not quote_plus: apps show a plus as it stands.
    values = {"secret": secret, "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": STEP_SECONDS}
    return f"otpauth://totp/{label}?{urlencode(values, quote_via=quote)}"


def make_recovery_codes() -> list[str]:
    """Ten new recovery codes as they are shown: `xxxx-xxxx-xxxx-xxxx`."""
    return [_make_recovery_code() for _ in range(RECOVERY_CODES)]


def _make_recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode("ascii").lower()
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def recovery_digest(code: str, *, user_id: int, key: bytes) -> str:
    """HMAC-SHA256 of one user's recovery code in its normal form, in hexadecimal."""
    return hmac.new(key, f"{user_id}:{code}".encode("ascii"), hashlib.sha256).hexdigest()


def is_among(digest: str, candidates: Iterable[str]) -> bool:
    """Whether the digest is one of these; looks at all of them, in constant time each."""
    found = False
    for candidate in candidates:
        found |= hmac.compare_digest(digest, candidate)
    return found


def seconds_refused(failures: int) -> int:
    """For how long codes of the app are refused after this many wrong ones in a row.

    Four are free. The fifth costs a minute, each further one twice as long, a day at most: who
    knows the password has some fifteen tries on the first day and one on every other.
    """
    if failures < 5:
        return 0
    return int(min(60 * 2 ** min(failures - 5, 20), 24 * 60 * 60))
