"""`python -m tradingsite.ops.environment`: writes a `.env` with fresh secrets where there is none.

Imports nothing of Django's, because the settings can't be read before the file is there.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / ".env"
# 64 random bytes are 86 characters; the letters of token_urlsafe need no quotes in the file.
SECRET_BYTES = 64
PEPPER_BYTES = 32


def environment_text() -> str:
    """The text of a new `.env`: secrets only, each its own."""
    return (
        "# Written once by `make run`; .env.example explains every name that can stand here.\n"
        "# Keep this file: without API_KEY_PEPPERS no API key works any more. Never share or commit it.\n"
        f"SECRET_KEY={secrets.token_urlsafe(SECRET_BYTES)}\n"
        f"JWT_SIGNING_KEY={secrets.token_urlsafe(SECRET_BYTES)}\n"
        f"API_KEY_PEPPERS=1:{secrets.token_urlsafe(PEPPER_BYTES)}\n"
        f"AUDIT_SEAL_KEY={secrets.token_urlsafe(SECRET_BYTES)}\n"
    )


def write_environment(file: Path) -> bool:
    """Write the file, readable by its owner only, unless there is one; whether it was written.

    It appears whole or not at all: a start that is killed leaves no half of the secrets behind.
    """
    if file.exists():
        return False
    scratch = file.with_name(f"{file.name}.{os.getpid()}.new")
    scratch.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(environment_text())
            stream.flush()
            os.fsync(stream.fileno())
        # A link fails where the name is taken; a rename would replace what somebody wrote just now.
        os.link(scratch, file)
    except FileExistsError:
        return False
    finally:
        scratch.unlink(missing_ok=True)
    return True


if __name__ == "__main__":
    try:
        written = write_environment(FILE)
    except OSError as error:
        sys.exit(f"{FILE} can't be written: {error.strerror}.")
    if written:
        sys.stdout.write(f"Wrote {FILE} with fresh secrets.\n")
