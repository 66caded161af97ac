"""The pattern that `docs/security.md` publishes finds keys, and finds none in what we keep or log."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.key_format import KEY_PATTERN, make_key
from accounts.models import User
from accounts.services.api_keys import create_api_key, rotate_api_key
from tests.accounts.passwords import PASSWORD, log_in, refresh, try_to_log_in, with_password, with_token
from tests.portability.processes import ROOT, database_url, environment
from tradingsite.core.actor import Actor

PUBLISHED = re.compile(KEY_PATTERN)


def test_the_pattern_is_published_and_finds_every_key() -> None:
    assert KEY_PATTERN in (ROOT / "docs" / "security.md").read_text()
    for _ in range(200):
        text = make_key().text
        assert PUBLISHED.findall(f'key="{text}"\n') == [text]


def test_no_key_stands_in_the_logs_or_in_a_dump_of_the_database(
    db: None, owner: User, system: Actor, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    made = create_api_key(actor=system, owner=owner, name="scanned")
    new = rotate_api_key(actor=system, key=made.key)
    for text in (made.text, new.text, make_key().text):
        api = APIClient()
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        api.get("/api/v1/auth/me")
        api.post("/api/v1/watchlists", {"name": "mine"})
        # A key in the wrong place: a query, a header of nobody's.
        api.get("/api/v1/signals", {"symbol": text}, headers={"X-Request-ID": text[:64]})
    dump = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            dump += [repr(row) for row in cursor.fetchall()]
    assert any(made.key.public_id in row for row in dump)
    written = capfd.readouterr()
    assert PUBLISHED.findall("\n".join(dump)) == []
    assert PUBLISHED.findall(written.err + written.out) == []
    assert "/api/v1/auth/me" in written.err + caplog.text


def test_no_token_and_no_password_stands_in_the_logs_or_in_a_dump_of_the_database(
    db: None, owner: User, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    with_password(owner)
    first = log_in(owner)
    second = refresh(first["refresh"]).json()
    secrets = [PASSWORD, *(pair[kind] for pair in (first, second) for kind in ("access", "refresh"))]
    for token in secrets[1:]:
        api = with_token(token)
        api.get("/api/v1/auth/me")
        # A token in the wrong place: a query, a header of nobody's, a name.
        api.get("/api/v1/signals", {"symbol": token}, headers={"X-Request-ID": token[:64]})
        try_to_log_in(token[:150], PASSWORD)
    refresh(first["refresh"])
    assert with_token(log_in(owner)["access"]).post("/api/v1/auth/logout/").status_code == 204
    with connection.cursor() as cursor:
        dump = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            dump += [repr(row) for row in cursor.fetchall()]
    written = capfd.readouterr()
    assert "/api/v1/auth/token/refresh" in written.err + caplog.text
    assert any("token_reused" in row for row in dump)
    for where in ("\n".join(dump), written.err + written.out):
        for secret in secrets:
            # The signature alone is enough to know a token by; its first part is the same in all of them.
            assert secret not in where
            assert secret.rpartition(".")[2] not in where


@pytest.mark.django_db(transaction=True)
def test_the_command_prints_a_key_once_and_logs_none(owner: User) -> None:
    ran = subprocess.run(
        [sys.executable, "manage.py", "create_api_key", "owner", "--name", "x", "--scope", "marketdata:read"],
        cwd=ROOT,
        env=environment(database_url()),
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(PUBLISHED.findall(ran.stdout)) == 1
    assert PUBLISHED.findall(ran.stderr) == []
    assert "with the scopes marketdata:read" in ran.stdout
