"""The audit trail in the admin: found by everything that an entry says, exported as filtered, readable, and sealed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from portfolio.models import Portfolio
from systemevents.models import AuditLog, AuditSeal
from systemevents.services.seals import seal_audit
from tests.admin.conftest import path_of
from tests.factories import PortfolioFactory
from tests.portability.processes import SEAL_KEY
from tradingsite.core.actor import Actor

TRAIL = path_of(AuditLog)


@pytest.fixture
def entries(owner: User, other_user: User) -> list[AuditLog]:
    """Two entries of the owner's that differ in everything, and one of somebody else's."""
    one = {
        "actor_label": "owner then",
        "key_id": "0123456789abcdef",
        "front": "api",
        "action": "portfolio.changed",
        "object_type": "portfolios",
        "object_id": "17",
        "object_label": "first thing",
        "request_id": "request-1",
        "address": "192.0.2.1",
    }
    other = {
        "actor_label": "system:tests",
        "front": "job",
        "action": "role.synced",
        "object_type": "auth_group",
        "object_id": "18",
        "object_label": "second thing",
        "request_id": "request-2",
        "address": "2001:db8::1",
    }
    return [
        AuditLog.objects.create(actor=owner, **one),
        AuditLog.objects.create(actor=owner, **other),
        AuditLog.objects.create(actor=other_user, **{**one, "object_label": "foreign thing"}),
    ]


def found(browser: Client, **query: str) -> list[str]:
    """The things of the entries that the list shows."""
    response = browser.get(TRAIL, query)
    assert response.status_code == 200
    page = response.content.decode()
    return [name for name in ("first", "second", "foreign") if f"{name} thing" in page]


FILTERS: list[tuple[dict[str, str], list[str]]] = [
    ({"who": "owner then"}, ["first"]),
    ({"who": " system:tests "}, ["second"]),
    ({"key": "0123456789abcdef"}, ["first"]),
    ({"key": "tsk_0123456789abcdef_…"}, ["first"]),
    ({"key": "nobody"}, []),
    ({"action_begins": "portfolio."}, ["first"]),
    ({"action_begins": "PORTFOLIO"}, []),
    ({"action_begins": "%"}, []),
    ({"table": "auth_group"}, ["second"]),
    ({"table": "portfolios", "object": "17"}, ["first"]),
    ({"table": "portfolios", "object": "18"}, []),
    ({"front": "job"}, ["second"]),
    ({"request": "request-2"}, ["second"]),
    ({"from_address": "192.0.2.1"}, ["first"]),
    ({"from_address": "2001:0db8:0:0::1"}, ["second"]),
    ({"from_address": "no address"}, []),
    ({"from_address": "192.0.2.1\x01"}, []),
    ({"occurred_at_from": "2100-01-01"}, []),
    ({"q": "request-1"}, ["first"]),
    ({"q": "role.synced"}, ["second"]),
    ({"q": "portfolios"}, ["first"]),
    ({"q": "portfolios 17"}, ["first"]),
    ({"q": "portfolios 18"}, []),
    ({"q": "thing"}, []),
]


@pytest.mark.parametrize(("query", "names"), FILTERS, ids=[str(query) for query, _ in FILTERS])
def test_entries_are_found_by_everything_they_say_and_only_ones_own(
    entries: list[AuditLog], owner_browser: Client, query: dict[str, str], names: list[str]
) -> None:
    assert found(owner_browser, **query) == names


def test_staff_find_everybodys(entries: list[AuditLog], staff_browser: Client) -> None:
    assert found(staff_browser, key="0123456789abcdef") == ["first", "foreign"]


@pytest.mark.parametrize("number", [0, 1])
def test_an_export_holds_exactly_the_filtered_rows(entries: list[AuditLog], staff_browser: Client, number: int) -> None:
    AuditLog.objects.create(
        actor=None, actor_label="=1+1", front="job", action="role.synced", object_label="@second thing", after={"a": 1}
    )
    columns = {f"auditlogexport_{name}": "on" for name in ("actor_label", "action", "object_label", "after")}
    data = {"format": number, "resource": "0", **columns}
    answer: Any = staff_browser.post(f"{TRAIL}export/?action_begins=role.", data)
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    if number == 0:
        lines = answer.content.decode().splitlines()
        assert len(lines) == 1 + AuditLog.objects.filter(action__startswith="role.").count()
        assert any("'=1+1" in line and "'@second thing" in line for line in lines), "no spreadsheet runs it"
        assert not any("portfolio.changed" in line for line in lines)


def test_an_entry_shows_before_and_after_beside_each_other_and_runs_nothing(owner: User, owner_browser: Client) -> None:
    evil = "<script>alert(1)</script>"
    entry = AuditLog.objects.create(
        actor=owner,
        actor_label="owner",
        front="api",
        action="thing.changed",
        before={"name": evil, "gone": 1},
        after={"name": "good", evil: None},
    )
    page = owner_browser.get(path_of(AuditLog, entry.pk, "change")).content.decode()
    assert evil not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    rows = page[page.index("<tbody>") :]
    assert rows.index(">name<") < rows.index("&lt;script&gt;") < rows.index(">good<")


# History


def test_the_history_of_an_object_is_its_trail(owner: User, owner_browser: Client) -> None:
    portfolio = PortfolioFactory.create(owner=owner)
    answer: Any = owner_browser.get(path_of(Portfolio, portfolio.pk, "history"))
    assert answer.status_code == 302
    assert answer.url == f"{TRAIL}?table=portfolios&object={portfolio.pk}"
    for label, pk in (("of this one", portfolio.pk), ("of another", portfolio.pk + 1)):
        AuditLog.objects.create(
            actor=owner,
            actor_label="owner",
            front="api",
            action="portfolio.changed",
            object_type="portfolios",
            object_id=str(pk),
            object_label=label,
        )
    page = owner_browser.get(answer.url).content.decode()
    assert "of this one" in page
    assert "of another" not in page


def test_who_may_not_look_at_the_trail_has_a_history_all_the_same(
    viewer: User, browser_of: Callable[[User], Client]
) -> None:
    portfolio = PortfolioFactory.create(owner=viewer)
    assert browser_of(viewer).get(path_of(Portfolio, portfolio.pk, "history")).status_code == 200


# Seals


def test_the_seals_say_how_far_the_trail_is_sealed(
    entries: list[AuditLog], system: Actor, staff_browser: Client, settings: Any
) -> None:
    settings.AUDIT_SEAL_KEY = SEAL_KEY
    page = staff_browser.get(path_of(AuditSeal)).content.decode()
    assert f"{AuditLog.objects.count()} entries came after the last seal." in page
    (seal,) = seal_audit(actor=system)
    page = staff_browser.get(path_of(AuditSeal)).content.decode()
    assert "1 entry came after the last seal, number 1" in page
    assert seal.digest[:16] in page
    assert "manage.py audit verify" in page
    assert seal.digest in staff_browser.get(path_of(AuditSeal, 1, "change")).content.decode()


def test_without_a_key_the_page_says_that_nothing_can_be_sealed(staff_browser: Client, settings: Any) -> None:
    settings.AUDIT_SEAL_KEY = ""
    assert "AUDIT_SEAL_KEY is not set" in staff_browser.get(path_of(AuditSeal)).content.decode()


def test_seals_are_for_who_sees_the_whole_trail(owner_browser: Client, staff_browser: Client) -> None:
    assert owner_browser.get(path_of(AuditSeal)).status_code == 403
    assert "auditseal" not in owner_browser.get("/admin/").content.decode()
    assert "auditseal" in staff_browser.get("/admin/").content.decode()
    assert staff_browser.post(path_of(AuditSeal, "add")).status_code == 403


def test_days_show_their_entries_latest_first_and_by_time(
    entries: list[AuditLog], browser_of: Callable[[User], Client]
) -> None:
    """By time, so that old days are found in their index (`AuditLogAdmin.get_ordering`)."""
    owner = entries[0].actor
    assert owner is not None
    for n, hour in enumerate((9, 17, 13)):
        at = dt.datetime(2020, 1, 2, hour, tzinfo=dt.UTC)
        AuditLog.objects.create(actor=owner, actor_label="then", front="job", action=f"old.{n}", occurred_at=at)
    answer: Any = browser_of(owner).get(TRAIL, {"occurred_at_from": "2020-01-02", "occurred_at_to": "2020-01-02"})
    assert [entry.action for entry in answer.context["cl"].result_list] == ["old.1", "old.2", "old.0"]
    answer = browser_of(owner).get(TRAIL)
    assert [entry.action for entry in answer.context["cl"].result_list][:3] == ["old.2", "old.1", "old.0"]
