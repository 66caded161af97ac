"""The trail: with its effect or not at all, without secrets, readable on every engine."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from systemevents.models import AuditLog, Severity, SystemEvent
from systemevents.services.audit import changes, columns, plain, record_audit
from systemevents.services.events import record_event
from tests.factories import IngestBatchFactory, PortfolioCashFactory, PortfolioFactory, UserFactory
from tests.portability.processes import elsewhere
from tradingsite.core.actor import Actor, Front
from tradingsite.core.fields import validate_json
from tradingsite.core.transactions import in_transaction

pytestmark = pytest.mark.django_db


def test_an_entry_says_who_did_what_to_what_through_which_door(owner: User) -> None:
    portfolio = PortfolioFactory.create(owner=owner, name="Main")
    actor = Actor.of(owner, front=Front.API, key_id="abcdefgh", request_id="r-1", address="2001:db8::1")
    record_audit(actor, "portfolio.changed", portfolio, before={"name": "Old"}, after={"name": "Main"})

    entry = AuditLog.objects.latest("id")
    assert (entry.actor, entry.actor_label, entry.key_id, entry.front) == (owner, "owner", "abcdefgh", "api")
    assert (entry.action, entry.object_type) == ("portfolio.changed", "portfolios")
    assert (entry.object_id, entry.object_label) == (str(portfolio.pk), "Main")
    assert (entry.before, entry.after) == ({"name": "Old"}, {"name": "Main"})
    assert (entry.request_id, entry.address) == ("r-1", "2001:db8::1")


def test_the_system_is_named_without_a_user(system: Actor) -> None:
    entry = record_audit(system, "something.done")
    assert (entry.actor, entry.actor_label, entry.object_type) == (None, "system:tests", "")


def test_a_long_label_is_cut_to_its_column(system: Actor) -> None:
    batch = IngestBatchFactory.create(source="x" * 255)
    record_audit(system, "ingest.started", batch)
    assert len(AuditLog.objects.latest("id").object_label) == 200


@pytest.mark.django_db(transaction=True)
def test_an_entry_outside_of_a_transaction_is_refused(system: Actor) -> None:
    before = AuditLog.objects.count()
    with pytest.raises(RuntimeError, match="transaction of the write"):
        record_audit(system, "something.done")
    assert AuditLog.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_an_entry_goes_when_its_effect_is_taken_back_and_stays_when_it_is_committed(system: Actor) -> None:
    def entries() -> int:
        return elsewhere(lambda: AuditLog.objects.filter(action="system_event.recorded").count())

    def record() -> None:
        record_event(actor=system, event_type="test", source="tests", description="Something.")

    @in_transaction
    def record_and_fail() -> None:
        record()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        record_and_fail()
    assert entries() == elsewhere(SystemEvent.objects.count) == 0
    record()
    assert entries() == elsewhere(SystemEvent.objects.count) == 1


def test_an_entry_of_an_inner_transaction_goes_with_it(system: Actor) -> None:
    record_audit(system, "outer.done")
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012  # the roll-back is the point
        record_audit(system, "inner.done")
        raise ZeroDivisionError
    assert set(AuditLog.objects.filter(action__endswith=".done").values_list("action", flat=True)) == {"outer.done"}


def test_the_columns_of_a_user_hold_no_password() -> None:
    user = UserFactory.create(password="argon2$hash")
    assert columns(user)["username"] == user.username
    assert "password" not in columns(user)
    assert "password" not in columns(user, ["username", "password"])


def test_the_digest_of_a_batch_is_no_secret() -> None:
    batch = IngestBatchFactory.create(digest="d" * 64)
    assert columns(batch)["digest"] == "d" * 64
    assert set(columns(batch, ["read", "digest"])) == {"read", "digest"}


@pytest.mark.parametrize("name", ["password", "Password", "secret", "token"])
def test_a_secret_that_a_caller_hands_over_never_reaches_the_trail(system: Actor, name: str) -> None:
    record_audit(system, "x.done", before={name: "hush"}, after={"a": [{"b": {name: "hush", "c": 1}}]})
    entry = AuditLog.objects.latest("id")
    assert (entry.before, entry.after) == ({}, {"a": [{"b": {"c": 1}}]})


def test_decimals_are_kept_digit_by_digit(system: Actor) -> None:
    cash = PortfolioCashFactory.create(balance=Decimal("12345678901.2345"))
    record_audit(system, "cash.changed", cash, before={"balance": Decimal("1E+3")}, after=columns(cash))
    entry = AuditLog.objects.latest("id")
    assert entry.before == {"balance": "1000"}
    assert entry.after["balance"] == "12345678901.2345"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (2.5, 2.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("text", "text"),
        ("a\x00b\ud800", "a\ufffdb\ufffd"),
        (Severity.ERROR, "error"),
        (Decimal("1E-8"), "0.00000001"),
        (dt.date(2024, 1, 2), "2024-01-02"),
        (dt.datetime(2024, 1, 2, 3, tzinfo=dt.UTC), "2024-01-02T03:00:00+00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ({1: (2, [3])}, {"1": [2, [3]]}),
        ({"c", "a", "b"}, ["a", "b", "c"]),
        (dt.timedelta(seconds=1), "0:00:01"),
        (b"bytes", "b'bytes'"),
    ],
)
def test_a_value_is_kept_as_json_can_hold_it(value: Any, kept: Any) -> None:
    assert plain(value) == kept
    assert type(plain(value)) is type(kept)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals() | st.datetimes() | st.uuids(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=8,
)


@given(value=values)
def test_whatever_is_recorded_can_be_stored(value: Any) -> None:
    validate_json(plain(value))


def test_changes_are_the_columns_that_differ() -> None:
    before, after = {"a": 1, "b": 2, "gone": 3}, {"a": 1, "b": 5, "new": 4}
    assert changes(before, after) == ({"b": 2, "new": None}, {"b": 5, "new": 4})
    assert changes(after, after) == ({}, {})


def test_an_actor_who_is_renamed_keeps_the_old_name_in_the_trail(owner: User) -> None:
    record_audit(Actor.of(owner, front=Front.ADMIN), "x.done")
    owner.username = "renamed"
    owner.save()
    assert AuditLog.objects.latest("id").actor_label == "owner"


def test_an_event_is_recorded_with_its_details(system: Actor) -> None:
    event = record_event(
        actor=system,
        event_type="ingest.failed",
        source="marketdata",
        description="The file ended early.",
        severity=Severity.ERROR,
        details={"row": 7, "price": Decimal("1.50")},
    )
    event.refresh_from_db()
    assert (event.severity, event.details) == ("error", {"row": 7, "price": "1.50"})
    assert str(event) == "ingest.failed: The file ended early."
