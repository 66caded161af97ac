"""A key is shown once, on a page of its own, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import ApiKey, User
from accounts.services.api_keys import create_api_key
from systemevents.models import AuditLog
from tests.admin.conftest import path_of
from tests.factories import PortfolioFactory
from tradingsite.core.actor import Actor

KEY = re.compile(r"tsk_[a-z2-7]{16}_[A-Za-z0-9_-]{43,60}")


def test_a_new_key_is_shown_once_and_kept_nowhere(owner: User, owner_browser: Client) -> None:
    response = owner_browser.post(path_of(ApiKey, "add"), {"name": "notebook"})
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store" or "no-store" in response["Cache-Control"]
    text = KEY.findall(response.content.decode())[0]
    key = ApiKey.objects.get()
    assert key.owner == owner
    assert key.expires_at is not None

    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert client.get("/api/v1/signals/").status_code != 401

    assert text not in str(response.cookies)
    sessions = [session.get_decoded() for session in Session.objects.all()]
    assert text not in str(sessions) + str(list(Session.objects.values()))
    for page in (path_of(ApiKey), path_of(ApiKey, key.pk, "change"), path_of(ApiKey, key.pk, "history"), "/admin/"):
        assert text not in owner_browser.get(page).content.decode()
    stored = (
        str(list(AuditLog.objects.values())) + str(list(LogEntry.objects.values())) + str(list(ApiKey.objects.values()))
    )
    assert text not in stored
    assert text.rpartition("_")[2] not in stored
    assert list(AuditLog.objects.filter(front="admin").values_list("action", flat=True)) == ["api_key.created"]


def test_what_the_service_refuses_stands_in_the_form(owner_browser: Client) -> None:
    values = {"name": "old", "expires_at_0": "2001-01-01", "expires_at_1": "00:00:00"}
    response = owner_browser.post(path_of(ApiKey, "add"), values)
    assert "must be in the future" in response.content.decode()
    assert not ApiKey.objects.exists()


def test_a_trader_chooses_no_owner(owner: User, owner_browser: Client, other_user: User) -> None:
    assert 'name="owner"' not in owner_browser.get(path_of(ApiKey, "add")).content.decode()
    owner_browser.post(path_of(ApiKey, "add"), {"name": "mine", "owner": other_user.pk})
    assert ApiKey.objects.get().owner == owner


def test_staff_make_a_key_for_a_trader_but_not_for_a_superuser(staff_browser: Client, owner: User) -> None:
    staff_browser.post(path_of(ApiKey, "add"), {"name": "theirs", "owner": owner.pk, "never_expires": "on"})
    key = ApiKey.objects.get()
    assert (key.owner, key.expires_at) == (owner, None)
    boss = User.objects.create(username="boss", is_superuser=True)
    response = staff_browser.post(path_of(ApiKey, "add"), {"name": "takeover", "owner": boss.pk})
    assert "rights that you do not have" in response.content.decode()
    assert not boss.api_keys.exists()


def test_revoking_asks_first_and_is_audited(owner: User, owner_browser: Client, system: Actor) -> None:
    key = create_api_key(actor=system, owner=owner, name="old").key
    page = path_of(ApiKey, key.pk, "end")
    assert "can't be brought back" in owner_browser.get(page).content.decode().replace("&#x27;", "'")
    assert ApiKey.objects.get().revoked_at is None
    assert owner_browser.post(page).status_code == 302
    assert ApiKey.objects.get().revoked_at is not None
    assert list(AuditLog.objects.filter(front="admin").values_list("action", flat=True)) == ["api_key.revoked"]
    assert "revoked" in owner_browser.get(path_of(ApiKey)).content.decode()


def test_a_viewer_looks_at_keys_but_revokes_none(
    viewer: User, browser_of: Callable[[User], Client], system: Actor
) -> None:
    key = create_api_key(actor=Actor.system("tests"), owner=viewer, name="old").key
    browser = browser_of(viewer)
    assert browser.get(path_of(ApiKey, key.pk, "change")).status_code == 200
    assert browser.post(path_of(ApiKey, key.pk, "end")).status_code == 403
    key.refresh_from_db()
    assert key.revoked_at is None


def test_a_key_never_changes_through_the_form(owner: User, owner_browser: Client, system: Actor) -> None:
    key = create_api_key(actor=system, owner=owner, name="old").key
    assert owner_browser.post(path_of(ApiKey, key.pk, "change"), {"name": "new"}).status_code == 403
    key.refresh_from_db()
    assert key.name == "old"


def test_a_key_is_made_with_all_its_limits(owner: User, owner_browser: Client) -> None:
    own, foreign = PortfolioFactory.create(owner=owner), PortfolioFactory.create()
    values = {
        "name": "bot",
        "scopes": ["orders:write", "portfolio:read"],
        "allowed_addresses": "10.0.0.1/8\n 192.0.2.7",
        "symbols": "spy, ibm",
        "daily_notional": "1000.5",
        "portfolio": foreign.pk,
    }
    owner_browser.post(path_of(ApiKey, "add"), values)
    assert not ApiKey.objects.exists()
    assert KEY.search(owner_browser.post(path_of(ApiKey, "add"), {**values, "portfolio": own.pk}).content.decode())
    key = ApiKey.objects.get()
    assert (key.scopes, key.portfolio) == (["orders:write", "portfolio:read"], own)
    assert (key.allowed_addresses, key.symbols) == (["10.0.0.0/8", "192.0.2.7/32"], ["SPY", "IBM"])
    assert key.daily_notional == Decimal("1000.5")
    page = owner_browser.get(path_of(ApiKey, key.pk, "change")).content.decode()
    for text in ("orders:write, portfolio:read", "10.0.0.0/8, 192.0.2.7/32", "SPY, IBM", "1000.5", own.name):
        assert text in page


def test_a_limit_that_the_service_refuses_stands_in_the_form(owner_browser: Client) -> None:
    page = owner_browser.post(path_of(ApiKey, "add"), {"name": "bot", "allowed_addresses": "nowhere"})
    assert "is no network" in page.content.decode()
    assert not ApiKey.objects.exists()


def test_rotating_shows_the_new_key_once_and_lets_the_old_one_overlap(
    owner: User, owner_browser: Client, system: Actor
) -> None:
    old = create_api_key(actor=system, owner=owner, name="old").key
    page = path_of(ApiKey, old.pk, "follow")
    assert 'name="overlap_hours"' in owner_browser.get(page).content.decode()
    assert ApiKey.objects.count() == 1
    refused = owner_browser.post(page, {"overlap_hours": "169"}).content.decode()
    assert not KEY.search(refused)
    assert ApiKey.objects.count() == 1
    answer = owner_browser.post(page, {"overlap_hours": "2"})
    assert "no-store" in answer["Cache-Control"]
    text = KEY.findall(answer.content.decode())[0]
    old.refresh_from_db()
    assert old.rotated_to is not None
    assert text[4:20] == old.rotated_to.public_id
    assert owner_browser.post(page, {"overlap_hours": "2"}).status_code == 302  # rotated already
    assert ApiKey.objects.count() == 2


def test_nobody_rotates_a_key_that_they_do_not_see_or_may_not(
    viewer: User, other_user: User, owner: User, browser_of: Callable[[User], Client], system: Actor
) -> None:
    key = create_api_key(actor=system, owner=owner, name="old").key
    assert browser_of(other_user).post(path_of(ApiKey, key.pk, "follow"), {"overlap_hours": "2"}).status_code == 404
    own = create_api_key(actor=system, owner=viewer, name="old").key
    assert browser_of(viewer).post(path_of(ApiKey, own.pk, "follow"), {"overlap_hours": "2"}).status_code == 403
    assert ApiKey.objects.count() == 2


def test_the_page_that_revokes_tells_what_the_key_did(owner: User, owner_browser: Client, system: Actor) -> None:
    made = create_api_key(actor=system, owner=owner, name="busy")
    page = path_of(ApiKey, made.key.pk, "end")
    assert "Never used; 0 entries" in owner_browser.get(page).content.decode()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made.text}", REMOTE_ADDR="192.0.2.7")
    assert client.post("/api/v1/watchlists", {"name": "mine"}).status_code == 201
    told = owner_browser.get(page).content.decode()
    assert "1 entry in the audit trail, from 192.0.2.7" in told
    assert "left 1 audit entry from 192.0.2.7" in owner_browser.post(page, follow=True).content.decode()
