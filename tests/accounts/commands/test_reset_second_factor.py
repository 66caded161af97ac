"""`manage.py reset_second_factor`."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from accounts.models import User
from accounts.second_factor_state import has_second_factor
from systemevents.models import AuditLog, SystemEvent
from tests.second_factors import set_up

pytestmark = pytest.mark.django_db


def run(username: str) -> str:
    out = StringIO()
    call_command("reset_second_factor", username, stdout=out, stderr=out)
    return out.getvalue()


def test_it_resets_and_says_so(owner: User) -> None:
    set_up(owner)
    assert run("OWNER") == "owner has no second factor any more.\n"
    assert not has_second_factor(owner)
    assert SystemEvent.objects.get(event_type="second_factor.reset").details["user"] == "owner"
    assert AuditLog.objects.get(action="second_factor.reset").actor_label == "system:reset_second_factor"


def test_again_changes_nothing(owner: User) -> None:
    assert run("owner") == "owner had no second factor.\n"
    assert not SystemEvent.objects.filter(event_type="second_factor.reset").exists()


def test_an_unknown_name_is_a_sentence(db: None) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as stop:
        call_command("reset_second_factor", "nobody", stderr=out)
    assert stop.value.code == 1
    assert out.getvalue() == "There is no user 'nobody'.\n"
