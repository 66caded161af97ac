"""Corporate actions in bulk: from files, and from what the daily rows of a source say."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from marketdata.actions.reading import ActionSource, parse_row
from marketdata.actions.values import ActionValues
from marketdata.ingest.options import OnError
from marketdata.ingest.summary import REJECTS_KEPT, Counts, LoadSummary, Reject, RowsRefused
from marketdata.models import (
    ActionKind,
    BatchKind,
    BatchStatus,
    CorporateAction,
    IngestBatch,
    Instrument,
)
from marketdata.services.corporate_actions import currency_error, live_actions, made, same
from marketdata.services.instruments import find_instruments
from marketdata.services.quarantines import review_after_actions
from systemevents.services.audit import record_audit
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import InvalidInput
from tradingsite.core.locking import lock_all
from tradingsite.core.text import storable
from tradingsite.core.transactions import in_transaction

# SQLite refuses long parameter lists.
_AT_ONCE = 500
Key = tuple[int, ActionKind, date]


@dataclass(slots=True)
class Changes:
    """What a load does to the table, and what became of its rows."""

    batch: IngestBatch
    at: datetime
    counts: Counts = field(default_factory=Counts)
    retracted: list[int] = field(default_factory=list)
    entered: list[CorporateAction] = field(default_factory=list)

    def enter(self, instrument: Instrument, values: ActionValues, number: int) -> None:
        self.entered.append(
            made(instrument, values, number=number, source=self.batch.source, at=self.at, batch=self.batch)
        )
        self.counts.inserted += 1

    def replace(self, instrument: Instrument, values: ActionValues, old: CorporateAction) -> None:
        assert old.number is not None  # noqa: S101  # only retracted ones have none
        self.retracted.append(old.pk)
        new = made(
            *(instrument, values),
            number=old.number,
            source=self.batch.source,
            at=self.at,
            batch=self.batch,
            instead_of=old,
        )
        self.entered.append(new)
        self.counts.updated += 1

    def write(self) -> None:
        for part in in_parts(self.retracted):
            CorporateAction.objects.filter(pk__in=part).update(retracted_at=self.at, number=None)
        CorporateAction.objects.bulk_create(self.entered, batch_size=_AT_ONCE)


@in_transaction
def load_corporate_actions(*, actor: Actor, source: ActionSource, on_error: OnError = OnError.REJECT) -> LoadSummary:
    """Enter a source's splits and dividends, all in one transaction; loading the same again changes nothing.

    A row that differs from the action stored for its symbol, kind, ex-date and number takes its place: the
    stored one is retracted, the row entered anew ("updated"); what the row leaves open stays as it was. Rows
    without a number are those of the day in the order in which they come. A bad row is left out and named, or
    with `OnError.ABORT` nothing is written (RowsRefused). Raises Forbidden without
    marketdata.add_corporateaction and change_corporateaction.
    """
    actor.require("marketdata.add_corporateaction")
    actor.require("marketdata.change_corporateaction")
    at = clock.now()
    checked = _Checked(source, at=at)
    if checked.rejects and on_error == OnError.ABORT:
        first = checked.rejects[0]
        raise RowsRefused(
            f"{source.name}: {len(checked.rejects):,} of {len(source.rows):,} rows are bad, so nothing was loaded. "
            f"The first is line {first.line}: {first.message}",
            read=len(source.rows),
            rejected=len(checked.rejects),
            rejects=checked.rejects[:REJECTS_KEPT],
        )
    batch = _start_batch(actor, source.name)
    changes = Changes(batch, at)
    lock_instruments({instrument.pk for instrument, _ in checked.rows})
    _merge(checked.rows, changes)
    changes.write()
    review_after_actions(actor=actor, actions=changes.entered)
    changes.counts.rejected = len(checked.rejects)
    _finish(actor, batch, changes.counts, _digest(checked.rows))
    return LoadSummary(source=source.name, counts=changes.counts, rejects=checked.rejects[:REJECTS_KEPT], batch=batch)


class _Checked:
    """The good rows of a source with their instruments, and every other one with its reason."""

    def __init__(self, source: ActionSource, *, at: datetime) -> None:
        self.rejects: list[Reject] = []
        self.rows: list[tuple[Instrument, ActionValues]] = []
        parsed: list[tuple[int, str, ActionValues]] = []
        for row in source.rows:
            try:
                parsed.append((row.line, *parse_row(row, at=at)))
            except InvalidInput as error:
                self._reject(row.line, error.errors[0].code, error.detail)
        instruments = find_instruments(dict.fromkeys(symbol for _, symbol, _ in parsed))
        seen: dict[Key, list[ActionValues]] = defaultdict(list)
        for line, symbol, values in parsed:
            instrument = instruments.get(symbol)
            if instrument is None:
                self._reject(line, "unknown_symbol", f"No instrument has the symbol {symbol}.")
            elif wrong := currency_error(instrument, values):
                self._reject(line, wrong.code, wrong.message)
            elif _comes_again(values, seen[_key(instrument, values)]):
                day = f"{symbol} has this {values.kind} on {values.ex_date} in this input already, further up"
                self._reject(line, "duplicate", f"{day}; where the day has two, say so by their number.")
            else:
                seen[_key(instrument, values)].append(values)
                self.rows.append((instrument, values))
        self.rejects.sort(key=lambda reject: reject.line)

    def _reject(self, line: int, code: str, message: str) -> None:
        self.rejects.append(Reject(line, code, message))


def _comes_again(values: ActionValues, seen: Sequence[ActionValues]) -> bool:
    if values.number is not None:
        return any(other.number == values.number for other in seen)
    if values.kind == ActionKind.SPLIT:
        return bool(seen)
    return any((other.amount, other.currency, other.number) == (values.amount, values.currency, None) for other in seen)


def _key(instrument: Instrument, values: ActionValues) -> Key:
    return instrument.pk, values.kind, values.ex_date


def _merge(rows: Sequence[tuple[Instrument, ActionValues]], changes: Changes) -> None:
    by_day: dict[Key, list[tuple[Instrument, ActionValues]]] = defaultdict(list)
    for instrument, values in rows:
        by_day[_key(instrument, values)].append((instrument, values))
    stored = stored_actions(by_day)
    for key, of_day in by_day.items():
        _merge_day(of_day, stored.get(key, []), changes)


def _merge_day(rows: list[tuple[Instrument, ActionValues]], live: list[CorporateAction], changes: Changes) -> None:
    """Pair the rows of a day with what is stored of it: by number, else with an equal one, else in order."""
    free = {action.number: action for action in sorted(live, key=lambda action: action.number or 0)}
    taken = set(free)
    later = []
    for instrument, values in sorted(rows, key=lambda row: row[1].number is None):
        if values.number is not None:
            old = free.pop(values.number, None)
        else:
            old = next((action for action in free.values() if same(action, values)), None)
            if old is None:
                later.append((instrument, values))
                continue
            del free[old.number]
        _settle(instrument, values, old, changes, number=values.number or 0)
        taken.add(values.number)
    for instrument, values in later:
        old = free.pop(min(number for number in free if number), None) if free else None
        number = next(number for number in range(1, len(taken) + 2) if number not in taken)
        _settle(instrument, values, old, changes, number=number)
        taken.add(number if old is None else old.number)


def _settle(
    instrument: Instrument, values: ActionValues, old: CorporateAction | None, changes: Changes, *, number: int
) -> None:
    if old is None:
        changes.enter(instrument, values, number)
    elif same(old, values):
        changes.counts.unchanged += 1
    else:
        changes.replace(instrument, values, old)


def stored_actions(keys: Iterable[Key]) -> dict[Key, list[CorporateAction]]:
    """What holds now of these instruments, by day and kind."""
    wanted = set(keys)
    found: dict[Key, list[CorporateAction]] = defaultdict(list)
    for part in in_parts(sorted({instrument for instrument, _, _ in wanted})):
        for action in live_actions(part).select_related("batch"):
            key = (action.instrument_id, ActionKind(action.kind), action.ex_date)
            if key in wanted:
                found[key].append(action)
    return found


def _start_batch(actor: Actor, source: str) -> IngestBatch:
    return IngestBatch.objects.create(
        source=storable(source)[:255], kind=BatchKind.ACTIONS, started_by_id=actor.user_id
    )


def _finish(actor: Actor, batch: IngestBatch, counts: Counts, digest: str) -> None:
    for name, value in counts.as_dict().items():
        setattr(batch, name, value)
    batch.status, batch.finished_at, batch.digest = BatchStatus.FINISHED, clock.now(), digest
    batch.save()
    record_audit(actor, "actions.ingested", batch, after={"source": batch.source, **counts.as_dict(), "digest": digest})


def _digest(rows: Sequence[tuple[Instrument, ActionValues]]) -> str:
    """The same for the same actions in the same order: SHA-256 over a line of text for each."""
    digest = hashlib.sha256()
    for instrument, v in rows:
        amount = "" if v.amount is None else format(v.amount.normalize(), "f")
        known = "" if v.known_at is None else v.known_at.isoformat()
        said = (v.kind, v.ex_date, v.new_shares, v.old_shares, amount, v.currency, v.pay_date, known, v.number)
        digest.update("|".join([instrument.symbol, *("" if part is None else str(part) for part in said)]).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def lock_instruments(instruments: Iterable[int]) -> None:
    """Make whoever else enters actions of these wait; in the order of their keys."""
    for part in in_parts(sorted(set(instruments))):
        lock_all(Instrument, part)


def in_parts(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]
