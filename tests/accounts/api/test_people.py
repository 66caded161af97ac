"""users, roles, api-keys and auth/me over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from accounts.models import ApiKey, User
from accounts.services.api_keys import create_api_key
from systemevents.models import AuditLog
from tests.answers import assert_problem, last_audit, results
from tradingsite.core.actor import Actor

USERS, ROLES, KEYS, ME = "/api/v1/users", "/api/v1/roles", "/api/v1/api-keys", "/api/v1/auth/me"


def test_it_says_who_one_is(owner: User, owner_api: APIClient) -> None:
    me = owner_api.get(ME).json()
    assert (me["username"], me["email"], me["roles"]) == ("owner", "owner@example.com", ["trader"])
    assert "portfolio.add_watchlist" in me["permissions"]
    assert "core.view_all" not in me["permissions"]
    assert me["sees_everything"] is False
    assert me["api_key"]["public_id"] == owner.api_keys.get().public_id


def test_an_administrator_sees_everything(staff_api: APIClient) -> None:
    assert staff_api.get(ME).json()["sees_everything"] is True


def test_both_headers_carry_a_key(owner: User, system: Actor) -> None:
    text = create_api_key(actor=system, owner=owner, name="k").text
    for headers in ({"Authorization": f"Bearer {text}"}, {"Authorization": f"bearer  {text} "}, {"X-API-Key": text}):
        assert APIClient().get(ME, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic b3duZXI6eA==", "Bearer tsk_x", "Bearer " + "x" * 5000, "Bearer \u0663", "Token x"],
)
def test_anything_else_is_401(db: None, header: str) -> None:
    answer = APIClient().get(ME, headers={"Authorization": header})
    assert_problem(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_mistyped_key_is_refused_without_asking_the_database(
    owner: User, system: Actor, django_assert_num_queries: Callable[[int], object]
) -> None:
    text = create_api_key(actor=system, owner=owner, name="k").text
    mistyped = text[:30] + ("a" if text[30] != "a" else "b") + text[31:]
    with django_assert_num_queries(0):  # type: ignore[attr-defined]  # a context manager
        assert APIClient().get(ME, headers={"X-API-Key": mistyped}).status_code == 401


def test_the_admins_session_is_no_way_in(owner: User) -> None:
    client = APIClient()
    client.force_login(owner)
    assert client.get(ME).status_code == 401


def test_users_show_their_roles_and_nothing_secret(owner: User, staff_api: APIClient) -> None:
    rows = {row["username"]: row for row in results(staff_api.get(USERS))}
    assert rows["owner"]["roles"] == ["trader"]
    assert set(rows["owner"]) == {
        "id",
        "username",
        "email",
        "first_name",
        "last_name",
        "is_active",
        "roles",
        "date_joined",
        "last_login",
    }
    assert [row["username"] for row in results(staff_api.get(USERS, {"role": "trader"}))] == ["owner"]
    assert results(staff_api.get(USERS, {"is_active": "false"})) == []
    assert [row["username"] for row in results(staff_api.get(USERS, {"username": "owner"}))] == ["owner"]


def test_roles_show_their_permissions(staff_api: APIClient) -> None:
    rows = {row["name"]: row["permissions"] for row in results(staff_api.get(ROLES))}
    assert set(rows) == {"admin", "analyst", "trader", "viewer"}
    assert "core.view_all" in rows["admin"]
    assert [row["name"] for row in results(staff_api.get(ROLES, {"name": "viewer"}))] == ["viewer"]


def test_keys_show_nothing_secret(owner_api: APIClient) -> None:
    rows = results(owner_api.get(KEYS))
    assert len(rows) == 1
    assert set(rows[0]) == {
        "id",
        "owner",
        "name",
        "public_id",
        "state",
        "scopes",
        "allowed_addresses",
        "portfolio",
        "symbols",
        "daily_notional",
        "created_at",
        "expires_at",
        "rotated_to",
        "overlap_until",
        "revoked_at",
        "last_used_at",
    }


def test_a_key_ends_itself(owner: User, owner_api: APIClient) -> None:
    key = owner.api_keys.get()
    answer = owner_api.post(f"{KEYS}/{key.pk}/revoke")
    assert answer.status_code == 200
    assert answer.json()["revoked_at"] is not None
    assert_problem(owner_api.get(ME), 401)
    assert (last_audit().action, last_audit().object_id) == ("api_key.revoked", str(key.pk))


def test_revoking_again_changes_nothing(owner: User, owner_api: APIClient, system: Actor) -> None:
    key = create_api_key(actor=system, owner=owner, name="old").key
    first = owner_api.post(f"{KEYS}/{key.pk}/revoke").json()
    before = AuditLog.objects.count()
    assert owner_api.post(f"{KEYS}/{key.pk}/revoke").json() == first
    assert AuditLog.objects.count() == before


def test_an_administrator_ends_anybodys_key(owner: User, staff_api: APIClient, owner_api: APIClient) -> None:
    assert staff_api.post(f"{KEYS}/{owner.api_keys.get().pk}/revoke").status_code == 200
    assert owner_api.get(ME).status_code == 401


def test_a_key_never_makes_a_key(staff_api: APIClient) -> None:
    before = ApiKey.objects.count()
    assert_problem(staff_api.post(KEYS, {"name": "another"}), 403)
    assert_problem(staff_api.post(f"{KEYS}/{ApiKey.objects.get().pk}/rotate"), 403)
    assert ApiKey.objects.count() == before


@pytest.mark.parametrize(("revoked", "names"), [("true", ["old"]), ("false", ["tests"])])
def test_keys_list_by_whether_they_are_revoked(
    owner: User, owner_api: APIClient, system: Actor, revoked: str, names: list[str]
) -> None:
    key = create_api_key(actor=system, owner=owner, name="old").key
    owner_api.post(f"{KEYS}/{key.pk}/revoke")
    assert [row["name"] for row in results(owner_api.get(KEYS, {"revoked": revoked}))] == names
