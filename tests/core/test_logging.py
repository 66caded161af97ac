"""Log lines: whose request, one line each, no secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.key_format import make_key
from accounts.models import User
from tradingsite.core.checks.site import check_log_format
from tradingsite.core.logging import (
    ContextFilter,
    JsonFormatter,
    LineFormatter,
    RequestNotes,
    note_actor,
    noting,
    one_line,
    redacted,
    visible_path,
)

ME = "/api/v1/auth/me"


class Log:
    """What a handler set up as in the settings writes."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(formatter)
        self.handler.addFilter(ContextFilter())

    @property
    def lines(self) -> list[str]:
        # Not splitlines(): what a log collector takes for a line ends with a line feed.
        return self.stream.getvalue().split("\n")[:-1]


@pytest.fixture
def log_of() -> Iterator[Callable[[logging.Formatter], Log]]:
    made: list[Log] = []

    def make(formatter: logging.Formatter) -> Log:
        made.append(Log(formatter))
        logging.getLogger("tradingsite").addHandler(made[-1].handler)
        return made[-1]

    yield make
    for log in made:
        logging.getLogger("tradingsite").removeHandler(log.handler)


@pytest.fixture
def log(log_of: Callable[[logging.Formatter], Log]) -> Log:
    return log_of(LineFormatter())


@pytest.fixture
def json_log(log_of: Callable[[logging.Formatter], Log]) -> Log:
    return log_of(JsonFormatter())


def key_of(api: APIClient) -> str:
    """The text of the client's key."""
    credentials: dict[str, str] = api._credentials  # type: ignore[attr-defined]  # untyped
    return credentials["HTTP_AUTHORIZATION"].removeprefix("Bearer ")


def test_a_request_has_a_line_with_its_id_and_its_actor(owner_api: APIClient, log: Log) -> None:
    answer = owner_api.get(f"{ME}?limit=1")
    assert len(log.lines) == 1
    assert f"tradingsite.access [{answer['X-Request-ID']} owner]: GET {ME}?limit=1 200 " in log.lines[0]
    assert log.lines[0].endswith(" ms 127.0.0.1")


def test_in_the_admin_too(owner: User, browser_of: Callable[[User], Client], log: Log) -> None:
    browser_of(owner).get("/admin/portfolio/portfolio/")
    assert " owner]: GET /admin/portfolio/portfolio/ 200 " in log.lines[0]


def test_nobody_is_a_dash(db: None, log: Log) -> None:
    Client().get(ME)
    assert f" -]: GET {ME} 401 " in log.lines[0]


def test_the_actor_of_one_request_is_not_the_next_ones(owner_api: APIClient, log: Log) -> None:
    owner_api.get(ME)
    Client().get(ME)
    assert " owner]: " in log.lines[0]
    assert " -]: " in log.lines[1]


def test_a_line_inside_of_a_request_carries_its_id(
    owner_api: APIClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def speak(self: Any, request: Any) -> Any:
        logging.getLogger("tradingsite.test").warning("half done")
        raise RuntimeError("inside")

    monkeypatch.setattr("accounts.api.views.MeView.get", speak)
    owner_api.raise_request_exception = False
    logging.getLogger("django").addHandler(log.handler)
    answer = owner_api.get(ME, headers={"X-Request-ID": "trace-0123"})
    logging.getLogger("django").removeHandler(log.handler)
    assert answer.status_code == 500
    assert "WARNING tradingsite.test [trace-0123 " in log.lines[0]
    events = [line for line in log.lines if not line.startswith("    | ")]
    assert [line.split()[3] for line in events] == ["tradingsite.test", "django.request", "tradingsite.access"]
    assert all("[trace-0123 " in line for line in events)
    assert " 500 " in events[-1]


def test_as_json_it_is_an_object_a_line(owner_api: APIClient, json_log: Log) -> None:
    answer = owner_api.get(ME)
    event = json.loads(json_log.lines[0])
    assert event["request_id"] == answer["X-Request-ID"]
    assert event["logger"] == "tradingsite.access"
    assert (event["actor"], event["method"], event["path"], event["status"]) == ("owner", "GET", ME, 200)
    assert event["address"] == "127.0.0.1"
    assert event["ms"] >= 0
    assert event["time"].endswith("+00:00")


@pytest.mark.parametrize("path", ["/healthz", "/static/core/docs.css"])
def test_what_is_asked_by_machines_all_day_has_no_line(db: None, log: Log, path: str, settings: Any) -> None:
    settings.WHITENOISE_USE_FINDERS = True
    answer = Client().get(path)
    answer.close()
    assert answer.status_code == 200
    assert log.lines == []


# One line


HOSTILE = ["a%0AINFO forged", "a%0D%0Aforged", "a%1B[31mred", "a%E2%80%A8forged", "a%C2%85forged", "a%09b"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_path_makes_no_line_of_its_own(db: None, log: Log, json_log: Log, hostile: str) -> None:
    Client().get(f"/api/v1/metadata/{hostile}?search={hostile}")
    for lines in (log.lines, json_log.lines):
        assert len(lines) == 1
        assert len(lines[0].splitlines()) == 1
        assert "\x1b" not in lines[0]


def test_a_header_makes_no_line_of_its_own(db: None, log: Log) -> None:
    Client().get(ME, headers={"X-Request-ID": "a\nINFO forged: 1", "User-Agent": "a\nforged"})
    assert len(log.lines) == 1
    assert "forged" not in log.lines[0]


@given(st.text())
def test_any_text_is_one_line(text: str) -> None:
    assert len(one_line(f"a{text}b").splitlines()) == 1


def test_a_traceback_can_not_be_taken_for_another_event(log: Log, json_log: Log) -> None:
    try:
        raise ValueError("wrong\n2026-01-01 00:00:00 INFO forged: all is well")
    except ValueError:
        logging.getLogger("tradingsite.test").exception("It failed")
    assert log.lines[0].endswith("tradingsite.test [- -]: It failed")
    assert all(line.startswith("    | ") for line in log.lines[1:])
    assert any("forged" in line for line in log.lines[1:])
    assert len(json_log.lines) == 1
    assert "forged" in json.loads(json_log.lines[0])["exception"]


def test_a_lone_surrogate_is_logged_all_the_same() -> None:
    # Not through a logger: pytest's own handlers can't show it.
    record = logging.makeLogRecord({"msg": "odd: \ud800", "levelname": "INFO"})
    ContextFilter().filter(record)
    assert LineFormatter().format(record).endswith("]: odd: \\ud800")
    assert json.loads(JsonFormatter().format(record))["message"] == "odd: \\ud800"


# No secret


def test_no_key_is_logged(owner_api: APIClient, log: Log, json_log: Log) -> None:
    secret = key_of(owner_api)
    owner_api.get(f"{ME}?api_key={secret}")
    owner_api.get(f"/api/v1/metadata/{secret}")
    logging.getLogger("tradingsite.test").warning("Authorization: Bearer %s", secret)
    written = log.stream.getvalue() + json_log.stream.getvalue()
    assert secret not in written
    assert secret[25:50] not in written
    assert len(log.lines) == 3
    # Whose key it was may be seen.
    assert secret[:20] in log.lines[1]


def test_no_key_is_logged_from_a_traceback_either(log: Log, json_log: Log) -> None:
    secret = make_key().text
    try:
        raise ValueError(secret)
    except ValueError:
        logging.getLogger("tradingsite.test").exception("It failed")
    assert secret[25:50] not in log.stream.getvalue() + json_log.stream.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "[hidden]"),
        ("Bearer abcdefgh1234", "Bearer [hidden]"),
        ("basic dXNlcjpwYXNz", "basic [hidden]"),
        ("tsk_short", "tsk_short"),
        ("the bearer of news", "the bearer of news"),
    ],
)
def test_what_is_hidden(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", "/p"),
        ("symbol=SPY&limit=2", "/p?symbol=SPY&limit=2"),
        ("password=x&symbol=SPY", "/p?password=[hidden]&symbol=SPY"),
        ("access%5Ftoken=x", "/p?access%5Ftoken=[hidden]"),
        ("X-API-KEY=x", "/p?X-API-KEY=[hidden]"),
        ("page_token=abc", "/p?page_token=abc"),
        ("token", "/p?token"),
    ],
)
def test_a_query_shows_no_values_that_are_named_like_secrets(query: str, shown: str) -> None:
    assert visible_path("/p", query) == shown


def test_a_long_path_is_cut() -> None:
    assert len(visible_path("/" + "p" * 10_000, "q=" + "x" * 10_000)) == 501


# The settings


def test_outside_of_a_request_there_is_nobody_to_note() -> None:
    note_actor("somebody")
    with noting(RequestNotes(request_id="r")) as notes:
        assert notes.actor == ""
        note_actor("owner")
        assert notes.actor == "owner"


def test_another_format_is_a_sentence(settings: Any) -> None:
    settings.LOG_FORMAT = "xml"
    assert [found.msg for found in check_log_format()] == ["LOG_FORMAT is 'xml'; it must be line or json."]


def test_both_formats_are_set_up_and_the_pool_is_quiet() -> None:
    assert set(django_settings.LOGGING["formatters"]) == {"line", "json"}
    assert django_settings.LOGGING["handlers"]["stderr"]["filters"] == ["context"]
    assert logging.getLogger("psycopg.pool").getEffectiveLevel() == logging.ERROR
