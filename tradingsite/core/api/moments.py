"""Moments as text; pure. A time without a zone is an error, never a guess."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

from tradingsite.core.errors import InvalidInput

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT = re.compile(
    rf"({_DATE})(?:[T ]([0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]{{1,9}})?)?)"
    # An unencoded "+" arrives as a blank in a query.
    r"(Z|z|[+\- ][0-9]{2}:?[0-9]{2})?)?"
)


def parse_date(text: str, *, field: str) -> date:
    """The date in `2013-01-02`. Raises InvalidInput naming the field."""
    try:
        if re.fullmatch(_DATE, text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidInput.field(field, f"{text[:40]!r} is not a date; write it as 2013-01-02.", code="invalid_date")


def parse_moment(text: str, *, field: str) -> datetime:
    """The moment in `2013-01-02T14:30:00Z`, with any offset, as UTC; a plain date is its midnight in UTC.

    Raises InvalidInput naming the field: naive_time when the offset is missing.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise _not_a_moment(text, field)
    day, clock, offset = match.groups()
    if clock is None:
        return datetime.combine(parse_date(day, field=field), time.min, tzinfo=UTC)
    if offset is None:
        raise InvalidInput.field(
            field, f"{text[:40]!r} has no time zone; end it with Z or an offset such as -05:00.", code="naive_time"
        )
    try:
        return datetime.fromisoformat(f"{day}T{clock}{offset.replace(' ', '+').upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise _not_a_moment(text, field) from None


def _not_a_moment(text: str, field: str) -> InvalidInput:
    return InvalidInput.field(
        field,
        f"{text[:40]!r} is not a moment; write a date (2013-01-02) or a time with its zone (2013-01-02T14:30:00Z).",
        code="invalid_time",
    )
