"""The address behind a request, told by trusted proxies only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingsite.core.http import client_address

PROXIES = ["10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # not from a proxy: the header is the caller's invention
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),  # what stands left of it is invention again
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "1.2.3.4, nonsense", None),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("fe80::1%eth0", "", "fe80::1"),
        ("", "", None),
        ("unix:", "198.51.100.1", None),
    ],
)
def test_the_address_is_the_last_one_that_a_trusted_proxy_vouches_for(
    remote: str, forwarded: str, address: str | None
) -> None:
    assert client_address(remote, forwarded, PROXIES) == address


def test_without_proxies_nobody_is_believed() -> None:
    assert client_address("10.0.0.1", "198.51.100.1", []) == "10.0.0.1"


@given(st.text(), st.text())
def test_any_header_is_survived(remote: str, forwarded: str) -> None:
    client_address(remote, forwarded, PROXIES)
    client_address("10.0.0.1", forwarded, PROXIES)
