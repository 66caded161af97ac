"""What a split or a dividend says, and what it may say; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction

from marketdata.models.corporate_action import ActionKind
from tradingsite.core.decimals import PRICE_PLACES, SIGNIFICANT_DIGITS, significant_digits
from tradingsite.core.errors import FieldError, InvalidInput

#: More new shares for an old one, or more old ones for a new one, is a typing error.
LARGEST_RATIO = 10_000
#: Of the two whole numbers of a ratio; larger ones make adjusted prices that have no place in 64 bits.
LARGEST_SHARES = 100_000_000
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)
_LARGEST_AMOUNT = 10**10
_WHOLE = r"[0-9]{1,9}"
_TWO = re.compile(rf"({_WHOLE})\s*(?::|/|-?\s*for\s*-?)\s*({_WHOLE})", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?|\.[0-9]{1,9}", re.ASCII)
# A third written with so many decimals is meant to be a third.
_ROUNDED_FROM = 6
_SMALL = 1_000


@dataclass(frozen=True, slots=True)
class ActionValues:
    """A split of `new_shares` for `old_shares`, or a dividend of `amount` a share.

    What is empty or None was not said: the currency is the instrument's then, `known_at` the beginning
    of the ex-date or now, whichever is earlier, `number` the next of the day.
    """

    kind: ActionKind
    ex_date: date
    new_shares: int | None = None
    old_shares: int | None = None
    amount: Decimal | None = None
    currency: str = ""
    pay_date: date | None = None
    known_at: datetime | None = None
    number: int | None = None


def parse_ratio(text: str) -> tuple[int, int]:
    """New and old shares in lowest terms of `4:1`, `4/1`, `4 for 1`, `4` or `0.1`.

    A number is that fraction exactly (0.1 is 1:10); one of six decimals or more is the simplest fraction
    that is written so (0.333333 is 1:3). Raises InvalidInput (`ratio`, invalid_ratio).
    """
    cleaned = text.strip()
    if match := _TWO.fullmatch(cleaned):
        new, old = int(match[1]), int(match[2])
        if new and old:
            return Fraction(new, old).as_integer_ratio()
    elif _NUMBER.fullmatch(cleaned) and (ratio := Decimal(cleaned)) > 0:
        return ratio_of(ratio)
    raise InvalidInput.field(
        "ratio",
        f"{text[:40]!r} is not a split's ratio; write new shares for old ones as 4:1, or a number such as 4 or 0.1.",
        code="invalid_ratio",
    )


def ratio_of(number: Decimal) -> tuple[int, int]:
    """New and old shares of a ratio that is written as one positive number."""
    exact = Fraction(number)
    places = -int(number.normalize().as_tuple().exponent)
    simple = exact.limit_denominator(_SMALL)
    if places >= _ROUNDED_FROM and round(simple, places) == exact:
        return simple.as_integer_ratio()
    return exact.as_integer_ratio()


def check_values(values: ActionValues, *, at: datetime) -> list[FieldError]:
    """Everything that is wrong with what an action says by itself, at that moment."""
    errors = [*_check_dates(values)]
    errors += _check_split(values) if values.kind == ActionKind.SPLIT else _check_dividend(values)
    if values.number is not None and not 1 <= values.number <= 100:
        errors.append(FieldError("number", "out_of_range", "The number of the day's actions is 1 to 100."))
    if values.known_at is not None and (values.known_at > at or values.known_at.date() < EARLIEST):
        errors.append(FieldError("known_at", "in_the_future", "Nothing is known from the future, or from before 1900."))
    return errors


def _check_dates(values: ActionValues) -> Iterator[FieldError]:
    for name in ("ex_date", "pay_date"):
        day: date | None = getattr(values, name)
        if day is not None and not EARLIEST <= day <= LATEST:
            yield FieldError(name, "out_of_range", f"Enter a date from {EARLIEST} to {LATEST}.")
    if values.pay_date is not None and values.pay_date < values.ex_date:
        message = f"The pay date {values.pay_date} lies before the ex-date {values.ex_date}."
        yield FieldError("pay_date", "pay_before_ex", message)


def _check_split(values: ActionValues) -> Iterator[FieldError]:
    if values.amount is not None or values.currency:
        field = "amount" if values.amount is not None else "currency"
        yield FieldError(field, "not_of_a_split", f"A split has no {field}.")
    new, old = values.new_shares, values.old_shares
    if new is None or old is None:
        yield FieldError("ratio", "required", "A split needs its ratio, as in 4:1.")
    elif new <= 0 or old <= 0 or max(new, old) > LARGEST_SHARES:
        yield FieldError("ratio", "invalid_ratio", "A ratio is two whole numbers above zero, as in 4:1.")
    elif new == old:
        yield FieldError("ratio", "no_split", f"{new}:{old} changes nothing.")
    elif max(Fraction(new, old), Fraction(old, new)) > LARGEST_RATIO:
        message = f"{new}:{old} is more than {LARGEST_RATIO:,} to 1; that is a typing error."
        yield FieldError("ratio", "ratio_too_large", message)


def _check_dividend(values: ActionValues) -> Iterator[FieldError]:
    if values.new_shares is not None or values.old_shares is not None:
        yield FieldError("ratio", "not_of_a_dividend", "A dividend has no ratio.")
    amount, currency = values.amount, values.currency
    if amount is None:
        yield FieldError("amount", "required", "A dividend needs its amount, cash a share.")
    elif not amount.is_finite() or amount <= 0:
        yield FieldError("amount", "not_positive", "Enter an amount above zero.")
    elif amount >= _LARGEST_AMOUNT:
        yield FieldError("amount", "too_large", "Enter an amount of at most 10 digits before the point.")
    elif significant_digits(amount) > SIGNIFICANT_DIGITS or amount != round(amount, PRICE_PLACES):
        yield FieldError("amount", "too_many_digits", "Enter at most 8 decimals and 15 digits.")
    if currency and not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        yield FieldError("currency", "invalid_currency", "Write three capital letters, as in USD.")


def known_by_default(ex_date: date, *, at: datetime) -> datetime:
    """When an action of which nobody says it became known: on its ex-date at the latest everybody saw it."""
    return min(datetime.combine(ex_date, time.min, tzinfo=UTC), at)
