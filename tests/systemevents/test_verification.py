"""Whoever gets around the triggers is found out: which entry, and what was done to it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection

from systemevents.models import AuditLog, AuditSeal
from systemevents.services import seals
from systemevents.services.seals import seal_audit
from systemevents.verification import Finding, read_checkpoint, verify_audit, write_checkpoint
from tests.systemevents.conftest import Attack, Write
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import InvalidInput

pytestmark = pytest.mark.django_db(transaction=True)

QUOTED = '"{}"' if connection.vendor != "mysql" else "`{}`"
CHANGES = {
    "occurred_at": "occurred_at = '2020-01-01 00:00:00'",
    "actor_label": "actor_label = 'somebody'",
    "key_id": "key_id = 'x'",
    "front": "front = 'api'",
    "action": "action = 'nothing.done'",
    "object_type": "object_type = 'x'",
    "object_id": "object_id = '7'",
    "object_label": "object_label = 'x'",
    "before": f"{QUOTED.format('before')} = NULL",
    "after": f'{QUOTED.format("after")} = \'{{"n": 2, "x": 0.25}}\'',
    "request_id": "request_id = 'x'",
    "address": "address = '192.0.2.1'",
}


@pytest.fixture
def ids(system: Actor, write: Write, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ids of twelve entries in several seals, the last two long closed; the middle is ids[4:8]."""
    monkeypatch.setattr(seals, "ENTRIES_PER_SEAL", 5)
    written = []
    now = clock.now()
    for days in (0, 2, 4):
        with time_machine.travel(now + timedelta(days=days), tick=False):
            written += write(4)
            seal_audit(actor=system)
    assert AuditSeal.objects.count() > 3
    assert found() is None
    return written


def found() -> Finding | None:
    return verify_audit().finding


def named() -> tuple[str, int | None]:
    finding = found()
    assert finding is not None
    if finding.entry is not None:
        assert str(finding.entry) in finding.message
    return finding.kind, finding.entry


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_column_is_found(ids: list[int], attack: Attack, column: str) -> None:
    attack(f"UPDATE audit_logs SET {CHANGES[column]} WHERE id = %s", ids[5])
    assert named() == ("changed", ids[5])


def test_the_first_of_several_is_named(ids: list[int], attack: Attack) -> None:
    attack("UPDATE audit_logs SET action = 'x' WHERE id IN (%s, %s)", ids[9], ids[2])
    attack("DELETE FROM audit_logs WHERE id = %s", ids[6])
    assert named() == ("changed", ids[2])


@pytest.mark.parametrize("position", [0, 3, 4, 7, 11])
def test_a_deleted_entry_is_found(ids: list[int], attack: Attack, position: int) -> None:
    attack("DELETE FROM audit_logs WHERE id = %s", ids[position])
    assert named() == ("deleted", ids[position])


def test_all_entries_gone_are_found(ids: list[int], attack: Attack) -> None:
    first = AuditLog.objects.earliest("id").pk
    attack("DELETE FROM audit_logs")
    assert named() == ("deleted", first)


def test_an_entry_that_was_inserted_among_sealed_ones_is_found(
    system: Actor, ids: list[int], write: Write, attack: Attack
) -> None:
    gap = write(1)[0]
    attack("DELETE FROM audit_logs WHERE id = %s", gap)  # an id that was never sealed, as a roll-back leaves it
    for days in (6, 8):
        write(2)
        with time_machine.travel(clock.now() + timedelta(days=days), tick=False):
            seal_audit(actor=system)
    assert found() is None
    copy_entry(ids[3], gap, attack)
    assert named() == ("inserted", gap)
    finding = found()
    assert finding is not None
    assert f"what entry {ids[3]} held" in finding.message


def test_an_entry_before_the_first_is_inserted(ids: list[int], attack: Attack) -> None:
    copy_entry(ids[3], -7, attack)
    assert named() == ("inserted", -7)


def copy_entry(source: int, target: int, attack: Attack) -> None:
    names = [field.column for field in AuditLog._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(QUOTED.format(name) for name in names)
    attack(f"INSERT INTO audit_logs (id, {columns}) SELECT %s, {columns} FROM audit_logs WHERE id = %s", target, source)


def test_two_entries_that_changed_places_are_found(ids: list[int], attack: Attack) -> None:
    for old, new in ((ids[2], -1), (ids[9], ids[2]), (-1, ids[9])):
        attack("UPDATE audit_logs SET id = %s WHERE id = %s", new, old)
    assert named() == ("reordered", ids[2])
    finding = found()
    assert finding is not None
    assert f"what entry {ids[9]} held" in finding.message


def test_an_entry_moved_to_the_end_is_missing_where_it_was(ids: list[int], attack: Attack) -> None:
    attack("UPDATE audit_logs SET id = 999999 WHERE id = %s", ids[4])
    assert named() == ("deleted", ids[4])


def test_json_that_cannot_be_read_is_found_and_breaks_nothing(ids: list[int], attack: Attack) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the others refuse it")
    attack("PRAGMA ignore_check_constraints = ON")
    attack("UPDATE audit_logs SET after = '{' WHERE id = %s", ids[5])
    assert named() == ("changed", ids[5])
    attack("UPDATE audit_logs SET occurred_at = 'yesterday', after = '{}' WHERE id = %s", ids[5])
    assert named() == ("changed", ids[5])


@pytest.mark.parametrize(
    "change",
    [
        "digest = 'f'",
        "closed_through = 99999",
        "ranges = '[[1, 1]]'",
        "entries = 4999",
        "sealed_at = '2020-01-01 00:00:00'",
        "previous = 'x'",
        "code = 'x'",
        "version = 2",
        "last_id = 99999",
    ],
)
def test_a_changed_seal_is_named(ids: list[int], attack: Attack, change: str) -> None:
    attack(f"UPDATE audit_seals SET {change} WHERE number = 2")
    finding = found()
    assert finding == Finding("seal_changed", "Seal 2 has been changed.", seal=2)


def test_a_seal_whose_fingerprints_were_changed_is_named(ids: list[int], attack: Attack) -> None:
    attack("UPDATE audit_seals SET fingerprints = %s WHERE number = 2", b"x" * 40)
    finding = found()
    assert finding is not None
    assert (finding.kind, finding.seal) == ("seal_changed", 2)


def test_a_removed_seal_is_named(ids: list[int], attack: Attack) -> None:
    attack("DELETE FROM audit_seals WHERE number = 2")
    assert found() == Finding("seal_removed", "Seal 2 has been removed.", seal=2)


def test_a_chain_without_its_beginning_is_found(ids: list[int], attack: Attack) -> None:
    attack("DELETE FROM audit_seals WHERE number = 1")
    attack("UPDATE audit_seals SET number = number - 1 WHERE number = 2")
    finding = found()
    assert finding is not None
    assert (finding.kind, finding.seal) == ("seal_changed", 1)


def test_seals_of_another_key_are_told_apart(ids: list[int], settings: Any) -> None:
    settings.AUDIT_SEAL_KEY = "another key of the tests that is long enough to seal with: 0123456789"
    finding = found()
    assert finding is not None
    assert (finding.kind, finding.seal) == ("other_key", 1)


def test_a_tail_that_was_cut_off_is_found_with_a_checkpoint_only(
    ids: list[int], attack: Attack, tmp_path: Path
) -> None:
    file = tmp_path / "audit.json"
    written = write_checkpoint(file)
    assert read_checkpoint(file) == written
    assert verify_audit(checkpoint=written).finding is None
    last = AuditSeal.objects.latest("number")
    left = AuditSeal.objects.get(number=last.number - 1)
    attack("DELETE FROM audit_logs WHERE id >= %s", last.first_id)
    attack("DELETE FROM audit_seals WHERE number = %s", last.number)
    assert found() is None
    finding = verify_audit(checkpoint=read_checkpoint(file)).finding
    assert finding is not None
    assert (finding.kind, finding.entry, finding.seal) == ("cut_off", left.last_id + 1, last.number)


def test_a_tail_that_was_cut_off_and_grown_anew_is_found_with_a_checkpoint(
    system: Actor, ids: list[int], attack: Attack, write: Write, tmp_path: Path
) -> None:
    written = write_checkpoint(tmp_path / "audit.json")
    attack("DELETE FROM audit_logs WHERE id >= %s", AuditSeal.objects.get(number=written.seal).first_id)
    attack("DELETE FROM audit_seals WHERE number = %s", written.seal)
    write(3)
    seal_audit(actor=system)
    assert found() is None
    finding = verify_audit(checkpoint=written).finding
    assert finding is not None
    assert (finding.kind, finding.seal) == ("seal_changed", written.seal)


def test_a_chain_that_has_grown_since_its_checkpoint_is_good(
    system: Actor, ids: list[int], write: Write, tmp_path: Path
) -> None:
    written = write_checkpoint(tmp_path / "audit.json")
    write(3)
    seal_audit(actor=system)
    assert verify_audit(checkpoint=written).finding is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"signature": 1}', "\x00", "[" * 100_000])
def test_what_is_no_checkpoint_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "audit.json"
    file.write_text(text)
    with pytest.raises(InvalidInput, match="is not a checkpoint"):
        read_checkpoint(file)


def test_a_checkpoint_that_was_changed_is_refused(ids: list[int], tmp_path: Path) -> None:
    file = tmp_path / "audit.json"
    write_checkpoint(file)
    values = json.loads(file.read_text())
    for change in ({"seal": 1}, {"entries": 1}, {"code": "x"}, {"last_id": 1}, {"made_at": "x"}):
        file.write_text(json.dumps({**values, **change}))
        with pytest.raises(InvalidInput, match="was changed, or made with another"):
            read_checkpoint(file)


def test_what_is_not_sealed_yet_is_counted(ids: list[int], write: Write) -> None:
    before = verify_audit()
    write(3)
    after = verify_audit()
    assert (after.sealed, after.unsealed) == (before.sealed, before.unsealed + 3)


def test_progress_is_told(ids: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("systemevents.verification.PROGRESS_EVERY", 5)
    told: list[int] = []
    verify_audit(progress=told.append)
    assert told == list(range(5, AuditLog.objects.count() + 1, 5))


def command(*arguments: str) -> int:
    try:
        call_command("audit", *arguments)
    except SystemExit as stopped:
        return int(str(stopped.code))
    return 0


def test_the_command_seals_verifies_and_exits_by_what_it_finds(
    write: Write, attack: Attack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "audit.json")
    assert command("checkpoint", file) == 1
    assert "Nothing is sealed yet" in capsys.readouterr().err
    ids = write(3)
    entries = AuditLog.objects.count()
    assert command("seal") == 0
    assert capsys.readouterr().out == f"Sealed {entries} entries; the last seal is number 1.\n"
    assert command("seal", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"entries": 0, "seals": 0, "last_seal": None}
    assert command("checkpoint", file) == 0
    assert command("verify", "--checkpoint", file) == 0
    assert f"{entries} entries in 1 seals are what they were" in capsys.readouterr().out

    attack("DELETE FROM audit_logs WHERE id = %s", ids[1])
    assert command("verify") == 1
    assert capsys.readouterr().err == f"Entry {ids[1]} has been deleted since seal 1 was made.\n"
    assert command("verify", "--json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["valid"], answer["finding"]["kind"], answer["finding"]["entry"]) == (False, "deleted", ids[1])


@pytest.mark.parametrize(
    "arguments", [("seal", "x"), ("verify", "x"), ("checkpoint",), ("seal", "--checkpoint", "x")], ids=" ".join
)
def test_wrong_usage_is_status_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert command(*arguments) == 2
    assert capsys.readouterr().err


def test_a_file_that_cannot_be_read_or_written_is_a_sentence(
    ids: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "no" / "audit.json")
    assert command("verify", "--checkpoint", missing) == 1
    assert capsys.readouterr().err == f"{missing}: No such file or directory.\n"
    assert command("checkpoint", missing) == 1
    assert "No such file or directory." in capsys.readouterr().err
