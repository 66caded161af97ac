"""`bootstrap`: a working site, again and again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.core.management import call_command

from accounts.models import User
from marketdata.models import DailyBar, Instrument
from tests.factories import InstrumentFactory, UserFactory
from tests.ops.site import MONDAY, assert_nothing_changed, bootstrap_demo, everything
from tradingsite.ops.demo import real_history
from tradingsite.ops.services import bootstrap as service


@pytest.fixture(autouse=True)
def clock_at_monday() -> Iterator[None]:
    with time_machine.travel(MONDAY, tick=False):
        yield


def test_without_the_demo_there_are_roles_and_no_people(db: None) -> None:
    call_command("bootstrap")
    call_command("setup_database")
    assert not User.objects.exists()
    assert not Instrument.objects.exists()


def test_it_says_how_to_make_the_first_administrator(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("bootstrap")
    assert "manage.py createsuperuser" in capsys.readouterr().out
    UserFactory.create(role="admin")
    call_command("bootstrap")
    assert "createsuperuser" not in capsys.readouterr().out


def test_what_was_there_before_the_demo_stays(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    mine = UserFactory.create(username="admin", role="viewer")
    InstrumentFactory.create(symbol="AAPL", company_name="My Apple")
    answer = bootstrap_demo()
    assert "admin" not in {login["username"] for login in answer["logins"]}
    assert [group.name for group in mine.groups.all()] == ["viewer"]
    assert Instrument.objects.get(symbol="AAPL").company_name == "My Apple"
    assert not DailyBar.objects.filter(instrument__symbol="AAPL").exists()


@pytest.mark.parametrize("step", ["extend_simulated_bars", "make_key"])
def test_a_failure_in_the_middle_leaves_nothing(
    transactional_db: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    step: str,
) -> None:
    before = everything()
    done = getattr(service, step)

    def breaks(*args: Any, **kwargs: Any) -> None:
        done(*args, **kwargs)
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(service, step, breaks)
        with pytest.raises(RuntimeError, match="power cut"):
            bootstrap_demo()
    assert_nothing_changed(before)
    assert len(bootstrap_demo()["logins"]) == 5


def test_without_the_package_it_says_so_and_goes_on(
    db: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(real_history, "find_spec", {"bokeh_sampledata": None}.get)
    answer = bootstrap_demo()
    assert answer["notes"] == ["No real price history: the package bokeh_sampledata is not installed."]
    assert answer["counts"]["real daily bars"] == 0
    assert answer["counts"]["simulated daily bars"] > 0


def test_a_person_sees_logins_once_and_a_line_to_copy(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("bootstrap", "--demo", "--address", "http://127.0.0.1:8123")
    first = capsys.readouterr().out
    assert "http://127.0.0.1:8123/admin/" in first
    assert 'curl -H "Authorization: Bearer tsk_' in first
    assert '"http://127.0.0.1:8123/api/v1/bars?symbols=AAPL&timeframe=1d&start=2026-09-19&limit=5"' in first
    call_command("bootstrap", "--demo")
    second = capsys.readouterr().out
    assert "nothing changed" in second
    assert "tsk_" not in second
    assert "manage.py changepassword admin" in second
    assert "manage.py create_api_key demo" in second
