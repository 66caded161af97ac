"""What people can be told of by e-mail, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notification:
    """What it tells of, and whether it is on where nobody chose."""

    label: str
    is_on: bool


NOTIFICATIONS: Mapping[str, Notification] = {
    "key_expiry": Notification("An API key of yours ends soon", is_on=True),
    "idea_waiting": Notification("A trade idea waits for your approval", is_on=True),
    "risk_halt": Notification("Automation was halted by a limit", is_on=True),
    "daily_summary": Notification("A summary at the end of the day", is_on=False),
}
