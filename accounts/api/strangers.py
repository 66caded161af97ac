"""Endpoints for who is not logged in: a view that knows its caller, whoever it is."""

from __future__ import annotations

from accounts.services.callers import Caller
from tradingsite.core.actor import Front
from tradingsite.core.api.viewsets import Endpoint


class StrangersEndpoint(Endpoint):
    """Open to everybody: a key that is sent along is not looked at. Limited by THROTTLE_ANON."""

    authentication_classes = ()
    permission_classes = ()

    @property
    def caller(self) -> Caller:
        return Caller(
            front=Front.API,
            address=getattr(self.request, "client_address", None),
            request_id=getattr(self.request, "request_id", ""),
        )
