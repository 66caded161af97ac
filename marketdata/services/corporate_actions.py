"""Splits and dividends, one at a time: recorded, retracted, never edited. Files go through `action_loads`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from marketdata.actions.values import ActionValues, check_values, known_by_default
from marketdata.models import ActionKind, CorporateAction, IngestBatch, Instrument
from marketdata.services.instruments import get_instrument
from marketdata.services.quarantines import review_after_actions
from systemevents.services.audit import changes, columns, record_audit
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, FieldError, InvalidInput
from tradingsite.core.locking import lock
from tradingsite.core.text import storable
from tradingsite.core.transactions import in_transaction
from tradingsite.core.visibility import EverybodysQuerySet

LONGEST_REASON = 500


@in_transaction
def record_corporate_action(*, actor: Actor, symbol: str, values: ActionValues, source: str = "") -> CorporateAction:
    """Enter a split or a dividend of a known symbol; from then on prices are adjusted by it.

    Raises Forbidden without marketdata.add_corporateaction; UnknownSymbol; InvalidInput naming the fields;
    Conflict when the day has it already: a second dividend of a day says its `number`.
    """
    actor.require("marketdata.add_corporateaction")
    errors = check_values(values, at=clock.now())
    if errors:
        raise InvalidInput(" ".join(error.message for error in errors), errors=errors)
    # Locked, so that two who enter the same wait for each other.
    instrument = lock(get_instrument(symbol))
    if error := currency_error(instrument, values):
        raise InvalidInput(error.message, errors=[error])
    live = list(live_actions([instrument.pk]).filter(kind=values.kind, ex_date=values.ex_date))
    if values.number is None and ((live and values.kind == ActionKind.SPLIT) or any(same(a, values) for a in live)):
        raise Conflict(
            f"There is already: {', '.join(map(str, live))}. Retract what is wrong; where the day really has another, "
            f"say number={next_number(live)}."
        )
    if values.number is not None and any(action.number == values.number for action in live):
        raise Conflict(f"Number {values.number} of that day is taken: {', '.join(map(str, live))}.")
    action = made(instrument, values, number=values.number or next_number(live), source=source, at=clock.now())
    action.save(force_insert=True)
    record_audit(actor, "corporate_action.recorded", action, after=columns(action))
    review_after_actions(actor=actor, actions=[action])
    return action


@in_transaction
def retract_corporate_action(*, actor: Actor, action: CorporateAction, reason: str) -> CorporateAction:
    """Take an action back: prices are answered as if it had never been; what was known until now stays on record.

    Raises Forbidden without marketdata.change_corporateaction, InvalidInput without a reason, Conflict when
    it is retracted already.
    """
    actor.require("marketdata.change_corporateaction")
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise InvalidInput.field("reason", f"Say why, in at most {LONGEST_REASON} characters.", code="required")
    stored = lock(action)
    if stored.retracted_at is not None:
        raise Conflict(f"It was retracted already, on {stored.retracted_at:%Y-%m-%d %H:%M} UTC.")
    before = columns(stored)
    stored.retracted_at, stored.number = clock.now(), None
    stored.save(update_fields=["retracted_at", "number"])
    was, now = changes(before, columns(stored))
    record_audit(actor, "corporate_action.retracted", stored, before=was, after={**now, "reason": storable(reason)})
    review_after_actions(actor=actor, actions=[stored])
    return stored


def live_actions(instruments: Iterable[int]) -> EverybodysQuerySet[CorporateAction]:
    """The actions of these instruments that hold now."""
    return CorporateAction.objects.filter(instrument_id__in=list(instruments), retracted_at__isnull=True)


def made(
    instrument: Instrument,
    values: ActionValues,
    *,
    number: int,
    source: str,
    at: datetime,
    batch: IngestBatch | None = None,
    instead_of: CorporateAction | None = None,
) -> CorporateAction:
    """The row of these values, not saved yet; what they leave open is as in the one it stands in for."""
    pay_date, known_at = values.pay_date, values.known_at
    if instead_of is not None:
        pay_date, known_at = pay_date or instead_of.pay_date, known_at or instead_of.known_at
    is_dividend = values.kind == ActionKind.DIVIDEND
    return CorporateAction(
        instrument=instrument,
        kind=values.kind,
        ex_date=values.ex_date,
        number=number,
        new_shares=values.new_shares,
        old_shares=values.old_shares,
        amount=values.amount,
        currency=(values.currency or instrument.currency) if is_dividend else "",
        pay_date=pay_date,
        known_at=known_at or known_by_default(values.ex_date, at=at),
        source=storable(source)[:255],
        batch=batch,
        recorded_at=at,
    )


def same(action: CorporateAction, values: ActionValues) -> bool:
    """Whether the stored action says all that these values say; what they leave open is no difference."""
    return (
        (action.new_shares, action.old_shares, action.amount) == (values.new_shares, values.old_shares, values.amount)
        and (not values.currency or action.currency == values.currency)
        and (values.pay_date is None or action.pay_date == values.pay_date)
        and (values.known_at is None or action.known_at == values.known_at)
    )


def next_number(live: Iterable[CorporateAction]) -> int:
    """The first number that none of the day's actions of a kind has."""
    taken = {action.number for action in live}
    return next(number for number in range(1, len(taken) + 2) if number not in taken)


def currency_error(instrument: Instrument, values: ActionValues) -> FieldError | None:
    """What is wrong with the currency of a dividend, once the instrument is known."""
    if values.kind == ActionKind.DIVIDEND and not (values.currency or instrument.currency):
        message = f"Name the dividend's currency: {instrument.symbol} has none in the metadata."
        return FieldError("currency", "required", message)
    return None
