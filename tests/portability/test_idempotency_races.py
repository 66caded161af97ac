"""The same `Idempotency-Key` several times at once, and processes that die in between: one effect, on each engine."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services.api_keys import create_api_key
from systemevents.models import AuditLog
from tests.answers import assert_problem
from tests.factories import InstrumentFactory, UserFactory
from tests.portability.processes import in_processes, start_elsewhere, start_process
from trading.models import Signal
from tradingsite.core import idempotency
from tradingsite.core.actor import Actor
from tradingsite.core.models import IdempotencyKey

pytestmark = pytest.mark.django_db(transaction=True)

SIGNALS = "/api/v1/signals/"
BODY = {"symbol": "SPY", "date": "2020-01-02", "signal_type": "BUY", "confidence": "62.5"}
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
SERVICE = "trading.api.views.record_signal"


@pytest.fixture
def people(settings: Any) -> list[tuple[User, str]]:
    """Two analysts, and a key of each that other processes take."""
    settings.API_KEY_PEPPERS = "1:a pepper of the tests"
    InstrumentFactory.create(symbol="SPY")
    users = [UserFactory.create(role="analyst") for _ in range(2)]
    return [(user, create_api_key(actor=Actor.system("t"), owner=user, name="races").text) for user in users]


@pytest.fixture
def api(people: list[tuple[User, str]]) -> Callable[..., Any]:
    """Sends the first analyst's POST, from whichever connection it is called."""

    def send(body: Any = BODY, headers: dict[str, str] = KEY) -> Any:
        client = APIClient(raise_request_exception=False, HTTP_AUTHORIZATION=f"Bearer {people[0][1]}")
        return client.post(SIGNALS, body, headers=headers)

    return send


class Stalling:
    """The service, which writes and then takes its time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from trading.services.signals import record_signal

        self.record, self.calls, self.first_fails = record_signal, 0, False
        self.has_written, self.may_end = threading.Event(), threading.Event()
        monkeypatch.setattr(SERVICE, self)

    def __call__(self, **values: Any) -> Signal:
        self.calls += 1
        is_first = self.calls == 1
        written = self.record(**values)
        self.has_written.set()
        assert self.may_end.wait(30)
        if self.first_fails and is_first:
            raise ZeroDivisionError
        return written


@pytest.fixture
def stalling(monkeypatch: pytest.MonkeyPatch) -> Stalling:
    return Stalling(monkeypatch)


def recorded() -> int:
    """How many signals there are; each with its entry of the trail, so that no half effect counts."""
    count = Signal.objects.count()
    assert AuditLog.objects.filter(action="signal.recorded").count() == count
    return count


def test_fifty_at_once_in_five_processes_are_one_effect_and_fifty_equal_answers(people: list[tuple[User, str]]) -> None:
    sent = in_processes("send", 5, "POST", SIGNALS, people[0][1], json.dumps(BODY), json.dumps(KEY), 10)
    answers = [answer for process in sent for answer in process]

    assert len(answers) == 50
    assert {status for status, _, _ in answers} == {201}
    assert len({body for _, body, _ in answers}) == 1
    assert len({headers.get("Location") for _, _, headers in answers}) == 1
    assert sum(headers.get("Idempotent-Replayed") == "true" for _, _, headers in answers) == 49
    assert recorded() == 1
    assert IdempotencyKey.objects.count() == 1


def test_of_many_that_all_fail_none_leaves_a_trace_and_the_key_is_free(
    people: list[tuple[User, str]], api: Callable[..., Any]
) -> None:
    """Each waits for the one before, which goes back: where MariaDB finds deadlocks."""
    body = json.dumps(BODY | {"symbol": "NOPE"})
    sent = in_processes("send", 3, "POST", SIGNALS, people[0][1], body, json.dumps(KEY), 8)
    assert [status for process in sent for status, _, _ in process] == [400] * 24
    assert recorded() == 0
    assert not IdempotencyKey.objects.exists()
    assert api().status_code == 201


def test_different_bodies_at_once_under_one_key_are_one_effect(people: list[tuple[User, str]]) -> None:
    processes = [
        start_elsewhere(
            lambda symbol=symbol: in_processes(  # type: ignore[misc]  # bound now, not when it is called
                "send", 1, "POST", SIGNALS, people[0][1], json.dumps(BODY | {"regime": symbol}), json.dumps(KEY), 3
            )
        )
        for symbol in ("a", "b")
    ]
    answers = [answer for wait in processes for process in wait() for answer in process]
    assert sorted(status for status, _, _ in answers) == [201] * 3 + [422] * 3
    assert recorded() == 1


def test_two_users_at_once_with_one_key_are_two_effects(people: list[tuple[User, str]]) -> None:
    waits = [
        start_elsewhere(
            lambda key=key: in_processes("send", 1, "POST", SIGNALS, key, json.dumps(BODY), json.dumps(KEY), 4)  # type: ignore[misc]
        )
        for _, key in people
    ]
    for (user, _), wait in zip(people, waits, strict=True):
        (answers,) = wait()
        assert {status for status, _, _ in answers} == {201}
        (body,) = {body for _, body, _ in answers}
        assert Signal.objects.get(owner=user).pk == json.loads(body)["id"]
    assert recorded() == 2


def test_a_process_killed_before_its_commit_leaves_no_effect_and_the_key_free(
    people: list[tuple[User, str]], api: Callable[..., Any]
) -> None:
    process = start_process("send_and_stall", SIGNALS, people[0][1], json.dumps(BODY), json.dumps(KEY))
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate(timeout=30)

    assert recorded() == 0
    answer = api()
    assert (answer.status_code, answer.headers.get("Idempotent-Replayed")) == (201, None)
    assert recorded() == 1
    assert api().content == answer.content


def test_one_that_comes_meanwhile_waits_and_is_answered_the_same(api: Callable[..., Any], stalling: Stalling) -> None:
    first = start_elsewhere(api)
    assert stalling.has_written.wait(20)
    second = start_elsewhere(api)
    time.sleep(0.5)
    stalling.may_end.set()
    assert second().content == first().content
    assert (stalling.calls, recorded()) == (1, 1)


def test_one_that_waits_for_a_failure_does_it_itself(api: Callable[..., Any], stalling: Stalling) -> None:
    stalling.first_fails = True
    first = start_elsewhere(api)
    assert stalling.has_written.wait(20)
    second = start_elsewhere(api)
    time.sleep(0.5)
    stalling.may_end.set()
    assert first().status_code == 500
    answer = second()
    assert (answer.status_code, answer.headers.get("Idempotent-Replayed")) == (201, None)
    assert (stalling.calls, recorded()) == (2, 1)


def test_one_that_has_waited_long_enough_is_told_to_come_back(
    api: Callable[..., Any], stalling: Stalling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 1.0)
    first = start_elsewhere(api)
    assert stalling.has_written.wait(20)
    began = time.monotonic()
    second = api()
    waited = time.monotonic() - began
    stalling.may_end.set()

    assert_problem(second, 409, "idempotency_in_flight")
    assert int(second["Retry-After"]) >= 1
    assert 0.9 < waited < 5
    assert first().status_code == 201
    assert api().content == first().content
    assert (stalling.calls, recorded()) == (1, 1)


def test_after_the_wait_the_connection_waits_as_long_as_ever(
    api: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is the claim's alone: what the handler waits for, and what comes later, has its own."""
    question = {
        "sqlite": "PRAGMA busy_timeout",
        "postgresql": "SHOW lock_timeout",
        "mysql": "SELECT @@innodb_lock_wait_timeout",
    }[connection.vendor]

    def limit() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchone()[0]

    from trading.services.signals import record_signal

    within: list[Any] = []

    def ask_and_record(**values: Any) -> Signal:
        within.append(limit())
        return record_signal(**values)

    usual = limit()
    monkeypatch.setattr(SERVICE, ask_and_record)
    assert api().status_code == 201
    assert connection.vendor == "sqlite" or within == [usual]
    assert limit() == usual


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_another_key_does_not_wait(api: Callable[..., Any], stalling: Stalling, people: list[tuple[User, str]]) -> None:
    first = start_elsewhere(api)
    assert stalling.has_written.wait(20)
    stalling.has_written.clear()
    other = start_elsewhere(lambda: api(headers={"Idempotency-Key": "another"}))
    assert stalling.has_written.wait(20), "the other one has written while the first has not ended"
    stalling.may_end.set()
    assert first().json()["id"] != other().json()["id"]


def test_a_deadlock_starts_the_whole_of_it_over(api: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    from trading.services.signals import record_signal

    calls: list[int] = []

    def deadlock_once(**values: Any) -> Signal:
        written = record_signal(**values)
        calls.append(written.pk)
        if len(calls) == 1:
            raise OperationalError(1213, "Deadlock found when trying to get lock")
        return written

    monkeypatch.setattr(SERVICE, deadlock_once)
    answer = api()
    assert answer.status_code == 201
    assert len(calls) == 2
    assert recorded() == 1
    assert api().content == answer.content
