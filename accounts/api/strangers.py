"""Endpoints for who is not logged in: a view that knows its caller, whoever it is."""

from __future__ import annotations

from accounts.services.callers import Caller
from accounts.web import caller_of
from tradingsite.core.actor import Front
from tradingsite.core.api.viewsets import Endpoint


class StrangersEndpoint(Endpoint):
    """Open to everybody: nothing in a header decides anything, a key is not looked at. Limited by THROTTLE_ANON."""

    authentication_classes = ()
    permission_classes = ()
    never_replayed = frozenset({"post"})  # tokens and passwords, which are kept nowhere

    @property
    def caller(self) -> Caller:
        return caller_of(self.request, Front.API)
