"""Jumps that nothing explains: found after a load, lifted by what explains them, accepted by a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import OuterRef, Q, Subquery

from marketdata.bars.actions import find_adjusters
from marketdata.bars.pages import maker_for
from marketdata.bars.query import Adjustment, BarQuery
from marketdata.bars.reading import Window
from marketdata.models import DailyBar, IngestBatch, Instrument, Quarantine
from systemevents.models import Severity
from systemevents.services.audit import changes, columns, record_audit
from systemevents.services.events import record_event
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.decimals import PRICE_PLACES
from tradingsite.core.errors import Conflict, InvalidInput
from tradingsite.core.locking import lock
from tradingsite.core.text import storable
from tradingsite.core.timeframes import Timeframe
from tradingsite.core.transactions import in_transaction

if TYPE_CHECKING:
    # numpy and pyarrow would slow down every start.
    from marketdata.ingest.bars import Bars
    from marketdata.ingest.faults import Integers

LONGEST_NOTE = 500
#: The note of those that nobody accepted but something explains by now.
LIFTED = "Lifted: no jump is left with what is recorded now."
_EPOCH = date(1970, 1, 1)
# SQLite refuses long parameter lists.
_AT_ONCE = 200


@in_transaction
def accept_quarantine(*, actor: Actor, quarantine: Quarantine, note: str) -> Quarantine:
    """Let the instrument trade again in spite of this jump, and say why.

    Raises Forbidden without marketdata.change_quarantine, InvalidInput without a note, Conflict when it is
    accepted or lifted already.
    """
    actor.require("marketdata.change_quarantine")
    note = note.strip()
    if not note or len(note) > LONGEST_NOTE:
        raise InvalidInput.field("note", f"Say why, in at most {LONGEST_NOTE} characters.", code="required")
    stored = lock(quarantine)
    if stored.accepted_at is not None:
        raise Conflict(f"It is over already, since {stored.accepted_at:%Y-%m-%d %H:%M} UTC: {stored.note}")
    before = columns(stored)
    stored.accepted_at, stored.accepted_by_id, stored.note = clock.now(), actor.user_id, storable(note)
    stored.save(update_fields=["accepted_at", "accepted_by", "note"])
    was, now = changes(before, columns(stored))
    record_audit(actor, "quarantine.accepted", stored, before=was, after=now)
    return stored


@dataclass(frozen=True, slots=True)
class _Touched:
    """What a load wrote of an instrument: the first and the last date."""

    instrument: int
    first: date
    last: date
    has_candidate: bool


def quarantine_jumps(*, actor: Actor, batch: int, bars: Bars, instruments: Integers) -> None:
    """Quarantine the jumps that these daily bars bring, and lift those that they mend.

    Only inside the transaction that has written the bars, and the actions that came with them.
    """
    if not settings.JUMP_LIMIT or not len(bars):
        return
    touched = _touched(bars, instruments)
    edges = _edge_jumps(touched)
    open_ones = _with_quarantines([of.instrument for of in touched])
    chosen = [of for of in touched if of.has_candidate or of.instrument in edges or of.instrument in open_ones]
    known = Instrument.objects.in_bulk([of.instrument for of in chosen])
    for of in chosen:
        review_jumps(actor=actor, instrument=known[of.instrument], first=of.first, last=of.last, batch=batch)


def review_jumps(
    *,
    actor: Actor,
    instrument: Instrument,
    first: date | None = None,
    last: date | None = None,
    batch: int | None = None,
) -> None:
    """Bring an instrument's quarantines to what its daily bars and corporate actions say now.

    New ones are only of the bars from `first` to the one after `last`. What somebody accepted stays accepted.
    Only inside a transaction.
    """
    from marketdata.bars.jumps import find_jumps

    if not settings.JUMP_LIMIT:
        return
    # Two who find the same jump wait for each other.
    lock(instrument)
    at = clock.now()
    query = BarQuery((instrument.symbol,), Timeframe.DAY_1, adjustment=Adjustment.ALL)
    maker = maker_for(query, instrument, at=at)
    if maker.shelf.timeframe != Timeframe.DAY_1:
        return
    stored = list(Quarantine.objects.filter(instrument=instrument, timeframe=Timeframe.DAY_1))
    adjuster = find_adjusters(query, {instrument.symbol: instrument}, {instrument.symbol: maker}, at=at)
    raw = maker.shelf.series(instrument, Window(None, None))
    places = find_jumps(adjuster[instrument.symbol](raw), limit=settings.JUMP_LIMIT / 100)
    jumps = {raw.start[place].astype(datetime).replace(tzinfo=UTC): place for place in places.tolist()}
    for row in stored:
        _settle(actor, row, is_jump=row.start in jumps, at=at)
    known = {row.start for row in stored}
    bounds = _bounds(raw.start, first, last)
    fresh = [
        Quarantine(
            instrument=instrument,
            timeframe=Timeframe.DAY_1,
            start=start,
            close_before=_price(raw.close[place - 1]),
            open_after=_price(raw.open[place]),
            batch=None if batch is None else IngestBatch(pk=batch),
            found_at=at,
        )
        for start, place in jumps.items()
        if start not in known and bounds[0] <= place <= bounds[1]
    ]
    if fresh:
        _open(actor, instrument, fresh)


def _bounds(starts: Any, first: date | None, last: date | None) -> tuple[int, int]:
    """The positions of the bars from `first` to the one after `last`."""
    import numpy as np

    begin = 0 if first is None else int(np.searchsorted(starts, np.datetime64(first, "us")))
    end = len(starts) if last is None else int(np.searchsorted(starts, np.datetime64(last, "us"), side="right"))
    return begin, end


def _settle(actor: Actor, row: Quarantine, *, is_jump: bool, at: datetime) -> None:
    """Lift a row whose jump is gone; open one again that was lifted and is a jump again."""
    lifted = row.accepted_at is not None and row.accepted_by_id is None and row.note == LIFTED
    if row.accepted_at is None and not is_jump:
        row.accepted_at, row.note, action = at, LIFTED, "quarantine.lifted"
    elif lifted and is_jump:
        row.accepted_at, row.note, action = None, "", "quarantine.opened"
    else:
        return
    row.save(update_fields=["accepted_at", "note"])
    record_audit(actor, action, row, after={"accepted_at": row.accepted_at, "note": row.note})


def _open(actor: Actor, instrument: Instrument, rows: Sequence[Quarantine]) -> None:
    Quarantine.objects.bulk_create(rows, batch_size=_AT_ONCE)
    days = [row.start.date().isoformat() for row in rows]
    record_audit(actor, "quarantine.opened", instrument, after={"days": days, "limit_percent": settings.JUMP_LIMIT})
    record_event(
        actor=actor,
        event_type="marketdata.quarantined",
        source="marketdata.quarantines",
        severity=Severity.WARNING,
        description=f"{instrument.symbol} jumped by more than {settings.JUMP_LIMIT} % on {', '.join(days[:5])}"
        f"{' …' if len(days) > 5 else ''}, and no corporate action explains it: look, and accept it or mend the bars.",
        details={"symbol": instrument.symbol, "days": days[:100]},
    )


def _touched(bars: Bars, instruments: Integers) -> list[_Touched]:
    """The instruments of the bars, with whether one bar jumps against the one before it here."""
    import numpy as np

    from marketdata.bars.jumps import jumped

    of = instruments[bars.symbol]
    order = np.lexsort((bars.slot, of))
    of, slot = of[order], bars.slot[order]
    opened, closed = (bars.numbers[name].values[order] for name in ("open", "close"))
    far = np.zeros(len(of), dtype=np.bool_)
    if len(of) > 1:
        far[1:] = jumped(closed[:-1], opened[1:], closed[1:], limit=settings.JUMP_LIMIT / 100) & (of[1:] == of[:-1])
    begins = np.flatnonzero(np.concatenate([[True], of[1:] != of[:-1]]))
    ends = np.concatenate([begins[1:], [len(of)]])
    return [
        _Touched(int(of[a]), _day(int(slot[a])), _day(int(slot[b - 1])), bool(far[a:b].any()))
        for a, b in zip(begins.tolist(), ends.tolist(), strict=True)
    ]


def _edge_jumps(touched: Sequence[_Touched]) -> set[int]:
    """Whose first bar jumps against the stored one before it, or the stored one after the last against that."""
    found: set[int] = set()
    limit = Decimal(settings.JUMP_LIMIT) / 100
    other = DailyBar.objects.filter(instrument_id=OuterRef("instrument_id"))
    before = other.filter(date__lt=OuterRef("date")).order_by("-date")
    after = other.filter(date__gt=OuterRef("date")).order_by("date")
    for start in range(0, len(touched), _AT_ONCE):
        part = touched[start : start + _AT_ONCE]
        edges = {(of.instrument, of.first) for of in part} | {(of.instrument, of.last) for of in part}
        rows = DailyBar.objects.filter(
            Q(date__in={of.first for of in part}) | Q(date__in={of.last for of in part}),
            instrument_id__in=[of.instrument for of in part],
        ).annotate(
            close_before=Subquery(before.values("close")[:1]),
            open_next=Subquery(after.values("open")[:1]),
            close_next=Subquery(after.values("close")[:1]),
        )
        for row in rows:
            if (row.instrument_id, row.date) not in edges:
                continue
            pairs = [(row.close_before, (row.open, row.close)), (row.close, (row.open_next, row.close_next))]
            if any(_is_far(base, prices, limit) for base, prices in pairs):
                found.add(row.instrument_id)
    return found


def _is_far(base: Decimal | None, prices: Iterable[Decimal | None], limit: Decimal) -> bool:
    return base is not None and base > 0 and any(p is not None and abs(p - base) > limit * base for p in prices)


def _with_quarantines(instruments: Sequence[int]) -> set[int]:
    """Those that have any that a person did not accept."""
    found: set[int] = set()
    for start in range(0, len(instruments), _AT_ONCE):
        rows = Quarantine.objects.filter(instrument_id__in=instruments[start : start + _AT_ONCE])
        found.update(rows.filter(Q(accepted_at=None) | Q(note=LIFTED)).values_list("instrument_id", flat=True))
    return found


def _day(slot: int) -> date:
    return _EPOCH + timedelta(days=slot)


def _price(unscaled: Any) -> Decimal:
    return Decimal(int(unscaled)).scaleb(-PRICE_PLACES)


def review_after_actions(*, actor: Actor, actions: Iterable[Any]) -> None:
    """Look again at the quarantines of instruments whose corporate actions have changed."""
    days: dict[int, list[date]] = defaultdict(list)
    for action in actions:
        days[action.instrument_id].append(action.ex_date)
    known = Instrument.objects.in_bulk(sorted(days))
    for key, of in sorted(days.items()):
        # A jump shows at the first bar from the ex-date on.
        review_jumps(actor=actor, instrument=known[key], first=min(of), last=max(of))
