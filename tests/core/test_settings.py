"""Typed reads of the environment, and `.env.example`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tradingsite import settings
from tradingsite.core.environment import Environment, load_environment

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_names_exactly_what_the_settings_read() -> None:
    named = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(settings.env.names)


def test_the_example_explains_every_name() -> None:
    blocks = re.split(r"^[A-Z_]+=.*$", (ROOT / ".env.example").read_text(), flags=re.MULTILINE)
    alone = [block for block in blocks[:-1] if "#" not in block]
    # The parts of a login, the two numbers of the pool and the old name share a comment.
    assert len(alone) == 6


@pytest.mark.parametrize(
    ("word", "flag"), [("true", True), ("1", True), ("YES", True), ("off", False), ("0", False), (" ", False)]
)
def test_a_flag_is_yes_or_no(word: str, flag: bool) -> None:
    assert Environment({"DEBUG": word}).flag("DEBUG") is flag


def test_a_flag_that_is_neither_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="DEBUG must be true or false, not 'maybe'"):
        Environment({"DEBUG": "maybe"}).flag("DEBUG")


@pytest.mark.parametrize("text", ["abc", "-1", "0", "501", "1.5", "١٢", "9" * 5000])
def test_a_number_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="whole number from 1 to 500"):
        Environment({"N": text}).number("N", default=4, minimum=1, maximum=500)


def test_an_empty_value_counts_as_not_set() -> None:
    assert Environment({"N": ""}).number("N", default=4, minimum=1, maximum=500) == 4


def test_words_are_separated_by_commas() -> None:
    assert Environment({"HOSTS": "a, b,,c "}).words("HOSTS") == ["a", "b", "c"]


def test_a_secret_may_begin_with_a_dollar_sign() -> None:
    # django-environ would look for a variable of that name.
    assert Environment({"SECRET_KEY": "$ecret"}).text("SECRET_KEY") == "$ecret"


@pytest.mark.parametrize("url", ["smtp+tls://me:hunter2@host:abc", "pigeon://me:hunter2@host", "hunter2"])
def test_a_mail_url_that_cannot_be_used_does_not_show_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL can't be used") as caught:
        Environment({"EMAIL_URL": url}).mail("EMAIL_URL")
    assert "hunter2" not in str(caught.value)


def test_a_mail_url_becomes_settings() -> None:
    mail = Environment({"EMAIL_URL": "smtp+tls://me:pw@mail.example:587"}).mail("EMAIL_URL")
    assert (mail["EMAIL_HOST"], mail["EMAIL_PORT"], mail["EMAIL_USE_TLS"]) == ("mail.example", 587, True)


def test_without_a_mail_url_no_mail_is_sent() -> None:
    assert Environment({}).mail("EMAIL_URL") == {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}


def test_a_cache_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="CACHE_URL can't be used"):
        Environment({"CACHE_URL": "mongo://x"}).cache("CACHE_URL", default="locmemcache://")


def test_a_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"SECRET_KEY=\xff\xfe")
    with pytest.raises(ImproperlyConfigured, match="not a text file"):
        load_environment(tmp_path / ".env")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DB_POOL_SIZE", "abc", "DB_POOL_SIZE must be a whole number from 1 to 500, not 'abc'."),
        ("DEBUG", "maybe", "DEBUG must be true or false, not 'maybe'."),
        (
            "DATABASE_URL",
            "postgres://h",
            "The database setting can't be used: it names no database: end it with /name.",
        ),
    ],
)
@pytest.mark.parametrize("how", ["command", "server"])
def test_a_wrong_value_stops_with_one_sentence(name: str, value: str, says: str, how: str) -> None:
    start = [sys.executable, "manage.py", "check"] if how == "command" else [sys.executable, "-m", "tradingsite.wsgi"]
    ran = subprocess.run(start, cwd=ROOT, env={**os.environ, name: value}, capture_output=True, text=True, check=False)
    # 3 is how a worker tells gunicorn not to start another one.
    assert (ran.returncode, ran.stderr) == (1 if how == "command" else 3, says + "\n")
