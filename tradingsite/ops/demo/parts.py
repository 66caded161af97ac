"""Remembering which parts of the demo were made: the audit trail is the one record that nobody edits."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from systemevents.models import AuditLog
from systemevents.services.audit import record_audit
from tradingsite.core.actor import Actor

PEOPLE = "demo.people_made"
KEY = "demo.key_made"
PAPER = "demo.paper_portfolio_made"
LONG_TERM = "demo.long_term_portfolio_made"
WATCHLIST = "demo.watchlist_made"
SIGNALS = "demo.signals_made"


def find_made(part: str) -> AuditLog | None:
    """The entry that says this part was made, if it was."""
    return AuditLog.objects.filter(action=part).order_by("id").first()


def mark_made(actor: Actor, part: str, obj: Model | None = None, **facts: Any) -> None:
    """Remember that this part is made, in the transaction that makes it."""
    record_audit(actor, part, obj, after=facts)
