"""From a request to the actor behind it."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from django.conf import settings

from tradingsite.core.actor import Actor, Front
from tradingsite.core.errors import NotAuthenticated
from tradingsite.core.logging import note_actor

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request


def admin_actor(request: HttpRequest) -> Actor:
    """The user who is logged in to the admin."""
    return _actor(request, user=request.user, front=Front.ADMIN)


def api_actor(request: Request) -> Actor:
    """The user, and the key, behind an API call. Raises NotAuthenticated without one."""
    return _actor(request, user=request.user, front=Front.API, key=request.auth)


def _actor(request: Any, *, user: Any, front: Front, key: Any = None) -> Actor:
    if not user.is_authenticated:
        raise NotAuthenticated("Send an API key, or log in.")
    note_actor(user.get_username())
    return Actor.of(
        # The user itself, not the lazy object that sessions put around it: services ask for its type.
        getattr(user, "_wrapped", user),
        front=front,
        # A web token has none of these, a key none of the other.
        key_id=getattr(key, "public_id", ""),
        rights=getattr(key, "rights", None),
        portfolio_id=getattr(key, "portfolio_id", None),
        login_id=getattr(key, "login_id", ""),
        request_id=getattr(request, "request_id", ""),
        address=getattr(request, "client_address", None),
    )


def client_address(remote: str, forwarded: str, trusted: list[str]) -> str | None:
    """The address that a request came from; pure.

    `forwarded` (X-Forwarded-For) counts only as far as trusted proxies wrote it: the last
    address in it that is not a trusted proxy's own. None when that one is not an address.
    """
    address = _parsed(remote)
    for hop in reversed(forwarded.split(",") if forwarded else []):
        if address is None or not is_trusted_proxy(address, trusted):
            break
        address = _parsed(hop)
    return address


def is_trusted_proxy(remote: str, trusted: list[str]) -> bool:
    """Whether this is the address of a trusted proxy, so that what it forwards is believed; pure."""
    address = _parsed(remote) if trusted else None
    return address is not None and any(ip_address(address) in ip_network(entry, strict=False) for entry in trusted)


def _parsed(text: str) -> str | None:
    # Without the zone of a link-local address, which means something on one machine only.
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    # ::ffff:10.0.0.1 is what a server that listens on both families calls 10.0.0.1.
    return str(getattr(address, "ipv4_mapped", None) or address)


def request_address(request: HttpRequest) -> str | None:
    """`client_address` of a request under the settings."""
    meta = request.META
    return client_address(meta.get("REMOTE_ADDR", ""), meta.get("HTTP_X_FORWARDED_FOR", ""), settings.TRUSTED_PROXIES)
