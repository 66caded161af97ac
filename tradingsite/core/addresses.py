"""Where callers come from; pure."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network

# Each caller by IPv6 has a whole network of addresses.
_IPV6_NETWORK = 64


def place_of_address(text: str | None) -> str:
    """What requests are counted by: the address; of IPv6 its network, with points for colons; "nowhere" without one."""
    if not text:
        return "nowhere"
    address = ip_address(text)
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((address, _IPV6_NETWORK), strict=False).network_address).replace(":", ".")
