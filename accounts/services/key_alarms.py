"""Telling people that a key is used where it should not be."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.cache import cache

from systemevents.models import Severity, SystemEvent
from systemevents.services.events import record_event
from tradingsite.core import clock
from tradingsite.core.actor import Actor, Front
from tradingsite.core.addresses import place_of_address

if TYPE_CHECKING:
    from accounts.models import ApiKey

FOREIGN_ADDRESS = "api_key.foreign_address"
TOLD_EVERY = timedelta(hours=1)
# Whoever has a key and a thousand addresses writes no thousand events: after these the key is told of already.
MOST_PLACES = 20

logger = logging.getLogger(__name__)


def tell_of_foreign_address(key: ApiKey, address: str | None) -> bool:
    """Record that a good key came from where it is not let in; answers whether this call wrote the event.

    Once an hour for a key and an address (an IPv6 network of 64 bits counts as one), for MOST_PLACES
    addresses at most. A storm of calls asks the cache only; where processes share none, the events
    themselves are asked once a process.
    """
    place, where = place_of_address(address), address or "an unknown address"
    if not _is_first(f"key-alarm:{key.public_id}:{place}"):
        return False
    hour_ago = clock.now() - TOLD_EVERY
    source = f"tsk_{key.public_id}"
    told = SystemEvent.objects.filter(event_type=FOREIGN_ADDRESS, source=source, occurred_at__gt=hour_ago)
    places = {event.details.get("place") for event in told.order_by("-id")[:MOST_PLACES]}
    if place in places or len(places) >= MOST_PLACES:
        return False
    record_event(
        actor=Actor.system("api_keys", front=Front.API),
        event_type=FOREIGN_ADDRESS,
        source=source,
        severity=Severity.WARNING,
        description=(
            f"The API key {key.name} (tsk_{key.public_id}) of {key.owner.username} was used from {where}, where it "
            "is not let in. Whoever used it has the key: rotate or revoke it unless that was you."
        ),
        details={"key": key.public_id, "owner": key.owner.username, "address": address, "place": place},
    )
    return True


def _is_first(name: str) -> bool:
    """Whether nobody asked under this name for an hour; yes when the cache is not there."""
    try:
        return bool(cache.add(name, True, timeout=int(TOLD_EVERY.total_seconds())))
    except Exception:  # whatever the cache's driver raises
        logger.exception("The cache can't be asked; the system events are.")
        return True
