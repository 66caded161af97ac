"""What the daily rows of a source bring beside bars: dividends and splits in their columns, jumps in their prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from marketdata.actions.values import ActionValues, check_values, ratio_of
from marketdata.ingest import loading
from marketdata.ingest.bars import Bars
from marketdata.ingest.faults import Integers
from marketdata.ingest.summary import Counts
from marketdata.models import ActionKind, BatchKind, CorporateAction, IngestBatch, Instrument, PriceBasis
from marketdata.services.action_loads import Changes, Key, in_parts, lock_instruments, stored_actions
from marketdata.services.corporate_actions import next_number, same
from marketdata.services.quarantines import quarantine_jumps
from systemevents.services.audit import record_audit
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.decimals import PRICE_PLACES

_EPOCH = date(1970, 1, 1)


class BarMerge:
    """How a load brings bars into their table, with what follows from daily ones, in the same transaction."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    def __call__(self, bars: Bars, /, *, instruments: Integers, batch: int) -> Counts:
        counts = loading.merge(bars, instruments=instruments, batch=batch)
        if bars.table.is_daily and len(bars):
            take_over_actions(actor=self.actor, batch=batch, bars=bars, instruments=instruments)
            quarantine_jumps(actor=self.actor, batch=batch, bars=bars, instruments=instruments)
        return counts


def take_over_actions(*, actor: Actor, batch: int, bars: Bars, instruments: Integers) -> Counts:
    """Enter the dividends and splits in the columns of these daily bars; answers what became of them.

    0 and a split of 1 say nothing. What somebody entered or loaded as corporate actions stands, and what was
    retracted is not entered again; what came from daily rows before is replaced when a row differs. Dividends
    of prices that are adjusted are not taken over: they are in shares of later splits. Only inside the
    transaction that writes the bars, whose permission is enough.
    """
    if not any(_is_said(bars, name).any() for name in ("dividends", "stock_splits")):
        return Counts()
    loaded = IngestBatch.objects.get(pk=batch)
    at = clock.now()
    said = _said(bars, instruments, with_dividends=loaded.price_basis == PriceBasis.RAW, at=at)
    changes = Changes(loaded, at)
    keys = {key for key, _ in said}
    lock_instruments(instrument for instrument, _, _ in keys)
    stored, gone = stored_actions(keys), _retracted(keys)
    known = Instrument.objects.in_bulk({instrument for instrument, _, _ in keys})
    for key, values in said:
        live = stored.get(key, [])
        if not live and not any(same(action, values) for action in gone.get(key, [])):
            changes.enter(known[key[0]], values, next_number(live))
        elif live and not _adds_up(live, values) and _is_of_daily_rows(live):
            changes.replace(known[key[0]], values, live[0])
        else:
            changes.counts.unchanged += 1
    changes.write()
    if changes.counts.inserted or changes.counts.updated:
        record_audit(actor, "actions.taken_over", loaded, after=changes.counts.as_dict())
    return changes.counts


def _is_said(bars: Bars, name: str) -> npt.NDArray[np.bool_]:
    """Which rows have a number above zero in a column."""
    column = bars.numbers[name]
    said: npt.NDArray[np.bool_] = ~column.missing & (column.values > 0)
    return said


def _said(bars: Bars, instruments: Integers, *, with_dividends: bool, at: datetime) -> list[tuple[Key, ActionValues]]:
    """The actions in the columns, each once; what can't be meant is left out."""
    found: dict[Key, ActionValues] = {}
    columns = [("stock_splits", ActionKind.SPLIT), *([("dividends", ActionKind.DIVIDEND)] if with_dividends else [])]
    for name, kind in columns:
        for row in np.flatnonzero(_is_said(bars, name)).tolist():
            number = Decimal(int(bars.numbers[name].values[row])).scaleb(-PRICE_PLACES)
            day = _EPOCH + timedelta(days=int(bars.slot[row]))
            if kind == ActionKind.SPLIT:
                values = ActionValues(kind, day, *ratio_of(number))
            else:
                values = ActionValues(kind, day, amount=number)
            if not check_values(values, at=at):
                found[int(instruments[bars.symbol[row]]), kind, day] = values
    return list(found.items())


def _retracted(keys: Iterable[Key]) -> dict[Key, list[CorporateAction]]:
    found: dict[Key, list[CorporateAction]] = defaultdict(list)
    for part in in_parts(sorted({instrument for instrument, _, _ in keys})):
        for action in CorporateAction.objects.filter(instrument_id__in=part, retracted_at__isnull=False):
            found[action.instrument_id, ActionKind(action.kind), action.ex_date].append(action)
    return found


def _is_of_daily_rows(live: Sequence[CorporateAction]) -> bool:
    return len(live) == 1 and live[0].batch is not None and live[0].batch.kind == BatchKind.BARS


def _adds_up(live: Sequence[CorporateAction], values: ActionValues) -> bool:
    """Whether the day's actions together are what a source's column, which has one number a day, says."""
    if values.kind == ActionKind.DIVIDEND:
        return sum((action.amount or Decimal(0) for action in live), Decimal(0)) == values.amount
    new = old = 1
    for action in live:
        new, old = new * (action.new_shares or 1), old * (action.old_shares or 1)
    return new * (values.old_shares or 1) == old * (values.new_shares or 1)
