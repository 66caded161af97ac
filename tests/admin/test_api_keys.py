"""A key is shown once, on a page of its own, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import ApiKey, User
from accounts.services.api_keys import create_api_key
from systemevents.models import AuditLog
from tests.admin.conftest import path_of
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
