"""Quarantines in the admin: looked at, accepted with a note."""

from __future__ import annotations

import pytest
from django.test import Client

from marketdata.models import Quarantine
from tests.admin.conftest import path_of
from tests.factories import QuarantineFactory


@pytest.fixture
def row(db: None) -> Quarantine:
    made: Quarantine = QuarantineFactory.create()
    return made


def test_a_jump_is_accepted_with_a_note(analyst_browser: Client, row: Quarantine) -> None:
    page = path_of(Quarantine, row.pk, "let-go")
    assert analyst_browser.get(path_of(Quarantine, row.pk, "accept"))["Location"] == page
    assert "Accept this jump?" in analyst_browser.get(page).content.decode()
    assert analyst_browser.post(page, {"note": ""}).status_code == 200
    assert Quarantine.objects.filter(accepted_at=None).exists()
    assert "is accepted." in analyst_browser.post(page, {"note": "a real crash"}, follow=True).content.decode()
    assert Quarantine.objects.get().note == "a real crash"
    assert "It is over already" in analyst_browser.post(page, {"note": "again"}).content.decode()


def test_the_list_shows_those_that_are_open(analyst_browser: Client, row: Quarantine) -> None:
    link = f"/{row.pk}/change/"
    assert link in analyst_browser.get(path_of(Quarantine), {"state": "open"}).content.decode()
    assert link not in analyst_browser.get(path_of(Quarantine), {"state": "over"}).content.decode()


@pytest.mark.parametrize("who", ["viewer_browser", "owner_browser"])
def test_viewers_and_traders_only_look(who: str, request: pytest.FixtureRequest, row: Quarantine) -> None:
    browser: Client = request.getfixturevalue(who)
    assert browser.get(path_of(Quarantine)).status_code == 200
    assert browser.post(path_of(Quarantine, row.pk, "let-go"), {"note": "mine"}).status_code == 403
    assert Quarantine.objects.filter(accepted_at=None).exists()
