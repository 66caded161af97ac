"""Saying that something happened to the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from systemevents.models import Severity, SystemEvent
from systemevents.services.audit import plain, record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.text import storable
from tradingsite.core.transactions import in_transaction


@in_transaction
def record_event(
    *,
    actor: Actor,
    event_type: str,
    source: str,
    description: str,
    severity: Severity = Severity.INFO,
    details: Mapping[str, Any] | None = None,
) -> SystemEvent:
    """Write a system event, with its audit entry, in one transaction."""
    event = SystemEvent.objects.create(
        event_type=event_type,
        severity=severity,
        source=source,
        description=storable(description),
        details=plain(dict(details or {})),
    )
    record_audit(actor, "system_event.recorded", event, after={"event_type": event_type, "severity": severity})
    return event
