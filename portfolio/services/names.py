"""What people call their portfolios and watchlists."""

from __future__ import annotations

from collections.abc import Iterator

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


def names_for_another(name: str, *, of: str) -> Iterator[str]:
    """The name, and then others for where the new owner has it already: "Growth (ann)", "Growth (ann 2)", ..."""
    yield name
    number = 1
    while True:
        suffix = f" ({of})" if number == 1 else f" ({of} {number})"
        if len(suffix) > MAX_LENGTH // 2:
            suffix = f" ({number})"
        yield f"{name[: MAX_LENGTH - len(suffix)]}{suffix}"
        number += 1
