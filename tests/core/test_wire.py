"""Bodies that lie, on a real server: gunicorn on loopback, raw bytes over a socket."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from tests.core.wire import Answer, Server, serving

LIMIT = 5 * 1024 * 1024
LOGIN = "/admin/login/"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("wire")) as running:
        yield running


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


def in_chunks(*parts: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + end


CHUNKED = "Transfer-Encoding: chunked"


def test_a_body_in_chunks_is_as_good_as_one_with_a_length(server: Server) -> None:
    answer = server.post(LISTS, in_chunks(b'{"name": ', b'"In chunks"}'), JSON, CHUNKED, length="")
    assert answer is not None
    assert answer.status == 201
    page = server.post(LOGIN, in_chunks(b"username=a&pass", b"word=b"), FORM, CHUNKED, length="")
    assert page is not None
    assert page.status == 403  # the form was read: it has no CSRF token


@pytest.mark.parametrize(
    "body",
    [
        in_chunks(b'{"name": "A"}', end=b""),
        in_chunks(b'{"name": "B"}', end=b"5\r\nab"),
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"-1\r\n{}\r\n0\r\n\r\n",
        b"ffffffffffffffffff\r\n{}\r\n",
        b"2\r\n{}xx0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("path", [LISTS, "/api/v1/bars?timeframe=1d"])
def test_chunks_that_break_off_or_lie_are_refused(server: Server, body: bytes, path: str) -> None:
    assert_refused(server.post(path, body, JSON, CHUNKED, length="", close=True), 400)


def test_chunks_without_end_are_a_413(server: Server) -> None:
    assert_refused(server.post(LISTS, in_chunks(*[b"x" * 65536] * 100), JSON, CHUNKED, length=""), 413)
    answer = server.post(LISTS, in_chunks(*[b"x" * 1048576] * 66), JSON, CHUNKED, length="", timeout=60)
    assert answer is None or answer.status == 413


def test_a_length_beside_chunks_is_refused(server: Server) -> None:
    answer = server.post(LISTS, in_chunks(b"{}"), JSON, CHUNKED, length=2)
    assert answer is not None
    assert answer.status == 400


BARS = "/api/v1/bars?timeframe=1d&create_symbols=true"
CSV = "Content-Type: text/csv"
BAR = b"symbol,date,open,high,low,close\nSPY,2013-01-02,1,2,1,2\n"


@pytest.mark.parametrize("coding", ["", "gzip", "zstd"])
@pytest.mark.parametrize("chunked", [False, True])
def test_bars_come_packed_and_in_chunks(server: Server, coding: str, chunked: bool) -> None:
    body = {"": BAR, "gzip": gzip.compress(BAR), "zstd": pa.compress(BAR, codec="zstd", asbytes=True)}[coding]
    headers = [CSV, *([f"Content-Encoding: {coding}"] if coding else [])]
    if chunked:
        answer = server.post(BARS, in_chunks(body[:7], body[7:]), *headers, CHUNKED, length="")
    else:
        answer = server.post(BARS, body, *headers)
    assert answer is not None
    assert answer.status == 200, answer.body
    assert json.loads(answer.body)["read"] == 1


def test_bars_that_end_before_their_length_are_refused(server: Server) -> None:
    before = server.post("/api/v1/bars?timeframe=1m", BAR, CSV, length=len(BAR) + 1, close=True)
    assert assert_refused(before, 400)["code"] == "truncated"


def test_bars_that_only_say_to_be_huge_are_refused_before_they_come(server: Server) -> None:
    began = time.monotonic()
    for length in (10**12, "9" * 30):
        assert_refused(server.post(BARS, BAR, CSV, length=length), 413)
    assert time.monotonic() - began < 5


def test_bars_of_a_stranger_are_refused_before_they_are_read(server: Server) -> None:
    answer = server.send(f"POST {BARS} HTTP/1.1\r\n{CSV}\r\nContent-Length: 999999", BAR, close=True)
    assert_refused(answer, 401)


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


@pytest.fixture
def lines_after(server: Server) -> Callable[[], list[str]]:
    """Our own lines since then; a worker that starts late has warnings of its own to tell."""
    before = len(server.log.read_text().splitlines())
    return lambda: [line for line in server.log.read_text().split("\n")[before:-1] if line.startswith("{")]


def test_what_a_stranger_says_to_have_been_forwarded_is_not_believed(
    server: Server, lines_after: Callable[[], list[str]]
) -> None:
    # gunicorn itself believes 127.0.0.1; TRUSTED_PROXIES is empty.
    answer = server.send("GET /nothing HTTP/1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 198.51.100.1")
    assert answer is not None
    assert answer.status == 404
    assert [json.loads(line)["address"] for line in lines_after()] == ["127.0.0.1"]


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
    lines = lines_after()
    assert len(lines) == 2
    for line in lines:
        assert json.loads(line)["logger"]
    assert not [line for line in server.log.read_text().split("\n") if line.startswith("forged")]


def test_the_server_still_works_afterwards(server: Server) -> None:
    answer = server.post(LISTS, b'{"name": "Still here"}', JSON)
    assert answer is not None
    assert answer.status == 201
    assert '"status":5' not in server.log.read_text()
    assert "Traceback" not in server.log.read_text()
