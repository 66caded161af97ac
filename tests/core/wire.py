"""A real server for tests: gunicorn on loopback, and raw bytes to send to it."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
USERNAME, PASSWORD = "root", "a pass phrase of the tests"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """One worker of gunicorn on a migrated SQLite file of its own, and a key of a superuser's."""

    port: int
    key: str
    log: Path

    def send(self, head: str, body: bytes = b"", *, close: bool = False, timeout: float = 10) -> Answer | None:
        """Send exactly these bytes; with `close` the sending side is closed after them. None: no answer."""
        lines = [head, "Host: 127.0.0.1", "Connection: close", "", ""]
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            received = b""
            try:
                connection.sendall("\r\n".join(lines).encode("latin-1") + body)
                if close:
                    connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(65536):
                    received += part
            except (ConnectionResetError, BrokenPipeError):
                # It was refused before it was read to its end.
                pass
        return parsed(received) if received else None

    def post(self, path: str, body: bytes, *headers: str, length: int | str | None = None, **how: Any) -> Answer | None:
        said = [f"Content-Length: {len(body) if length is None else length}"] if length != "" else []
        key = [f"Authorization: Bearer {self.key}"] if path.startswith("/api/") else []
        return self.send("\r\n".join([f"POST {path} HTTP/1.1", *said, *key, *headers]), body, **how)


class Received:
    """Bytes as http.client takes them from a socket."""

    def __init__(self, received: bytes) -> None:
        self.received = received

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self.received)


def parsed(received: bytes) -> Answer:
    answer = HTTPResponse(Received(received))  # type: ignore[arg-type]  # as much of a socket as it asks for
    answer.begin()
    with answer:
        headers = {name.lower(): value for name, value in answer.getheaders()}
        try:
            return Answer(answer.status, headers, answer.read())
        except IncompleteRead as cut:
            return Answer(answer.status, headers, cut.partial)


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Server]:
    """gunicorn on loopback, with a migrated SQLite file in the folder, a superuser and a key of theirs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{folder}/wire.db",
        "SECRET_KEY": "a secret of the tests " * 3,
        "API_KEY_PEPPERS": "1:a pepper of the tests that is long enough",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1",
        "TRUSTED_PROXIES": "",
        "THROTTLE_KEY": "0",
        "THROTTLE_USER": "0",
        "THROTTLE_ANON": "0",
        "LOG_FORMAT": "json",
        "DEBUG": "false",
        **settings,
    }

    def manage(*arguments: str, **more: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment | more, capture_output=True, text=True, check=True, timeout=SECONDS * 3
        ).stdout

    manage("migrate", "--verbosity", "0")
    manage(
        *("createsuperuser", "--noinput", "--username", USERNAME, "--email", "root@example.com"),
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )
    key = json.loads(manage("create_api_key", USERNAME, "--name", "wire", "--json"))["key"]
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "tradingsite.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "4",
             "--worker-class", "gthread", "--no-control-socket"],
            cwd=ROOT, env=environment, stderr=output, stdout=output,
        )  # fmt: skip
        try:
            wait_for(port, process)
            yield Server(port, key, log)
        finally:
            process.terminate()
            process.wait(SECONDS)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "gunicorn did not start"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("gunicorn does not listen")
