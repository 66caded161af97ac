"""What a symbol may look like; pure."""

import re

from tradingsite.core.errors import InvalidInput

MAX_LENGTH = 32
PATTERN = r"[A-Z0-9^$][A-Z0-9.\-/^=_:&]{0,31}"
_SYMBOL = re.compile(PATTERN, re.ASCII)


def normalise_symbol(text: str) -> str:
    """The symbol as it is stored: trimmed, upper-case, plain ASCII.

    Raises InvalidInput when it can't be one.
    """
    symbol = text.strip()
    # Checked before upper(), which makes ASCII of letters that only look like it ("ſ" becomes "S").
    symbol = symbol.upper() if symbol.isascii() else symbol
    if not _SYMBOL.fullmatch(symbol):
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise InvalidInput.field(
            "symbol",
            f"{shown!r} is not a symbol: 1 to {MAX_LENGTH} of A-Z 0-9 . - / ^ = _ : & "
            "(the first a letter, a digit, ^ or $).",
            code="invalid_symbol",
        )
    return symbol


def split_symbols(text: str) -> list[str]:
    """Comma-separated symbols, normalised, in the order given, each once."""
    return list(dict.fromkeys(normalise_symbol(part) for part in text.split(",") if part.strip()))
