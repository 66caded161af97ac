"""Reading the audit trail and its seals by the million."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Max, Min, QuerySet

from systemevents.canonical import COLUMNS, SealHead
from systemevents.models import AuditLog, AuditSeal

ROWS = 2_000
SEALS = 20
MOST_WAITING = 100_000
LARGEST_ID = 2**63 - 1
# Each engine writes the time as canonical.moment does, JSON and addresses as text: nothing is parsed that need not be.
_AS_TEXT = {
    "postgresql": {
        "occurred_at": "to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
        "before": '"before"::text',
        "after": '"after"::text',
        "address": "abbrev(address)",
    },
    "mysql": {"occurred_at": "CAST(occurred_at AS CHAR)"},
    # A time without a fraction is stored without one; a CAST hides the column's type from the driver's converter.
    "sqlite": {
        "occurred_at": "CAST(occurred_at || CASE length(occurred_at) WHEN 19 THEN '.000000' ELSE '' END AS TEXT)",
    },
}


def stored_entries(*, after: int | None = None, through: int | None = None) -> Iterator[tuple[Any, ...]]:
    """The trail in the order of the ids: each row is the id and the columns of `canonical.COLUMNS` as stored.

    In chunks, so that memory stays flat and no transaction stays open. A chunk is a stretch of
    ids, not a LIMIT: without statistics PostgreSQL sorts the rest of the table for each LIMIT.
    """
    expressions = _AS_TEXT[connection.vendor]
    columns = ", ".join(expressions.get(name, connection.ops.quote_name(name)) for name in COLUMNS)
    query = f"SELECT id, {columns} FROM audit_logs WHERE id BETWEEN %s AND %s ORDER BY id"  # noqa: S608  # our own columns
    first = _next_id(after)
    while first is not None and (through is None or first <= through):
        last = first + ROWS - 1 if through is None else min(first + ROWS - 1, through)
        with connection.cursor() as cursor:
            cursor.execute(query, [first, min(last, LARGEST_ID)])
            rows = cursor.fetchall()
        yield from rows
        first = last + 1 if len(rows) == ROWS else _next_id(last)


def _next_id(after: int | None) -> int | None:
    """The lowest id above another, or of all."""
    if after is not None and after >= LARGEST_ID:
        return None
    entries = AuditLog.objects.all() if after is None else AuditLog.objects.filter(id__gt=after)
    lowest: int | None = entries.aggregate(first=Min("id"))["first"]
    return lowest


def seals() -> Iterator[AuditSeal]:
    """Every seal in its order, a few at a time."""
    last = None
    while True:
        query = AuditSeal.objects.order_by("number")
        chunk = list((query if last is None else query.filter(number__gt=last))[:SEALS])
        yield from chunk
        if len(chunk) < SEALS:
            return
        last = chunk[-1].number


def last_seal() -> AuditSeal | None:
    return AuditSeal.objects.order_by("-number").first()


def last_entry_id() -> int:
    """The highest id of the trail that others can see by now; 0 when it is empty."""
    return AuditLog.objects.aggregate(last=Max("id"))["last"] or 0


def head_of(seal: AuditSeal) -> SealHead:
    """What the seal's code covers."""
    return SealHead(
        number=seal.number,
        sealed_at=seal.sealed_at,
        version=seal.version,
        ranges=seal.ranges,
        first_id=seal.first_id,
        last_id=seal.last_id,
        entries=seal.entries,
        closed_through=seal.closed_through,
        digest=seal.digest,
        fingerprints=bytes(seal.fingerprints),
        key_name=seal.key_name,
        previous=seal.previous,
    )


def actions_beginning(text: str) -> list[str]:
    """The actions of the trail that begin so, of the few dozen that there are.

    From one to the next in their index: PostgreSQL would read the whole trail for a DISTINCT.
    """
    actions = AuditLog.objects.order_by("action").values_list("action", flat=True)
    found = []
    action = actions.first()
    while action is not None:
        if action.startswith(text):
            found.append(action)
        action = actions.filter(action__gt=action).first()
    return found


def found_by(entries: QuerySet[AuditLog], term: str) -> QuerySet[AuditLog]:
    """Those of the entries that a search finds: by request, action, table, or table and id.

    One column at a time, the first that has the term: an OR over several columns would walk the
    whole trail.
    """
    if not term:
        return entries
    table, _, object_id = term.partition(" ")
    if object_id:
        return entries.filter(object_type=table, object_id=object_id.strip())
    for column in ("request_id", "action", "object_type"):
        found = entries.filter(**{column: term})
        if found.order_by().values("pk")[:1].exists():
            return found
    return entries.none()


@dataclass(frozen=True, slots=True)
class SealState:
    """How far the trail is sealed. `waiting` is cut off at MOST_WAITING."""

    last: AuditSeal | None
    waiting: int


def seal_state() -> SealState:
    """The last seal, and how many entries came after those that it covers."""
    last = last_seal()
    entries = AuditLog.objects.filter(id__gt=0 if last is None else last.last_id)
    return SealState(last, entries.order_by("id").values("pk")[:MOST_WAITING].count())
