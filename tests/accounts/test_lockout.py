"""Who guesses passwords is locked out, by name and address together, and costs the same whoever they try."""

from __future__ import annotations

import datetime as dt
from typing import Any
from unittest import mock

import pytest
import time_machine
from django.contrib.auth import hashers
from django.test import Client

from accounts.models import LoginFailures, User
from systemevents.models import SystemEvent
from tests.accounts.passwords import PASSWORD, TOKEN, try_to_log_in, with_password
from tests.answers import assert_problem, assert_same_answer
from tests.factories import LoginFailuresFactory
from tradingsite.core import clock

ARGON2 = "django.contrib.auth.hashers.Argon2PasswordHasher"


@pytest.fixture
def person(owner: User, settings: Any) -> User:
    settings.LOGIN_ATTEMPTS, settings.LOGIN_LOCKOUT_MINUTES = 3, 10
    return with_password(owner)


def fail(times: int, name: str = "owner", **more: Any) -> None:
    for _ in range(times):
        assert_problem(try_to_log_in(name, "wrong", **more), 401, "wrong_credentials")


def test_the_last_failure_allowed_begins_a_lock_and_one_event(person: User) -> None:
    with time_machine.travel("2026-11-20T12:00:00Z", tick=False):
        fail(3)
        locked = try_to_log_in("owner")
        assert_problem(locked, 429, "too_many_attempts")
        assert locked["Retry-After"] == "600"
        assert_problem(try_to_log_in("owner", "wrong"), 429)
        event = SystemEvent.objects.get()
        assert (event.event_type, event.severity) == ("login.locked", "warning")
        assert event.details["user"] == "owner"
        assert event.details["address"] == "203.0.113.7"
    with time_machine.travel("2026-11-20T12:09:59Z", tick=False):
        # Trying on did not make it longer.
        assert try_to_log_in("owner")["Retry-After"] == "1"
    with time_machine.travel("2026-11-20T12:10:00Z", tick=False):
        # And it begins anew, not with the next failure.
        fail(2)
        assert try_to_log_in("owner").status_code == 200
    assert SystemEvent.objects.count() == 1


def test_known_and_unknown_names_are_locked_alike(person: User) -> None:
    with time_machine.travel("2026-11-20T12:00:00Z", tick=False):
        fail(3)
        fail(3, "nobody")
        assert_same_answer(try_to_log_in("owner", "wrong"), try_to_log_in("nobody", "wrong"))
    unknown = SystemEvent.objects.get(details__user=None)
    assert "nobody has" in unknown.description
    assert "from 203.0.113.7" in unknown.description


def test_nobody_locks_others_out(person: User, other_user: User) -> None:
    with_password(other_user)
    fail(3)
    assert try_to_log_in("owner", address="198.51.100.1").status_code == 200
    assert try_to_log_in("other").status_code == 200


def test_one_name_in_many_spellings_is_one(person: User) -> None:
    for name in ("owner", "OWNER", " Owner "):
        fail(1, name)
    assert_problem(try_to_log_in("oWNER"), 429)


def test_a_network_of_ipv6_is_one_caller(person: User) -> None:
    for n in range(3):
        fail(1, address=f"2001:db8::{n + 1}")
    assert_problem(try_to_log_in("owner", address="2001:db8::ffff"), 429)
    assert try_to_log_in("owner", address="2001:db8:0:1::1").status_code == 200


def test_a_spoofed_address_is_no_other_address(person: User) -> None:
    from rest_framework.test import APIClient

    for n in range(3):
        answer = APIClient().post(
            TOKEN, {"username": "owner", "password": "wrong"}, headers={"X-Forwarded-For": f"198.51.100.{n}"}
        )
        assert_problem(answer, 401)
    answer = APIClient().post(
        TOKEN, {"username": "owner", "password": PASSWORD}, headers={"X-Forwarded-For": "198.51.100.99"}
    )
    assert_problem(answer, 429)


def test_a_good_log_in_counts_anew(person: User) -> None:
    fail(2)
    assert try_to_log_in("owner").status_code == 200
    assert not LoginFailures.objects.exists()
    fail(2)
    assert try_to_log_in("owner").status_code == 200


def test_failures_long_ago_do_not_count(person: User) -> None:
    with time_machine.travel("2026-11-20T12:00:00Z", tick=False):
        fail(2)
    with time_machine.travel("2026-11-20T12:11:00Z", tick=False):
        fail(2)
        assert try_to_log_in("owner").status_code == 200


def test_what_counts_no_more_is_swept_away(person: User) -> None:
    long_ago = clock.now() - dt.timedelta(hours=1)
    for _ in range(25):
        LoginFailuresFactory.create(last_failed_at=long_ago)
    kept = LoginFailuresFactory.create()
    fail(1)
    fail(1, "another")
    assert set(LoginFailures.objects.filter(last_failed_at__gt=long_ago).values_list("pk", flat=True)) >= {kept.pk}
    assert LoginFailures.objects.count() == 3


def test_neither_names_nor_passwords_are_written_down(
    person: User, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    fail(3, "my secret typed in the wrong place")
    assert_problem(try_to_log_in("my secret typed in the wrong place", "hush"), 429)
    assert "secret" not in str(list(LoginFailures.objects.values())) + str(list(SystemEvent.objects.values()))
    written = capfd.readouterr()
    assert "A log-in failed from 203.0.113.7." in caplog.text
    for text in (caplog.text, written.err, written.out):
        assert "secret" not in text
        assert "wrong" not in text


@pytest.mark.parametrize("what", ["wrong password", "unknown", "deactivated", "no password"])
def test_every_failure_costs_one_hash(person: User, settings: Any, what: str) -> None:
    settings.PASSWORD_HASHERS = [ARGON2]
    with_password(person)
    if what == "deactivated":
        User.objects.filter(pk=person.pk).update(is_active=False)
    if what == "no password":
        User.objects.filter(pk=person.pk).update(password="!")
    name, password = ("nobody" if what == "unknown" else "owner"), ("wrong" if what == "wrong password" else PASSWORD)
    with hashes_counted() as computed:
        assert_problem(try_to_log_in(name, password), 401, "wrong_credentials")
    assert computed == [1]


@pytest.mark.parametrize("broken", ["argon2$broken", "md5$x$y", "", "nonsense"])
def test_a_hash_that_is_none_fits_no_password(person: User, settings: Any, broken: str) -> None:
    settings.PASSWORD_HASHERS = [ARGON2]
    User.objects.filter(pk=person.pk).update(password=broken)
    fail(1)
    assert_problem(try_to_log_in("owner", ""), 400)


def test_a_locked_name_costs_no_hash(person: User) -> None:
    fail(3)
    fail(3, "nobody")
    with hashes_counted() as computed:
        assert_problem(try_to_log_in("owner"), 429)
        assert_problem(try_to_log_in("nobody"), 429)
    assert computed == [0]


class hashes_counted:  # noqa: N801  # read as a phrase
    """Counts the Argon2 hashes computed inside, to make one or to compare with one."""

    def __enter__(self) -> list[int]:
        import argon2.low_level as argon2

        self.computed = [0]

        def counting(real: Any) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                self.computed[0] += 1
                return real(*args, **kwargs)

            return call

        hasher = hashers.Argon2PasswordHasher
        self.patches = [
            mock.patch.object(argon2, "hash_secret", counting(argon2.hash_secret)),
            mock.patch.object(hasher, "verify", counting(hasher.verify)),
        ]
        for patch in self.patches:
            patch.start()
        return self.computed

    def __exit__(self, *error: object) -> None:
        for patch in self.patches:
            patch.stop()


def test_a_hash_of_weaker_parameters_is_made_anew(person: User, settings: Any) -> None:
    class Weak(hashers.Argon2PasswordHasher):
        time_cost = 1

    settings.PASSWORD_HASHERS = [ARGON2]
    weak = Weak().encode(PASSWORD, "saltsaltsalt")
    User.objects.filter(pk=person.pk).update(password=weak)
    assert try_to_log_in("owner").status_code == 200
    person.refresh_from_db()
    assert person.password != weak
    assert person.check_password(PASSWORD)
    strong = person.password
    assert try_to_log_in("owner").status_code == 200
    person.refresh_from_db()
    assert person.password == strong


def test_the_admin_locks_out_with_the_api(person: User) -> None:
    browser = Client(REMOTE_ADDR="203.0.113.7")
    form = {"username": "owner", "password": "wrong"}
    assert b"do not fit together" in browser.post("/admin/login/", form).content
    fail(2)
    answer = browser.post("/admin/login/", {**form, "password": PASSWORD})
    assert (answer.status_code, "Retry-After" in answer) == (429, True)
    assert b"Too many failed log-ins" in answer.content
    assert "_auth_user_id" not in browser.session
    assert SystemEvent.objects.count() == 1


def test_an_address_has_only_so_many_attempts_under_whatever_names(person: User, settings: Any) -> None:
    from tradingsite.core.rates import Rate

    settings.THROTTLE_ANON = Rate(limit=4, seconds=3600)
    for n in range(4):
        fail(1, f"name{n}", address="198.51.100.77")
    assert_problem(try_to_log_in("owner", address="198.51.100.77"), 429, "throttled")
    page = Client(REMOTE_ADDR="198.51.100.77").post("/admin/login/", {"username": "owner", "password": PASSWORD})
    assert page.status_code == 429
