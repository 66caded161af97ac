"""Whether the audit trail still says what it said when it was sealed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hmac import compare_digest
from pathlib import Path
from typing import Any

from systemevents import selectors
from systemevents.canonical import (
    DIGEST_BYTES,
    FINGERPRINT_BYTES,
    VERSION,
    EntriesDigest,
    code,
    entry_digest,
    key_name,
    moment,
)
from systemevents.models import AuditSeal
from systemevents.services.seals import seal_key
from tradingsite.core import clock
from tradingsite.core.errors import InvalidInput

Progress = Callable[[int], object]
PROGRESS_EVERY = 50_000
# The digest and the name of a seal's key are hexadecimal.
_HEX = DIGEST_BYTES * 2


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that is wrong: `kind` for a program, `message` for a person."""

    #: changed, deleted, inserted or reordered (an entry); seal_changed, seal_removed, other_key or cut_off (a seal).
    kind: str
    message: str
    entry: int | None = None
    seal: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was looked at, and the first thing that is wrong, if any."""

    seals: int
    sealed: int
    unsealed: int
    finding: Finding | None

    def as_json(self) -> dict[str, Any]:
        return {"valid": self.finding is None, **asdict(self)}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far the chain had come; kept where who can write to the database can't."""

    made_at: str
    seal: int
    code: str
    entries: int
    last_id: int

    def signature(self, key: str) -> str:
        return code(key, ["checkpoint", VERSION, self.made_at, self.seal, self.code, self.entries, self.last_id])


class _Found(Exception):
    """Ends the walk with its finding."""

    def __init__(self, kind: str, message: str, **where: int) -> None:
        super().__init__(message)
        self.finding = Finding(kind, message, **where)


@dataclass(slots=True)
class _Chain:
    """The seals as far as they are good: what they cover, without their fingerprints."""

    #: First and last id of each run, and its seal; sorted by the id once the chain is read.
    runs: list[tuple[int, int, int]]
    #: Count of entries and digest of each seal.
    seals: dict[int, tuple[int, str]]
    closed_through: int = 0
    last_code: str = ""
    last_id: int = 0
    sealed: int = 0


def verify_audit(*, checkpoint: Checkpoint | None = None, progress: Progress | None = None) -> Verdict:
    """Walk the chain of seals, then the whole trail in the order of its ids, and stop at the first thing wrong.

    Reads a million entries in flat memory and makes no writer wait. Raises Unavailable without AUDIT_SEAL_KEY.
    """
    chain = _Chain([], {})
    unsealed = 0
    try:
        _read_chain(chain, seal_key(), checkpoint)
        for unsealed in _walk(chain, progress):  # noqa: B007  # the last is the count
            pass
    except _Found as found:
        return Verdict(len(chain.seals), chain.sealed, unsealed, found.finding)
    return Verdict(len(chain.seals), chain.sealed, unsealed, None)


def _read_chain(chain: _Chain, key: str, checkpoint: Checkpoint | None) -> None:
    """Follow the seals from the first; raises _Found at the first that is not what it was."""
    for seal in selectors.seals():
        number = len(chain.seals) + 1
        if seal.number > number:
            raise _Found("seal_removed", f"Seal {number} has been removed.", seal=number)
        if seal.number < number or not _is_genuine(seal, key, chain.last_code):
            if seal.key_name != key_name(key):
                raise _Found(
                    "other_key",
                    f"Seal {seal.number} was not made with this AUDIT_SEAL_KEY, or it has been changed.",
                    seal=seal.number,
                )
            raise _Found("seal_changed", f"Seal {seal.number} has been changed.", seal=seal.number)
        if checkpoint is not None and number == checkpoint.seal and not compare_digest(seal.code, checkpoint.code):
            raise _Found("seal_changed", f"Seal {number} is another than the one the checkpoint knows.", seal=number)
        chain.runs += [(first, last, number) for first, last in seal.ranges]
        chain.seals[number] = (seal.entries, seal.digest)
        chain.closed_through, chain.last_code = seal.closed_through, seal.code
        chain.last_id = max(chain.last_id, seal.last_id)
        chain.sealed += seal.entries
    if checkpoint is not None and len(chain.seals) < checkpoint.seal:
        raise _Found(
            "cut_off",
            f"The tail has been cut off: the checkpoint of {checkpoint.made_at} knows {checkpoint.entries} sealed "
            f"entries up to {checkpoint.last_id} in {checkpoint.seal} seals; left are {chain.sealed} up to "
            f"{chain.last_id} in {len(chain.seals)}.",
            entry=chain.last_id + 1,
            seal=len(chain.seals) + 1,
        )
    chain.runs.sort()


def _is_genuine(seal: AuditSeal, key: str, previous: str) -> bool:
    """Whether the key's holder made this seal, as it is, after the previous one."""
    head = selectors.head_of(seal)
    return seal.version == VERSION and head.previous == previous and compare_digest(head.code(key), seal.code)


def _walk(chain: _Chain, progress: Progress | None) -> Iterator[int]:
    """Compare each entry with its seal; gives the number of unsealed ones so far, raises _Found."""
    due = _ids(chain)
    expected = next(due, None)
    open_seals: dict[int, _OpenSeal] = {}
    unsealed = 0
    for count, (entry_id, *columns) in enumerate(selectors.stored_entries(), start=1):
        if expected is not None and entry_id > expected[0]:
            raise _deleted(*expected)
        if expected is None or entry_id < expected[0]:
            if entry_id <= chain.closed_through:
                raise _inserted(entry_id, columns)
            unsealed += 1
        else:
            number = expected[1]
            seal = open_seals.get(number) or open_seals.setdefault(number, _OpenSeal(number, *chain.seals[number]))
            seal.compare(entry_id, entry_digest(columns))
            if seal.is_done:
                del open_seals[number]
            expected = next(due, None)
        if progress is not None and count % PROGRESS_EVERY == 0:
            progress(count)
        yield unsealed
    if expected is not None:
        raise _deleted(*expected)


def _ids(chain: _Chain) -> Iterator[tuple[int, int]]:
    """Every sealed id in its order, with its seal."""
    for first, last, number in chain.runs:
        for entry_id in range(first, last + 1):
            yield entry_id, number


class _OpenSeal:
    """A seal whose entries are passing by."""

    def __init__(self, number: int, entries: int, digest: str) -> None:
        self.number, self.left, self.digest = number, entries, digest
        self.fingerprints = _fingerprints(number)
        self.position = 0
        self.total = EntriesDigest()

    @property
    def is_done(self) -> bool:
        return self.left == 0

    def compare(self, entry_id: int, digest: bytes) -> None:
        """Raises _Found when the entry is not what was sealed."""
        fingerprint = digest[:FINGERPRINT_BYTES]
        if self.fingerprints[self.position : self.position + FINGERPRINT_BYTES] != fingerprint:
            raise _changed(entry_id, self.number, fingerprint)
        self.position += FINGERPRINT_BYTES
        self.left -= 1
        self.total.add(entry_id, digest)
        if self.left == 0 and self.total.text() != self.digest:
            # Somebody found another text with the same fingerprint; which entry it is, only the seal bounds.
            raise _Found(
                "changed", f"An entry of seal {self.number} has been changed, {entry_id} at the latest.",
                entry=entry_id, seal=self.number,
            )  # fmt: skip


def _fingerprints(number: int) -> bytes:
    return bytes(AuditSeal.objects.values_list("fingerprints", flat=True).get(number=number))


def _changed(entry_id: int, number: int, fingerprint: bytes) -> _Found:
    other = _sealed_as(fingerprint)
    if other is not None:
        return _Found(
            "reordered",
            f"Entry {entry_id} has been reordered: it holds what entry {other} held when it was sealed.",
            entry=entry_id,
            seal=number,
        )
    return _Found(
        "changed", f"Entry {entry_id} has been changed since seal {number} was made.", entry=entry_id, seal=number
    )


def _deleted(entry_id: int, number: int) -> _Found:
    return _Found(
        "deleted", f"Entry {entry_id} has been deleted since seal {number} was made.", entry=entry_id, seal=number
    )


def _inserted(entry_id: int, columns: list[Any]) -> _Found:
    other = _sealed_as(entry_digest(columns)[:FINGERPRINT_BYTES])
    copied = "" if other is None else f"; it holds what entry {other} held when it was sealed"
    return _Found("inserted", f"Entry {entry_id} has been inserted among sealed ones{copied}.", entry=entry_id)


def _sealed_as(fingerprint: bytes) -> int | None:
    """The id under which these contents were sealed, if they were."""
    for seal in selectors.seals():
        held = bytes(seal.fingerprints)
        at = held.find(fingerprint)
        while at >= 0 and at % FINGERPRINT_BYTES:
            at = held.find(fingerprint, at + 1)
        if at >= 0:
            skip = at // FINGERPRINT_BYTES
            for first, last in seal.ranges:
                if skip <= last - first:
                    return int(first + skip)
                skip -= last - first + 1
    return None


def write_checkpoint(file: Path) -> Checkpoint:
    """Write how far the chain has come, signed, to a file; it appears whole or not at all.

    The chain is not verified by this. Raises InvalidInput when nothing is sealed yet, OSError.
    """
    key = seal_key()
    seals = sealed = last_id = 0
    last = ""
    for seal in selectors.seals():
        seals, last = seal.number, seal.code
        sealed += seal.entries
        last_id = max(last_id, seal.last_id)
    if not seals:
        raise InvalidInput("Nothing is sealed yet: run `manage.py audit seal` first.")
    checkpoint = Checkpoint(moment(clock.now()), seals, last, sealed, last_id)
    text = json.dumps({**asdict(checkpoint), "signature": checkpoint.signature(key)}, indent=2) + "\n"
    scratch = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        with scratch.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(file)
    finally:
        scratch.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return checkpoint


def read_checkpoint(file: Path) -> Checkpoint:
    """The checkpoint of a file. Raises InvalidInput when it is none, or was not signed with this key; OSError."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        signature = values.pop("signature")
        checkpoint = Checkpoint(**values)
        genuine = compare_digest(checkpoint.signature(seal_key()), signature)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise InvalidInput(f"{file} is not a checkpoint of the audit trail.") from None
    if not genuine:
        raise InvalidInput(f"{file} was changed, or made with another AUDIT_SEAL_KEY.")
    return checkpoint
