"""Mails go out on a thread of their own, to a mail server that may fail."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from rest_framework.test import APIClient

from accounts.mail_texts import MailText
from accounts.services import mails
from systemevents.models import SystemEvent
from tests.accounts.passwords import with_password
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = MailText("A subject", "A body with a link: https://desk.example.com/x?token=abc\n")


class MailServer(socketserver.ThreadingTCPServer):
    """An SMTP server (RFC 5321) that keeps what it gets, or refuses who it is for."""

    daemon_threads = True

    def __init__(self) -> None:
        self.got: list[tuple[str, str, str]] = []
        self.refuses = False
        super().__init__(("127.0.0.1", 0), _Conversation)


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.say("220 desk.test")
        receiver = ""
        while line := self.rfile.readline().decode().strip():
            command = line.upper()
            if command.startswith("RCPT") and self.server.refuses:
                self.say("550 no such box")
            elif command.startswith("RCPT"):
                receiver = line.partition(":")[2].strip("<>")
                self.say("250 ok")
            elif command == "DATA":
                self.say("354 go on")
                head, _, body = self.read_data().partition("\n\n")
                self.server.got.append((receiver, head, body))
                self.say("250 ok")
            elif command == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def read_data(self) -> str:
        lines = []
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            lines.append(line)
        return "\n".join(lines)

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    cache.clear()
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER, settings.EMAIL_TIMEOUT = "", 5
        yield server
        server.shutdown()


def wait_for_the_thread() -> None:
    """It does one after the other: what was handed over before is done when this is."""
    mails._sender.submit(lambda: None).result(20)


def test_a_mail_arrives_once_it_is_committed_and_not_before(server: MailServer) -> None:
    with transaction.atomic():
        mails.send_after_commit(to="ann@example.com", text=TEXT)
        wait_for_the_thread()
        assert server.got == []
    wait_for_the_thread()
    [(receiver, head, body)] = server.got
    assert receiver == "ann@example.com"
    assert "Subject: A subject" in head
    assert "To: ann@example.com" in head
    assert "token=abc" in body


def test_what_was_rolled_back_sends_nothing(server: MailServer) -> None:
    with transaction.atomic():
        mails.send_after_commit(to="ann@example.com", text=TEXT)
        transaction.set_rollback(True)
    wait_for_the_thread()
    assert server.got == []


def test_one_address_gets_no_more_than_five_an_hour(server: MailServer) -> None:
    for to in ["ann@example.com"] * (mails.MOST_TO_ONE + 2) + ["bob@example.com"]:
        mails.send_after_commit(to=to, text=TEXT)
    wait_for_the_thread()
    assert [to for to, _, _ in server.got] == ["ann@example.com"] * mails.MOST_TO_ONE + ["bob@example.com"]


@pytest.mark.parametrize("failure", ["nobody listens", "it refuses"])
def test_a_server_that_fails_leaves_a_system_event_and_no_5xx(server: MailServer, settings: Any, failure: str) -> None:
    server.refuses = failure == "it refuses"
    if not server.refuses:
        settings.EMAIL_PORT = 1
    with_password(UserFactory.create(username="ann"))
    answer = APIClient().post("/api/v1/auth/password/reset/", {"email": "ann@example.com"})
    assert answer.status_code == 202
    wait_for_the_thread()
    event = SystemEvent.objects.get(event_type="mail.failed")
    assert event.severity == "error"
    assert "EMAIL_URL" in event.description
    assert "token" not in f"{event.description} {event.details}"
    # The thread goes on: the next mail arrives.
    server.refuses, settings.EMAIL_PORT = False, server.server_address[1]
    mails.send_after_commit(to="bob@example.com", text=TEXT)
    wait_for_the_thread()
    assert [to for to, _, _ in server.got] == ["bob@example.com"]


def test_nobody_waits_for_a_slow_server(server: MailServer) -> None:
    with_password(UserFactory.create(username="ann"))
    released = threading.Event()
    mails._sender.submit(released.wait, 20)
    try:
        assert APIClient().post("/api/v1/auth/password/reset/", {"email": "ann@example.com"}).status_code == 202
        assert server.got == []
    finally:
        released.set()
    wait_for_the_thread()
    assert [to for to, _, _ in server.got] == ["ann@example.com"]


def test_more_than_a_thousand_that_wait_are_thrown_away_and_not_kept(
    server: MailServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mails, "_places", threading.BoundedSemaphore(1))
    released = threading.Event()
    mails._sender.submit(released.wait, 20)
    for to in ("ann@example.com", "bob@example.com"):
        mails.send_after_commit(to=to, text=TEXT)
    released.set()
    wait_for_the_thread()
    assert [to for to, _, _ in server.got] == ["ann@example.com"]
    assert "thrown away" in caplog.text
