"""`python -m tradingsite.ops.port HOST PORT`: says in a sentence when a server could not listen there."""

from __future__ import annotations

import errno
import socket
import sys


def why_not(host: str, port: str) -> str:
    """Why a server can't listen on this host and port, or nothing when it can."""
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        return f"PORT={port} is not a port: use a number from 1 to 65535."
    try:
        with socket.socket() as listener:
            # As servers do: a connection that a former one left behind does not block the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, int(port)))
    except socket.gaierror:
        return f"HOST={host} is not an address of this machine."
    except OSError as error:
        return _sentence(host, port, error)
    return ""


def _sentence(host: str, port: str, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} is in use by another program. Choose another one: make run PORT={next_port(port)}"
        case errno.EACCES:
            return f"Port {port} needs an administrator's rights. Choose one above 1023: make run PORT=8000"
        case errno.EADDRNOTAVAIL:
            return f"HOST={host} is not an address of this machine."
        case _:
            return f"{host}:{port} can't be listened on: {error.strerror}."


def next_port(port: str) -> int:
    """The port after it, for the advice."""
    return int(port) + 1 if int(port) < 65535 else 8000


if __name__ == "__main__":
    if problem := why_not(*sys.argv[1:3]):
        sys.exit(problem)
