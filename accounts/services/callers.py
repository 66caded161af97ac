"""Where somebody stands who is not known yet."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import User
from tradingsite.core.actor import Actor, Front


@dataclass(frozen=True, slots=True)
class Caller:
    """Through which door somebody comes, from where, with what program."""

    front: Front
    address: str | None = None
    request_id: str = ""
    user_agent: str = ""

    def actor(self, user: User) -> Actor:
        """The caller, now that it is known who it is."""
        return Actor.of(user, front=self.front, request_id=self.request_id, address=self.address)
