"""Writing down what models and people say about symbols."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError

from accounts.services.owners import owner_for
from marketdata.models import AssetClass
from marketdata.models.instrument import CAN_GO_NEGATIVE
from marketdata.services.instruments import get_instrument
from portfolio.models import Portfolio
from systemevents.services.audit import columns, record_audit
from trading.models import Signal, SignalType
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import FieldError, InvalidInput
from tradingsite.core.grants import Grant, require
from tradingsite.core.timeframes import Timeframe
from tradingsite.core.transactions import in_transaction

if TYPE_CHECKING:
    from accounts.models import User

MAX_REASONS = 50
MAX_REASON_LENGTH = 1000
# Clocks of other machines may go ahead a little.
CLOCK_TOLERANCE = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Levels:
    """The prices that a signal names, in the instrument's currency; None where it names none."""

    entry_price: Decimal | None = None
    target_price: Decimal | None = None
    stop_loss: Decimal | None = None


@in_transaction
def record_signal(
    *,
    actor: Actor,
    symbol: str,
    date: dt.date,
    signal_type: SignalType,
    timeframe: Timeframe = Timeframe.DAY_1,
    generated_at: dt.datetime | None = None,
    signal_value: Decimal | None = None,
    confidence: Decimal | None = None,
    levels: Levels | None = None,
    regime: str = "",
    reasons: Sequence[str] = (),
    portfolio: Portfolio | None = None,
    owner: User | None = None,
) -> Signal:
    """Write a signal down as it was given, the actor's own, or `owner`'s where the software acts.

    `date` is the session it is for; `generated_at` defaults to now; `confidence` is 0-100; prices
    are above zero except for asset classes that can go below. With a portfolio its members see it.

    Raises Forbidden without trading.add_signal or the propose grant on the portfolio,
    UnknownSymbol, and InvalidInput whose `errors` name the fields.
    """
    actor.require("trading.add_signal")
    if portfolio is not None:
        require(actor, Grant.PROPOSE, on=portfolio)
    instrument = get_instrument(symbol)
    levels = levels or Levels()
    signal = Signal(
        owner=owner_for(actor, owner, within=portfolio),
        portfolio=portfolio,
        symbol=instrument.symbol,
        date=date,
        timeframe=timeframe,
        generated_at=generated_at or clock.now(),
        signal_type=signal_type,
        signal_value=signal_value,
        confidence=confidence,
        entry_price=levels.entry_price,
        target_price=levels.target_price,
        stop_loss=levels.stop_loss,
        regime=regime.strip(),
        reasons=list(reasons),
    )
    _check(signal, levels=levels, asset_class=AssetClass(instrument.asset_class))
    signal.save()
    record_audit(actor, "signal.recorded", signal, after=columns(signal))
    return signal


def _check(signal: Signal, *, levels: Levels, asset_class: AssetClass) -> None:
    """Raise InvalidInput naming every field that is wrong."""
    errors: list[FieldError] = []
    try:
        signal.full_clean(exclude=["owner", "portfolio"], validate_constraints=False)
    except ValidationError as error:
        for name, problems in error.error_dict.items():
            errors += [FieldError(name, problem.code or "invalid", " ".join(problem.messages)) for problem in problems]
    if asset_class not in CAN_GO_NEGATIVE:
        for name in ("entry_price", "target_price", "stop_loss"):
            price = getattr(levels, name)
            if price is not None and price <= 0:
                errors.append(FieldError(name, "not_positive", "A price is above zero."))
    if signal.generated_at > clock.now() + CLOCK_TOLERANCE:
        errors.append(FieldError("generated_at", "in_the_future", "A signal can't be made in the future."))
    errors += _reason_errors(signal.reasons)
    if errors:
        first = errors[0]
        raise InvalidInput(f"{first.field}: {first.message}", errors=errors)


def _reason_errors(reasons: Sequence[object]) -> list[FieldError]:
    if len(reasons) > MAX_REASONS:
        return [FieldError("reasons", "too_many", f"Give at most {MAX_REASONS} reasons.")]
    if not all(isinstance(reason, str) and 0 < len(reason) <= MAX_REASON_LENGTH for reason in reasons):
        message = f"Each reason is a text of 1 to {MAX_REASON_LENGTH} characters."
        return [FieldError("reasons", "invalid_reason", message)]
    return []
