"""Finding, making and changing instruments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from marketdata.calendars import is_calendar
from marketdata.ingest.options import find_zone
from marketdata.models import AssetClass, Instrument
from systemevents.services.audit import changes, columns, record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, FieldError, InvalidInput, UnknownSymbol
from tradingsite.core.locking import lock
from tradingsite.core.symbols import normalise_symbol
from tradingsite.core.transactions import in_transaction

# What a person may set, in the order in which it is shown; the rest is kept by the software.
EDITABLE = (
    "symbol",
    "company_name",
    "asset_class",
    "exchange",
    "calendar",
    "currency",
    "time_zone",
    "sector",
    "industry",
    "market_cap",
    "tick_size",
    "quantity_step",
    "lot_size",
    "multiplier",
    "is_simulated",
    "is_active",
)
# SQLite refuses long parameter lists.
_LOOKUP = 500


def get_instrument(symbol: str) -> Instrument:
    """The instrument with this symbol, however it was typed.

    Raises InvalidInput when the text can't be a symbol, UnknownSymbol when nobody has it.
    """
    wanted = normalise_symbol(symbol)
    instrument = Instrument.objects.filter(symbol=wanted).first()
    if instrument is None:
        raise UnknownSymbol.field("symbol", f"No instrument has the symbol {wanted}.", code="unknown_symbol")
    return instrument


def find_instruments(symbols: Iterable[str]) -> dict[str, Instrument]:
    """The instruments that exist of these normalised symbols, by symbol."""
    wanted = list(symbols)
    found: dict[str, Instrument] = {}
    for start in range(0, len(wanted), _LOOKUP):
        part = wanted[start : start + _LOOKUP]
        found.update({instrument.symbol: instrument for instrument in Instrument.objects.filter(symbol__in=part)})
    return found


@in_transaction
def create_instruments(
    *,
    actor: Actor,
    symbols: Iterable[str],
    asset_class: AssetClass = AssetClass.EQUITY,
    is_simulated: bool = False,
) -> list[Instrument]:
    """Make bare instruments of the symbols that nobody has yet, with one audit entry naming them.

    Answers those made. Raises Forbidden without marketdata.add_instrument, InvalidInput for a
    text that can't be a symbol.
    """
    actor.require("marketdata.add_instrument")
    wanted = list(dict.fromkeys(normalise_symbol(symbol) for symbol in symbols))
    try:
        with transaction.atomic():
            return _create_missing(actor, wanted, asset_class=asset_class, is_simulated=is_simulated)
    except IntegrityError:
        # Somebody made one of them just now; the second look finds it.
        return _create_missing(actor, wanted, asset_class=asset_class, is_simulated=is_simulated)


def _create_missing(
    actor: Actor, symbols: list[str], *, asset_class: AssetClass, is_simulated: bool
) -> list[Instrument]:
    known = find_instruments(symbols)
    missing = [symbol for symbol in symbols if symbol not in known]
    if not missing:
        return []
    Instrument.objects.bulk_create(
        [Instrument(symbol=symbol, asset_class=asset_class, is_simulated=is_simulated) for symbol in missing],
        batch_size=_LOOKUP,
    )
    record_audit(
        actor,
        "instruments.created",
        after={"symbols": missing, "asset_class": asset_class, "is_simulated": is_simulated},
    )
    # Looked up, because MySQL does not answer the keys of a bulk insert.
    made = find_instruments(missing)
    return [made[symbol] for symbol in missing]


@in_transaction
def save_instrument(*, actor: Actor, values: Mapping[str, Any], instrument: Instrument | None = None) -> Instrument:
    """Make an instrument of these values, or change an existing one's; saving the same again changes nothing.

    `values` are columns of EDITABLE. Symbol, calendar and time zone are checked against what
    exists. Raises Forbidden without marketdata.add_instrument or change_instrument; InvalidInput
    whose `errors` name the fields; Conflict when the symbol is taken or would change.
    """
    actor.require("marketdata.add_instrument" if instrument is None else "marketdata.change_instrument")
    if foreign := set(values) - set(EDITABLE):
        raise InvalidInput.field(min(foreign), f"{min(foreign)} can't be set.", code="not_editable")
    if instrument is None:
        saved, before = Instrument(), {}
    else:
        saved = lock(instrument)
        before = columns(saved)
    for name, value in values.items():
        setattr(saved, name, value)
    _check(saved)
    if instrument is not None and saved.symbol != before["symbol"]:
        # Positions, orders and bars in the archive name the instrument by its symbol.
        raise Conflict(f"The symbol of {before['symbol']} can't change; make a new instrument instead.")
    return _save(actor, saved, before)


def _save(actor: Actor, instrument: Instrument, before: dict[str, Any]) -> Instrument:
    was, now = changes(before, columns(instrument))
    if before and not set(now) - {"updated_at"}:
        return instrument
    try:
        with transaction.atomic():
            instrument.save()
    except IntegrityError:
        raise Conflict(f"There is already an instrument with the symbol {instrument.symbol}.") from None
    if before:
        record_audit(actor, "instrument.changed", instrument, before=was, after=now)
    else:
        record_audit(actor, "instrument.created", instrument, after=columns(instrument))
    return instrument


def _check(instrument: Instrument) -> None:
    """Raise InvalidInput naming every field that is wrong."""
    errors: list[FieldError] = []
    try:
        instrument.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        for field, problems in error.error_dict.items():
            for problem in problems:
                message = " ".join(problem.messages)
                errors.append(FieldError(field, str(problem.code or "invalid"), message))
    for field in ("tick_size", "quantity_step", "lot_size", "multiplier"):
        value = getattr(instrument, field)
        if value is not None and not any(error.field == field for error in errors) and value <= 0:
            errors.append(FieldError(field, "not_positive", "Enter a number above zero."))
    errors += _check_names(instrument)
    if errors:
        raise InvalidInput(" ".join(f"{error.field}: {error.message}" for error in errors), errors=errors)


def _check_names(instrument: Instrument) -> list[FieldError]:
    errors: list[FieldError] = []
    if instrument.time_zone:
        try:
            find_zone(instrument.time_zone)
        except InvalidInput as error:
            errors += error.errors
    if instrument.calendar and not is_calendar(instrument.calendar):
        message = f"{instrument.calendar!r} is not an exchange calendar; write a code such as XNYS, or 24/7."
        errors.append(FieldError("calendar", "invalid_calendar", message))
    if instrument.currency and not (
        len(instrument.currency) == 3 and instrument.currency.isascii() and instrument.currency.isupper()
    ):
        errors.append(FieldError("currency", "invalid_currency", "Write three capital letters, as in USD."))
    return errors
