"""Decimal arithmetic that means the same on every engine; pure.

SQLite keeps decimals as doubles, which hold 15 significant digits and silently
corrupt longer ones. So no more than 15 are ever stored, anywhere.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

SIGNIFICANT_DIGITS = 15
MONEY_PLACES = 4
PRICE_PLACES = 8
VOLUME_PLACES = 6


def significant_digits(value: Decimal) -> int:
    """How many digits carry meaning: trailing and leading zeros do not count."""
    text = "".join(map(str, value.as_tuple().digits)).strip("0")
    return len(text) or 1


def round_decimal(value: Decimal, places: int) -> Decimal:
    """Round a computed value half-even to `places`, or to 15 significant digits where those are fewer."""
    # One rounding: to the places and then to the digits would round a half twice.
    kept = min(places, SIGNIFICANT_DIGITS - 1 - value.adjusted())
    with localcontext(Context(prec=60, rounding=ROUND_HALF_EVEN)):
        return value.quantize(Decimal(1).scaleb(-kept))


def round_money(value: Decimal) -> Decimal:
    """A computed amount of money, to 4 places."""
    return round_decimal(value, MONEY_PLACES)


def round_price(value: Decimal) -> Decimal:
    """A computed price or quantity, to 8 places."""
    return round_decimal(value, PRICE_PLACES)
