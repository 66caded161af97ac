"""Whether a server can listen."""

from __future__ import annotations

import socket

import pytest

from tradingsite.ops.port import why_not


def test_a_free_port_is_no_problem() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert why_not("127.0.0.1", str(port)) == ""


def test_a_busy_port_names_another() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        says = why_not("127.0.0.1", str(port))
    advice = port + 1 if port < 65535 else 8000
    assert says == f"Port {port} is in use by another program. Choose another one: make run PORT={advice}"


@pytest.mark.parametrize("port", ["", "0", "65536", "8000a", "-1", "٨", "9" * 5000])
def test_what_is_no_port_is_told(port: str) -> None:
    assert "is not a port" in why_not("127.0.0.1", port)


def test_a_host_of_others_is_told() -> None:
    # TEST-NET-1: nobody has it.
    assert why_not("192.0.2.1", "8000") == "HOST=192.0.2.1 is not an address of this machine."
