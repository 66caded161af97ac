"""Sealing: every committed entry once, in whatever order they come, and nobody waits."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction

from systemevents.models import AuditLog, AuditSeal
from systemevents.services import seals
from systemevents.services.audit import record_audit
from systemevents.services.seals import SEALED, seal_audit
from systemevents.verification import verify_audit
from tests.portability.processes import in_processes, start_elsewhere
from tests.systemevents.conftest import Write
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, Unavailable
from tradingsite.core.registry import registry


def sealed_ids() -> list[int]:
    """Every id that a seal covers, in the order of the seals."""
    return [
        number
        for ranges in AuditSeal.objects.values_list("ranges", flat=True)
        for first, last in ranges
        for number in range(first, last + 1)
    ]


def assert_everything_is_sealed_once() -> None:
    ids = sealed_ids()
    assert len(ids) == len(set(ids))
    left = AuditLog.objects.exclude(pk__in=ids)
    assert set(left.values_list("action", flat=True)) <= {SEALED}
    assert verify_audit().finding is None


@pytest.mark.django_db
def test_what_was_done_is_sealed_and_the_sealing_stands_in_the_trail(system: Actor, write: Write) -> None:
    ids = write(3)
    (seal,) = seal_audit(actor=system)
    assert (seal.number, seal.previous, seal.last_id) == (1, "", ids[-1])
    assert set(ids) <= set(sealed_ids())
    entry = AuditLog.objects.latest("id")
    assert (entry.action, entry.object_type, entry.object_id) == (SEALED, "audit_seals", "1")
    assert entry.after["digest"] == seal.digest
    assert verify_audit().unsealed == 1


@pytest.mark.django_db
def test_sealing_again_without_anything_done_writes_nothing(system: Actor, write: Write) -> None:
    write(1)
    seal_audit(actor=system)
    before = AuditLog.objects.count()
    assert seal_audit(actor=system) == []
    assert (AuditLog.objects.count(), AuditSeal.objects.count()) == (before, 1)


@pytest.mark.django_db
def test_each_seal_is_chained_to_the_one_before(system: Actor, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "ENTRIES_PER_SEAL", 4)
    write(10)
    made = seal_audit(actor=system)
    assert len(made) > 2
    assert all(seal.entries <= 4 for seal in made)
    write(1)
    made += seal_audit(actor=system)
    assert [seal.number for seal in made] == list(range(1, len(made) + 1))
    assert [seal.previous for seal in made] == ["", *(seal.code for seal in made[:-1])]
    assert_everything_is_sealed_once()


@pytest.mark.django_db
def test_without_a_key_it_refuses_with_a_sentence(system: Actor, settings: Any) -> None:
    settings.AUDIT_SEAL_KEY = ""
    with pytest.raises(Unavailable, match="AUDIT_SEAL_KEY is not set"):
        seal_audit(actor=system)
    with pytest.raises(Unavailable, match="AUDIT_SEAL_KEY is not set"):
        verify_audit()
    assert not AuditSeal.objects.exists()


@pytest.mark.django_db
def test_another_key_than_the_last_seals_is_refused(system: Actor, write: Write, settings: Any) -> None:
    write(1)
    seal_audit(actor=system)
    write(1)
    settings.AUDIT_SEAL_KEY = "another key of the tests that is long enough to seal with: 0123456789"
    with pytest.raises(Unavailable, match="not the one that made the last seal"):
        seal_audit(actor=system)
    assert AuditSeal.objects.count() == 1


@pytest.mark.django_db
def test_the_key_is_nowhere_in_the_database(system: Actor, write: Write, settings: Any) -> None:
    write(1)
    seal_audit(actor=system)
    assert settings.AUDIT_SEAL_KEY not in repr(list(AuditSeal.objects.values()))


@pytest.mark.django_db
def test_ids_that_were_rolled_back_leave_gaps_that_harm_nothing(system: Actor, write: Write) -> None:
    write(2)
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012  # the roll-back is the point
        write(3)
        raise ZeroDivisionError
    write(2)
    seal_audit(actor=system)
    assert_everything_is_sealed_once()


@pytest.mark.django_db
def test_the_job_says_what_it_did(system: Actor, write: Write) -> None:
    write(1)
    entries = AuditLog.objects.count()
    run = registry.jobs["seal_audit"].run
    assert run(system) == f"Sealed {entries} entries; the last seal is number 1."
    assert run(system) == "Nothing was done since the last seal."


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_is_committed_after_later_ones_is_sealed_later(system: Actor, write: Write) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time: nothing is overtaken")
    written, go_on = threading.Event(), threading.Event()

    def be_slow() -> int:
        with transaction.atomic():
            entry = record_audit(system, "slow.done")
            written.set()
            assert go_on.wait(30)
        return entry.pk

    slow = start_elsewhere(be_slow)
    assert written.wait(30)
    later = write(2)
    seal_audit(actor=system)
    assert set(later) <= set(sealed_ids())
    go_on.set()
    late = slow()
    assert late < later[0]
    assert late not in sealed_ids()
    assert verify_audit().finding is None

    seal_audit(actor=system)
    assert late in AuditSeal.objects.latest("number").ranges[0]
    assert_everything_is_sealed_once()


@pytest.mark.django_db
@pytest.mark.parametrize("hours", [23, 48])
def test_a_gap_is_closed_only_by_a_sealer_that_came_a_day_later(system: Actor, write: Write, hours: int) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time: its gaps are closed at once")
    write(1)
    first = seal_audit(actor=system)[-1]
    write(1)
    with time_machine.travel(clock.now() + timedelta(hours=hours), tick=False):
        second = seal_audit(actor=system)[-1]
    assert first.closed_through == 0
    assert second.closed_through == (first.last_id if hours > 24 else 0)


@pytest.mark.django_db
def test_on_sqlite_gaps_are_closed_at_once(system: Actor, write: Write) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("elsewhere an entry can be on its way")
    ids = write(3)
    assert seal_audit(actor=system)[-1].closed_through == ids[-1]


@pytest.mark.django_db
def test_a_sealer_that_is_overtaken_by_another_says_so_and_nothing_is_lost(
    system: Actor, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(3)
    head_of = seals._head
    overtaken: list[bool] = []

    def slow(*arguments: Any) -> Any:
        head = head_of(*arguments)
        if not overtaken:
            overtaken.append(True)
            seal_audit(actor=system)
        return head

    monkeypatch.setattr(seals, "_head", slow)
    with pytest.raises(Conflict, match="Another sealer made seal 1"):
        seal_audit(actor=system)
    assert AuditSeal.objects.count() == 1
    assert AuditLog.objects.filter(action=SEALED).count() == 1
    write(1)
    seal_audit(actor=system)
    assert_everything_is_sealed_once()


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_sealer(system: Actor, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(3)
    head_of, sealing, go_on = seals._head, threading.Event(), threading.Event()

    def slow(*arguments: Any) -> Any:
        head = head_of(*arguments)
        sealing.set()
        assert go_on.wait(30)
        return head

    monkeypatch.setattr(seals, "_head", slow)
    done = start_elsewhere(lambda: seal_audit(actor=system))
    assert sealing.wait(30)
    meanwhile = write(2)  # the sealer stands still until this is committed
    go_on.set()
    (seal,) = done()
    assert seal.last_id < meanwhile[0]
    monkeypatch.undo()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_while_several_processes_write(system: Actor, settings: Any) -> None:
    writers = start_elsewhere(lambda: in_processes("record_events", 3, 40))
    running = threading.Event()

    def seal_on() -> int:
        made = 0
        while not running.is_set():
            made += len(seal_audit(actor=system))
        return made

    sealer = start_elsewhere(seal_on)
    try:
        assert writers() == [40, 40, 40]
    finally:
        running.set()
    made = sealer()
    seal_audit(actor=system)
    assert made > 1
    assert AuditLog.objects.filter(action="system_event.recorded").count() == 120
    assert_everything_is_sealed_once()
