"""The database server goes while people work, and comes back: gunicorn on loopback, and a proxy before the server."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from urllib.parse import urlencode, urlsplit

import pytest
from django.db import connection

from portfolio.models import Watchlist
from tests.core.proxy import Proxy
from tests.core.wire import PASSWORD, USERNAME, Answer, Server, serving
from tests.portability.processes import database_url

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="a file has no server that can go"),
]

LISTS = "/api/v1/watchlists/"
ADMIN = "/admin/portfolio/watchlist/"
#: As many as the server has threads, so that each has met the database.
AT_ONCE = 4
#: How long an answer without a database may take: nobody waits for a connection that can't be had.
SOON = 3


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    parts = urlsplit(database_url())
    with Proxy(parts.hostname or "127.0.0.1", parts.port or 0) as opened:
        yield opened


@pytest.fixture
def server(proxy: Proxy, tmp_path: Path) -> Iterator[Server]:
    """gunicorn on the database of the tests, which it reaches through the proxy only."""
    parts = urlsplit(database_url())
    user = parts.netloc.rpartition("@")[0]
    through = parts._replace(netloc=f"{user}@127.0.0.1:{proxy.port}").geturl()
    with serving(tmp_path, DATABASE_URL=through) as running:
        yield running


@pytest.fixture
def cookies(server: Server) -> str:
    """The cookies of a browser in which the superuser is logged in."""
    page = get(server, "/admin/login/")
    token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
    assert token is not None
    cookie = page.headers["set-cookie"].partition(";")[0]
    form = {"csrfmiddlewaretoken": token[1].decode(), "username": USERNAME, "password": PASSWORD}
    answer = server.post(
        "/admin/login/",
        urlencode(form).encode(),
        "Content-Type: application/x-www-form-urlencoded",
        f"Cookie: {cookie}",
    )
    assert answer is not None
    assert answer.status == 302, answer
    session = re.search(r"sessionid=\w+", answer.headers["set-cookie"])
    assert session is not None
    return session[0]


def get(server: Server, path: str, *headers: str) -> Answer:
    key = [f"Authorization: Bearer {server.key}"] if path.startswith("/api/") else []
    answer = server.send("\r\n".join([f"GET {path} HTTP/1.1", *key, *headers]), timeout=60)
    assert answer is not None
    return answer


def make_list(server: Server, name: str) -> Answer:
    answer = server.post(LISTS, json.dumps({"name": name}).encode(), "Content-Type: application/json", timeout=60)
    assert answer is not None
    return answer


def assert_gone(answer: Answer) -> None:
    """503, in words for a person, and nothing of where the database is."""
    assert answer.status == 503, answer
    assert int(answer.headers["retry-after"]) > 0
    assert b"The database does not answer." in answer.body
    assert b"127.0.0.1" not in answer.body


def test_it_says_so_while_the_database_is_gone_and_goes_on_when_it_is_back(
    server: Server, proxy: Proxy, cookies: str
) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def at_once(path: str, *headers: str) -> list[Answer]:
            return list(pool.map(lambda _: get(server, path, *headers), range(2 * AT_ONCE)))

        def statuses(path: str, *headers: str) -> set[int]:
            return {answer.status for answer in at_once(path, *headers)}

        for path in (LISTS, "/readyz/", ADMIN):
            assert statuses(path, f"Cookie: {cookies}") == {200}

        for _ in range(2):
            proxy.cut()
            began = time.monotonic()
            for answer in [*at_once(LISTS), make_list(server, "Lost")]:
                assert_gone(answer)
                assert answer.headers["content-type"] == "application/problem+json"
                assert json.loads(answer.body)["code"] == "unavailable"
            for answer in [*at_once(ADMIN, f"Cookie: {cookies}"), get(server, "/admin/", f"Cookie: {cookies}")]:
                assert_gone(answer)
                assert answer.headers["content-type"].startswith("text/")
            ready = get(server, "/readyz/")
            assert (ready.status, json.loads(ready.body)["missing"]) == (503, ["database", "migrations"])
            assert int(ready.headers["retry-after"]) > 0
            assert statuses("/healthz/") == {200}
            assert time.monotonic() - began < SOON * 5

            proxy.open()
            for path in (LISTS, "/readyz/", ADMIN):
                assert statuses(path, f"Cookie: {cookies}") == {200}

    log = server.log.read_text()
    assert "The database does not answer: " in log
    assert "Traceback" not in log


def test_what_was_acknowledged_is_there_when_the_database_goes_under_the_writers(server: Server, proxy: Proxy) -> None:
    done, answers = Event(), list[tuple[str, int]]()

    def write(writer: int) -> None:
        number = 0
        while not done.is_set():
            number += 1
            name = f"{writer} {number}"
            answers.append((name, make_list(server, name).status))

    def wait_for(status: int) -> None:
        began, end = len(answers), time.monotonic() + 60
        while sum(given == status for _, given in answers[began:]) < 2 * AT_ONCE:
            assert time.monotonic() < end, answers[began:]
            time.sleep(0.01)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        writing = [pool.submit(write, writer) for writer in range(AT_ONCE)]
        try:
            for _ in range(3):
                wait_for(201)
                proxy.cut()
                wait_for(503)
                proxy.open()
            wait_for(201)
        finally:
            done.set()
        for written in writing:
            written.result()

    assert {status for _, status in answers} == {201, 503}
    there = set(Watchlist.objects.values_list("name", flat=True))
    assert {name for name, status in answers if status == 201} <= there
    assert "Traceback" not in server.log.read_text()
