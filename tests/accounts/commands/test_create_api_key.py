"""`manage.py create_api_key`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import ApiKey, User
from accounts.services.api_keys import find_usable_key
from systemevents.models import AuditLog
from tradingsite.core import clock


def run(*arguments: Any) -> None:
    call_command("create_api_key", *arguments)


def test_a_script_gets_id_and_key(owner: User, capsys: pytest.CaptureFixture[str]) -> None:
    run("owner", "--name", "notebook", "--json")
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"id", "key"}
    found = find_usable_key(answer["key"])
    assert found is not None
    assert (found.owner, found.name, found.public_id) == (owner, "notebook", answer["id"])


def test_a_person_gets_the_key_on_a_line_of_its_own(owner: User, capsys: pytest.CaptureFixture[str]) -> None:
    run(" Owner ", "--name", "notebook")
    key, explanation, end = capsys.readouterr().out.split("\n")
    assert find_usable_key(key) is not None
    assert "acts as owner until" in explanation
    assert end == ""


def test_the_key_is_in_no_audit_entry(owner: User, capsys: pytest.CaptureFixture[str]) -> None:
    run("owner", "--name", "notebook", "--json")
    key = json.loads(capsys.readouterr().out)["key"]
    entry = AuditLog.objects.get(action="api_key.created")
    assert entry.actor_label == "system:create_api_key"
    assert key not in json.dumps([entry.after, entry.object_label])


@pytest.mark.parametrize(("arguments", "days"), [((), 90), (("--expires-days", "7"), 7)])
def test_it_ends(owner: User, arguments: tuple[str, ...], days: int) -> None:
    run("owner", "--name", "notebook", *arguments)
    expires_at = ApiKey.objects.get().expires_at
    assert expires_at is not None
    assert abs(expires_at - clock.now() - timedelta(days=days)) < timedelta(minutes=1)


@pytest.mark.parametrize("days", ["0", "-1", "3651"])
def test_a_lifetime_out_of_bounds_has_status_2(owner: User, days: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run("owner", "--name", "notebook", f"--expires-days={days}")
    assert caught.value.code == 2
    assert not ApiKey.objects.exists()


def test_an_unknown_user_is_one_sentence(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run("nobody", "--name", "notebook")
    assert (caught.value.code, capsys.readouterr().err) == (1, "There is no user 'nobody'.\n")


def test_a_deactivated_user_gets_none(owner: User, capsys: pytest.CaptureFixture[str]) -> None:
    User.objects.update(is_active=False)
    with pytest.raises(SystemExit) as caught:
        run("owner", "--name", "notebook")
    assert (caught.value.code, capsys.readouterr().err) == (1, "owner is deactivated.\n")
    assert not ApiKey.objects.exists()


def test_without_peppers_it_says_so(owner: User, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.API_KEY_PEPPERS = ""
    with pytest.raises(SystemExit) as caught:
        run("owner", "--name", "notebook")
    assert caught.value.code == 1
    assert "API_KEY_PEPPERS is not set" in capsys.readouterr().err


def test_it_is_cut_down(owner: User, capsys: pytest.CaptureFixture[str]) -> None:
    run("owner", "--name", "bot", "--scope", "portfolio:read", "--scope", "marketdata:read", "--allow", "10.0.0.0/8")
    key = ApiKey.objects.get()
    assert (key.scopes, key.allowed_addresses) == (["marketdata:read", "portfolio:read"], ["10.0.0.0/8"])
    assert "with the scopes marketdata:read, portfolio:read, from 10.0.0.0/8" in capsys.readouterr().out


def test_a_network_that_is_none_has_status_1(owner: User, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run("owner", "--name", "bot", "--allow", "nowhere")
    assert (caught.value.code, "is no network" in capsys.readouterr().err) == (1, True)
    assert not ApiKey.objects.exists()
