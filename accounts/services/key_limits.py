"""What a key is cut down to when it is made: checked once, kept as plain columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

from accounts.models import ApiKey
from accounts.scopes import SCOPES
from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import FieldError, InvalidInput, NotFound
from tradingsite.core.symbols import normalise_symbol

if TYPE_CHECKING:
    from accounts.models import User

MOST_ENTRIES = 100


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What a key is less than its owner; empty means no limit, and scopes that are not named no administration.

    `portfolio` is the id of one that the owner sees. `symbols` and `daily_notional` are kept for
    the trading that a key does.
    """

    scopes: Sequence[str] | None = None
    allowed_addresses: Sequence[str] | None = None
    portfolio: int | None = None
    symbols: Sequence[str] | None = None
    daily_notional: Decimal | None = None


NO_LIMITS = KeyLimits()


def checked_limits(limits: KeyLimits, owner: User) -> dict[str, Any]:
    """The limits as columns of a key of this owner.

    Raises InvalidInput naming the field that is wrong, NotFound for a portfolio that the owner does not see.
    """
    return {
        "scopes": _scopes(limits.scopes),
        "allowed_addresses": _networks(limits.allowed_addresses),
        "portfolio_id": _portfolio(limits.portfolio, owner),
        "symbols": _symbols(limits.symbols),
        "daily_notional": _notional(limits.daily_notional),
    }


def limits_of(key: ApiKey) -> dict[str, Any]:
    """The same columns as a key has them, for the one that follows it."""
    names = ("scopes", "allowed_addresses", "portfolio_id", "symbols", "daily_notional")
    return {name: getattr(key, name) for name in names}


def _scopes(names: Sequence[str] | None) -> list[str] | None:
    if not names:
        return None
    if unknown := set(names) - set(SCOPES):
        raise InvalidInput.field(
            "scopes", f"There is no scope {min(unknown)[:40]!r}; there are {', '.join(SCOPES)}.", code="unknown_scope"
        )
    # In the order of the table, each once.
    return [scope for scope in SCOPES if scope in names]


def _networks(texts: Sequence[str] | None) -> list[str] | None:
    networks = []
    for text in texts or ():
        try:
            networks.append(str(ip_network(text.strip(), strict=False)))
        except ValueError:
            raise InvalidInput.field(
                "allowed_addresses",
                f"{text[:50]!r} is no network; write 10.0.0.0/8, or one address.",
                code="invalid_network",
            ) from None
    return _at_most(networks, field="allowed_addresses")


def _symbols(texts: Sequence[str] | None) -> list[str] | None:
    symbols = []
    for text in texts or ():
        try:
            symbols.append(normalise_symbol(text))
        except InvalidInput as error:
            raise InvalidInput.field("symbols", error.detail, code=error.errors[0].code) from None
    return _at_most(symbols, field="symbols")


def _at_most(entries: Iterable[str], *, field: str) -> list[str] | None:
    unique = list(dict.fromkeys(entries))
    if len(unique) > MOST_ENTRIES:
        raise InvalidInput.field(field, f"At most {MOST_ENTRIES} can be named.", code="too_many")
    return unique or None


def _portfolio(pk: int | None, owner: User) -> int | None:
    if pk is None:
        return None
    # Through the foreign key, because no module here may know those above it.
    portfolios: Any = ApiKey._meta.get_field("portfolio").related_model._default_manager
    if not portfolios.visible_to(Actor.of(owner, front=Front.API)).filter(pk=pk).exists():
        message = "The owner has no portfolio with this id."
        raise NotFound(message, errors=[FieldError("portfolio", "not_found", message)])
    return pk


def _notional(amount: Decimal | None) -> Decimal | None:
    if amount is None:
        return None
    try:
        ApiKey._meta.get_field("daily_notional").run_validators(amount)
    except ValidationError as error:
        raise InvalidInput.field("daily_notional", " ".join(error.messages)) from None
    if amount <= 0:
        raise InvalidInput.field("daily_notional", "The amount must be above zero.", code="not_positive")
    return amount
