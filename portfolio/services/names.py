"""What people call their portfolios and watchlists."""

from __future__ import annotations

from tradingsite.core.errors import InvalidInput
from tradingsite.core.fields import fold_name

MAX_LENGTH = 100


def clean_name(name: str) -> str:
    """The name without outer blanks. Raises InvalidInput when it is empty, too long or not one line."""
    cleaned = name.strip()
    if not fold_name(cleaned):
        raise InvalidInput.field("name", "Give it a name.", code="blank")
    if len(cleaned) > MAX_LENGTH:
        raise InvalidInput.field("name", f"A name has at most {MAX_LENGTH} characters.", code="max_length")
    if not cleaned.isprintable():
        raise InvalidInput.field("name", "A name is one line of printable characters.", code="not_printable")
    return cleaned
