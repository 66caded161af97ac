"""Work that is done by several real processes, or connections, at the same moment.

`in_processes("debit", 4, ...)` starts `python -m tests.portability.processes debit ...` four times
on this test's database, lets all of them go at once and answers what each printed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

R = TypeVar("R")

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
SIGNING_KEY = "a signing key of the tests, long enough to sign with: 0123456789"
SEAL_KEY = "a seal key of the tests that is long enough to seal with: 0123456789"


def database_url(name: str | None = None) -> str:
    """The URL of the database that the tests run on, or of another one on its server."""
    from django.db import connection

    entry = connection.settings_dict
    name = name or str(entry["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    user, password = quote(entry["USER"], safe=""), quote(entry["PASSWORD"], safe="")
    return f"{connection.vendor}://{user}:{password}@{entry['HOST']}:{entry['PORT']}/{quote(name, safe='')}"


def environment(url: str) -> dict[str, str]:
    """The environment of a process on that database, with secrets of its own."""
    secrets = {
        "SECRET_KEY": "a secret of the tests " * 3,
        "API_KEY_PEPPERS": "1:a pepper of the tests",
        "AUDIT_SEAL_KEY": SEAL_KEY,
        "JWT_SIGNING_KEY": SIGNING_KEY,
    }
    return {**os.environ, **secrets, "DATABASE_URL": url}


def in_processes(task: str, count: int, *arguments: object) -> list[Any]:
    """What `count` processes answered who did the task at once; a failure of any is an error here."""
    started = [start_process(task, *arguments) for _ in range(count)]
    try:
        for process in started:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise AssertionError(process.communicate(timeout=SECONDS)[1])
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = [process.communicate(timeout=SECONDS) for process in started]
    finally:
        for process in started:
            process.kill()
    for process, (_, errors) in zip(started, answers, strict=True):
        assert process.returncode == 0, errors
    return [json.loads(output) for output, _ in answers]


def start_process(task: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that says "ready", waits for a line, and does the task."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.portability.processes", task, *map(str, arguments)],
        cwd=ROOT,
        env=environment(database_url()),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def elsewhere(function: Callable[[], R]) -> R:
    """What the function answers on another connection to the same database."""
    return start_elsewhere(function)()


def start_elsewhere(function: Callable[[], R]) -> Callable[[], R]:
    """Start the function on another connection; the answer is got by calling what this returns."""
    from django.db import connections

    answers: list[R] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(function())
        except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
            errors.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def wait() -> R:
        thread.join(SECONDS)
        assert not thread.is_alive(), "the other connection still waits"
        if errors:
            raise errors[0]
        return answers[0]

    return wait


def debit(cash_id: str, times: str) -> int:
    """Take 1 from a balance as often as it lasts; answers how often."""
    from portfolio.models import PortfolioCash
    from tradingsite.core.locking import lock
    from tradingsite.core.transactions import in_transaction

    @in_transaction
    def take_one() -> bool:
        cash = lock(PortfolioCash(pk=int(cash_id)))
        if cash.balance < 1:
            return False
        cash.balance -= Decimal(1)
        cash.save(update_fields=["balance"])
        return True

    return sum(take_one() for _ in range(int(times)))


def record_events(times: str) -> int:
    """Read, then write, in small transactions; answers how many."""
    from systemevents.models import SystemEvent
    from systemevents.services.events import record_event
    from tradingsite.core.actor import Actor
    from tradingsite.core.transactions import in_transaction

    @in_transaction
    def look_and_record() -> None:
        SystemEvent.objects.count()
        record_event(actor=Actor.system("tests"), event_type="test", source="tests", description="One of many.")

    for _ in range(int(times)):
        look_and_record()
    return int(times)


def log_in_with_code(user_id: str, code: str) -> bool:
    """Give a code of a second factor; answers whether it was taken."""
    from accounts.errors import WrongCode
    from accounts.models import User
    from accounts.services.second_factor import require_second_factor

    try:
        require_second_factor(user=User.objects.get(pk=int(user_id)), code=code)
    except WrongCode:
        return False
    return True


def refresh_once(text: str) -> str:
    """Refresh with this token; answers the next access token, or nothing when it was refused."""
    from accounts.errors import WrongCredentials
    from accounts.services.callers import Caller
    from accounts.services.web_logins import refresh_tokens
    from tradingsite.core.actor import Front

    try:
        return refresh_tokens(refresh=text, caller=Caller(Front.API)).access
    except WrongCredentials:
        return ""


def take_once(what: str, token: str) -> str:
    """Use a token that came by mail; answers "done", or the code of the refusal."""
    from accounts.services.callers import Caller
    from accounts.services.emails import confirm_email_change
    from accounts.services.invitations import accept_invitation
    from accounts.services.passwords import reset_password
    from accounts.services.registration import confirm_registration
    from tradingsite.core.actor import Front
    from tradingsite.core.errors import DeskError, InvalidInput

    caller = Caller(Front.API)
    secret = f"a long password {os.getpid()}"
    uses: dict[str, Callable[[], object]] = {
        "registration": lambda: confirm_registration(caller=caller, token=token),
        "invitation": lambda: accept_invitation(
            caller=caller, token=token, username=f"ann-{os.getpid()}", password=secret
        ),
        "password": lambda: reset_password(caller=caller, token=token, new_password=secret),
        "email": lambda: confirm_email_change(caller=caller, token=token),
    }
    try:
        uses[what]()
    except DeskError as refusal:
        return refusal.errors[0].code if isinstance(refusal, InvalidInput) and refusal.errors else refusal.code
    return "done"


def guess(username: str, times: str) -> int:
    """Guess a password; answers how many guesses were answered, and not locked out."""
    from accounts.errors import WrongCredentials
    from accounts.services.callers import Caller
    from accounts.services.login import Credentials, check_credentials
    from tradingsite.core.actor import Front
    from tradingsite.core.errors import TooManyAttempts

    answered = 0
    for n in range(int(times)):
        try:
            check_credentials(credentials=Credentials(username, f"guess {n}"), caller=Caller(Front.API, "203.0.113.7"))
        except WrongCredentials:
            answered += 1
        except TooManyAttempts:
            pass
    return answered


def use_key(text: str, times: str) -> int:
    """Use an API key as the API does; answers how often its last use was written."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from accounts.services.api_keys import find_usable_key, note_use

    with CaptureQueriesContext(connection) as queries:
        keys = [find_usable_key(text) for _ in range(int(times))]
    assert len(queries) == int(times)
    written = 0
    for key in keys:
        assert key is not None
        written += note_use(key)
    return written


def send(
    method: str, path: str, key: str, body: str, headers: str, times: str
) -> list[tuple[int, str, dict[str, str]]]:
    """Send a request so often at once, a thread and a connection each; status, body and headers of each answer."""
    from django.db import connections
    from rest_framework.test import APIClient

    together = threading.Barrier(int(times))
    answers: list[tuple[int, str, dict[str, str]]] = []

    def send_one() -> None:
        client = APIClient(SERVER_NAME="localhost", HTTP_AUTHORIZATION=f"Bearer {key}")
        together.wait(SECONDS)
        answer = client.generic(method, path, body, content_type="application/json", headers=json.loads(headers))
        answers.append((answer.status_code, answer.content.decode(), dict(answer.headers)))
        connections.close_all()

    threads = [threading.Thread(target=send_one, daemon=True) for _ in range(int(times))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    return answers


def send_and_stall(path: str, key: str, body: str, headers: str) -> None:
    """Send a POST that writes all it has to write, says so, and never commits."""
    from rest_framework.test import APIClient

    from tradingsite.core.api import idempotency

    def stall(*arguments: Any) -> None:
        sys.stdout.write("written\n")
        sys.stdout.flush()
        threading.Event().wait()

    # Called when the handler has done its work, before the answer is stored.
    idempotency.rendered = stall  # type: ignore[assignment]
    client = APIClient(SERVER_NAME="localhost", HTTP_AUTHORIZATION=f"Bearer {key}")
    client.generic("POST", path, body, content_type="application/json", headers=json.loads(headers))


def come_and_go(first: str, days: str, *instrument_ids: str) -> tuple[int, int]:
    """Add bars all over the list, and drop every third again, until a line comes; answers how many of each.

    None on a fourth day after the first: there the rows are that stay.
    """
    import datetime as dt
    import itertools
    import random

    from marketdata.models import DailyBar
    from tests.factories import DailyBarFactory

    stop = threading.Event()

    def wait_for_a_line() -> None:
        sys.stdin.readline()
        stop.set()

    threading.Thread(target=wait_for_a_line, daemon=True).start()
    origin = dt.date.fromisoformat(first)
    around = range(-int(days), 10 * int(days))
    free = [(int(pk), origin + dt.timedelta(day)) for pk, day in itertools.product(instrument_ids, around) if day % 4]
    random.Random(3).shuffle(free)  # the same each time
    written: list[int] = []
    # Slower than the readers, who would never come to the end else.
    while not stop.wait(0.02):
        instrument_id, date = free.pop()
        written.append(DailyBarFactory.create(instrument=None, instrument_id=instrument_id, date=date).pk)
        if len(written) % 3 == 0:
            DailyBar.objects.get(pk=written[-2]).delete()
        if len(written) == 3:
            sys.stdout.write("writing\n")
            sys.stdout.flush()
    return len(written), len(written) // 3


def page_through(path: str, key: str, limit: str) -> tuple[int, list[int]]:
    """The newest bar when it began, and the bars of the list from page to page; others come after each page."""
    from django.db.models import Max
    from rest_framework.test import APIClient

    from marketdata.models import DailyBar

    def newest() -> int:
        return int(DailyBar.objects.aggregate(newest=Max("pk"))["newest"])

    client = APIClient(SERVER_NAME="localhost", HTTP_AUTHORIZATION=f"Bearer {key}")
    began, met, parameters = newest(), [], {"limit": limit}
    while True:
        answer = client.get(path, parameters).json()
        met += [row["id"] for row in answer["results"]]
        if answer["next_cursor"] is None:
            return began, met
        parameters["cursor"] = answer["next_cursor"]
        known, end = newest(), time.monotonic() + SECONDS
        while newest() <= known:
            assert time.monotonic() < end, "nobody writes"
            time.sleep(0.001)


TASKS: dict[str, Callable[..., Any]] = {
    "debit": debit,
    "record_events": record_events,
    "use_key": use_key,
    "refresh_once": refresh_once,
    "guess": guess,
    "take_once": take_once,
    "log_in_with_code": log_in_with_code,
    "come_and_go": come_and_go,
    "page_through": page_through,
    "send": send,
    "send_and_stall": send_and_stall,
}


def main(task: str, *arguments: str) -> None:
    import django

    django.setup()
    from django.db import connection

    connection.ensure_connection()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(json.dumps(TASKS[task](*arguments)))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    main(*sys.argv[1:])
