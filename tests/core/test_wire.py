"""Bodies that lie, on a real server: gunicorn on loopback, raw bytes over a socket."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
LIMIT = 5 * 1024 * 1024
LOGIN = "/admin/login/"


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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("wire")
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
    }

    def manage(*arguments: str, **more: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment | more, capture_output=True, text=True, check=True, timeout=SECONDS * 3
        ).stdout

    manage("migrate", "--verbosity", "0")
    manage(
        *("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.com"),
        DJANGO_SUPERUSER_PASSWORD="a pass phrase of the tests",
    )
    key = json.loads(manage("create_api_key", "root", "--name", "wire", "--json"))["key"]
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


JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
LISTS = "/api/v1/watchlists"


def assert_refused(answer: Answer | None, status: int) -> dict[str, Any]:
    assert answer is not None
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), answer
    body: dict[str, Any] = json.loads(answer.body)
    assert body["status"] == status
    return body


def test_a_good_body_is_good(server: Server) -> None:
    answer = server.post(LISTS, b'{"name": "Good"}', JSON)
    assert answer is not None
    assert answer.status == 201


def test_a_body_over_the_limit_is_a_413(server: Server) -> None:
    body = b'{"name": "' + b"x" * LIMIT + b'"}'
    assert_refused(server.post(LISTS, body, JSON), 413)


def test_a_body_that_only_says_to_be_huge_is_refused_before_it_comes(server: Server) -> None:
    began = time.monotonic()
    for length in (10**12, "9" * 30):
        answer = server.post(LISTS, b"{", JSON, length=length)
        assert answer is not None
        assert answer.status == 413
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "identity, gzip", "GZIP"])
def test_a_compressed_body_is_refused_unpacked_by_nobody(server: Server, coding: str) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    answer = server.post(LISTS, bomb, JSON, f"Content-Encoding: {coding}")
    assert_refused(answer, 415)
    assert answer is not None
    assert answer.headers["accept-encoding"] == "identity"
    page = server.post(LOGIN, bomb, FORM, f"Content-Encoding: {coding}")
    assert page is not None
    assert page.status == 415


def test_a_length_that_is_too_long_ends_with_the_connection(server: Server) -> None:
    answer = server.post(LISTS, b'{"name": "Half', JSON, length=1000, close=True)
    assert_refused(answer, 400)


def test_a_length_that_is_too_short_cuts_the_body(server: Server) -> None:
    assert_refused(server.post(LISTS, b'{"name": "Cut"}', JSON, length=5), 400)


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "5, 5", "+5", "0x10"])
def test_a_length_that_is_no_number_is_refused(server: Server, length: str) -> None:
    answer = server.post(LISTS, b'{"name": "Odd"}', JSON, length=length)
    assert answer is not None
    assert answer.status == 400


def test_two_lengths_are_refused(server: Server) -> None:
    answer = server.post(LISTS, b'{"name": "Two"}', JSON, "Content-Length: 3")
    assert answer is not None
    assert answer.status == 400


def test_a_body_in_chunks_is_asked_for_its_length(server: Server) -> None:
    chunked = b"10\r\n" + b'{"name": "Chu"}\n' + b"\r\n0\r\n\r\n"
    assert_refused(server.post(LISTS, chunked, JSON, "Transfer-Encoding: chunked", length=""), 411)


def test_no_body_at_all_is_refused(server: Server) -> None:
    assert_refused(server.post(LISTS, b"", JSON), 400)


@pytest.mark.parametrize(
    "charset", ["utf-16", "utf-7", "latin-1", "rot13", "base64", "idna", "nonsense", "a" * 999, "a" * 7000]
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_an_odd_charset_is_refused_by_the_api(server: Server, charset: str, kind: str) -> None:
    answer = server.post(f"{LISTS}?limit=1", b'{"name": "Odd"}', f"Content-Type: {kind}; charset={charset}")
    assert answer is not None
    assert answer.status in (400, 415)


@pytest.mark.parametrize("charset", ["utf-16", "rot13", "base64", "nonsense"])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/html"])
def test_an_odd_charset_is_refused_by_the_admin(server: Server, charset: str, kind: str) -> None:
    answer = server.post(f"{LOGIN}?next=a", b"username=a", f"Content-Type: {kind}; charset={charset}")
    assert answer is not None
    assert answer.status == 415


def test_a_form_over_the_limit_is_refused_by_the_admin(server: Server) -> None:
    answer = server.post(LOGIN, b"username=" + b"x" * LIMIT, FORM)
    assert answer is not None
    assert (answer.status, answer.headers["content-type"]) == (413, "text/plain; charset=utf-8")


def test_a_form_with_too_many_fields_is_refused_by_the_admin(server: Server) -> None:
    answer = server.post(LOGIN, b"&".join(b"f%d=1" % n for n in range(5000)), FORM)
    assert answer is not None
    assert answer.status == 400


@pytest.mark.parametrize("body", [b"", b"--x", b"--x\r\nContent-Disposition: form-data\r\n\r\n", b"\xff" * 100])
def test_a_multipart_form_that_is_none_is_survived(server: Server, body: bytes) -> None:
    answer = server.post(LOGIN, body, "Content-Type: multipart/form-data; boundary=x")
    assert answer is not None
    assert 400 <= answer.status < 500


def test_a_claim_to_be_https_is_not_believed_of_a_stranger(server: Server) -> None:
    # gunicorn itself believes 127.0.0.1. Django sends HSTS where it believes in https.
    answer = server.send("GET /healthz HTTP/1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 198.51.100.1")
    assert answer is not None
    assert answer.status == 200


@pytest.fixture
def lines_after(server: Server) -> Callable[[], list[str]]:
    before = len(server.log.read_text().splitlines())
    return lambda: server.log.read_text().split("\n")[before:-1]


def test_raw_bytes_forge_no_line_in_the_log(server: Server, lines_after: Callable[[], list[str]]) -> None:
    for head in (
        "GET /nothing%0aforged HTTP/1.1",
        "GET /nothing%0d%0aforged?x=%0aforged HTTP/1.1",
        "GET /nothing\x0bforged HTTP/1.1",
        "GET /nothing HTTP/1.1\r\nX-Request-ID: a\x0bforged",
        "GET /nothing\xff\x85forged HTTP/1.1",
    ):
        answer = server.send(head)
        assert answer is None or answer.status in (400, 404)
    lines = [line for line in lines_after() if line.startswith("{")]
    assert len(lines) == 2
    for line in lines:
        assert json.loads(line)["logger"]


def test_the_server_still_works_afterwards(server: Server) -> None:
    answer = server.post(LISTS, b'{"name": "Still here"}', JSON)
    assert answer is not None
    assert answer.status == 201
    assert '"status":5' not in server.log.read_text()
    assert "Traceback" not in server.log.read_text()
