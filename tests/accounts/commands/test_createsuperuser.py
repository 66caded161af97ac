"""`manage.py createsuperuser`, which is Django's but for how the user is made."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User, UserSettings
from portfolio.models import Portfolio
from systemevents.models import AuditLog
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def run(username: str = "Root", email: str = "Root@Example.com", **options: Any) -> str:
    out = io.StringIO()
    call_command("createsuperuser", interactive=False, username=username, email=email, stdout=out, **options)
    return out.getvalue()


def test_the_first_administrator_is_a_user_like_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a long password 1")
    assert "created" in run()
    user = User.objects.get(username="root")
    assert (user.email, user.is_superuser, user.is_staff) == ("root@example.com", True, True)
    assert user.check_password("a long password 1")
    assert UserSettings.objects.filter(user=user).exists()
    assert Portfolio.objects.filter(owner=user).exists()
    entries = AuditLog.objects.filter(object_id=str(user.pk), object_type="users")
    assert {"user.created", "user.changed"} <= set(entries.values_list("action", flat=True))
    assert set(entries.values_list("actor_label", "front")) >= {("system:createsuperuser", "command")}
    assert not any(user.password in str([entry.before, entry.after]) for entry in entries)


def test_without_a_password_nobody_logs_in_as_them() -> None:
    run()
    assert not User.objects.get(username="root").has_usable_password()


@pytest.mark.parametrize(
    ("username", "email"), [("owner", "x@example.com"), ("OWNER", "x@example.com"), ("root", "Owner@example.com")]
)
def test_who_is_there_already_stays_as_they_are(owner: User, username: str, email: str) -> None:
    with pytest.raises(CommandError):
        run(username, email)
    assert User.objects.count() == 1
    assert not User.objects.filter(is_superuser=True).exists()


def test_a_name_that_is_none_is_refused_in_a_sentence() -> None:
    with pytest.raises(CommandError, match="a-z"):
        run("no such name!")
    assert not User.objects.exists()


def test_a_person_is_asked_until_the_password_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    passwords = iter(["12345678", "12345678", "a long password 1", "a long password 1"])
    monkeypatch.setattr("getpass.getpass", lambda *_: next(passwords))
    monkeypatch.setattr("builtins.input", lambda _: "n")
    UserFactory.create()
    out, errors = io.StringIO(), io.StringIO()
    call_command("createsuperuser", username="root", email="r@example.com", stdin=Terminal(), stdout=out, stderr=errors)
    assert "too common" in errors.getvalue()
    assert User.objects.get(username="root").check_password("a long password 1")
