"""Sealing the audit trail, so that whoever changes it later is found out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection

from systemevents import selectors
from systemevents.canonical import (
    COLUMNS,
    FINGERPRINT_BYTES,
    VERSION,
    EntriesDigest,
    SealHead,
    entry_digest,
    gaps_between,
    key_name,
    ranges_of,
)
from systemevents.models import AuditSeal
from systemevents.services.audit import record_audit
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, Unavailable
from tradingsite.core.transactions import in_transaction

SEALED = "audit.sealed"
ENTRIES_PER_SEAL = 10_000
# How long a transaction may take from its first entry to its commit and still be sealed.
PATIENCE = timedelta(hours=24)
_ACTION_AT = 1 + COLUMNS.index("action")


def seal_audit(*, actor: Actor, progress: Callable[[int], object] | None = None) -> list[AuditSeal]:
    """Seal every entry that is committed and in no seal yet; answers the new seals, none when nothing was done since.

    Entries are read and hashed outside of any transaction; only adding a seal is one, of two
    inserts. Ids may be committed out of their order: one that appears below sealed ones goes into
    a later seal, as long as no more than PATIENCE lies between.
    Raises Unavailable without AUDIT_SEAL_KEY or with another than the last seal's, Conflict when
    another sealer was faster.
    """
    key = seal_key()
    last = selectors.last_seal()
    if last is not None and last.key_name != key_name(key):
        raise Unavailable(
            "AUDIT_SEAL_KEY is not the one that made the last seal: put the old one back, or nothing sealed so far "
            "can be verified."
        )
    made: list[AuditSeal] = []
    now = clock.now()
    waiting = _unsealed(last, through=selectors.last_entry_id())
    while rows := list(islice(waiting, ENTRIES_PER_SEAL)):
        if not made and all(row[_ACTION_AT] == SEALED for row in rows):
            # Nothing but our own last entry: sealing that would make the next one, for ever.
            rest = next(waiting, None)
            if rest is None:
                break
            waiting = chain([rest], waiting)
        last = _add_seal(actor=actor, head=_head(rows, last, key, now), key=key)
        made.append(last)
        if progress is not None:
            progress(sum(seal.entries for seal in made))
    return made


def seal_and_tell(actor: Actor) -> str:
    """The job: seals, and says how much in a sentence."""
    made = seal_audit(actor=actor)
    if not made:
        return "Nothing was done since the last seal."
    return f"Sealed {sum(seal.entries for seal in made)} entries; the last seal is number {made[-1].number}."


def seal_key() -> str:
    """AUDIT_SEAL_KEY; raises Unavailable when it is not set."""
    key = str(settings.AUDIT_SEAL_KEY)
    if not key:
        raise Unavailable("AUDIT_SEAL_KEY is not set: without it nothing can be sealed or verified.")
    return key


def _unsealed(last: AuditSeal | None, *, through: int) -> Iterator[tuple[Any, ...]]:
    """The rows in no seal, in the order of their ids; looks into every gap that is not closed."""
    closed = last.closed_through if last is not None else 0
    ranges = [
        pair for seal in AuditSeal.objects.filter(last_id__gt=closed).values_list("ranges", flat=True) for pair in seal
    ]
    for first, end in gaps_between(ranges, after=closed):
        if first <= through:
            yield from selectors.stored_entries(after=first - 1, through=through if end is None else end)


def _head(rows: list[tuple[Any, ...]], last: AuditSeal | None, key: str, now: datetime) -> SealHead:
    """The next seal over these rows, of a sealer that began to read at `now`."""
    total, fingerprints = EntriesDigest(), bytearray()
    for entry_id, *columns in rows:
        digest = entry_digest(columns)
        total.add(entry_id, digest)
        fingerprints += digest[:FINGERPRINT_BYTES]
    return SealHead(
        number=1 if last is None else last.number + 1,
        sealed_at=now,
        version=VERSION,
        ranges=ranges_of(row[0] for row in rows),
        first_id=rows[0][0],
        last_id=rows[-1][0],
        entries=len(rows),
        closed_through=_closed_through(last, now=now, read=rows[-1][0]),
        digest=total.text(),
        fingerprints=bytes(fingerprints),
        key_name=key_name(key),
        previous="" if last is None else last.code,
    )


def _closed_through(last: AuditSeal | None, *, now: datetime, read: int) -> int:
    """Up to which id no entry can still be on its way, for a sealer that began at `now` and has read so far.

    It has looked, in the order of the ids, into the gaps that the seals before left; those that
    were PATIENCE old by then are closed. Never by the clock alone: a day without a sealer would
    close gaps that nobody has looked into. SQLite has one writer at a time: nothing is overtaken.
    """
    already = 0 if last is None else last.closed_through
    if connection.vendor == "sqlite":
        return max(already, read)
    old = AuditSeal.objects.filter(sealed_at__lte=now - PATIENCE).order_by("-last_id")
    return max(already, min(old.values_list("last_id", flat=True).first() or 0, read))


def _add_seal(*, actor: Actor, head: SealHead, key: str) -> AuditSeal:
    """Write the seal with its entry in the trail; raises Conflict when its number is taken."""
    try:
        return _insert_seal(actor=actor, head=head, key=key)
    except IntegrityError as error:
        raise Conflict(f"Another sealer made seal {head.number} just now; sealing again goes on from there.") from error


@in_transaction
def _insert_seal(*, actor: Actor, head: SealHead, key: str) -> AuditSeal:
    seal = AuditSeal.objects.create(
        number=head.number,
        sealed_at=head.sealed_at,
        version=head.version,
        ranges=head.ranges,
        first_id=head.first_id,
        last_id=head.last_id,
        entries=head.entries,
        closed_through=head.closed_through,
        digest=head.digest,
        fingerprints=head.fingerprints,
        key_name=head.key_name,
        previous=head.previous,
        code=head.code(key),
    )
    record_audit(
        actor,
        SEALED,
        seal,
        after={"entries": head.entries, "first_id": head.first_id, "last_id": head.last_id, "digest": head.digest},
    )
    return seal
