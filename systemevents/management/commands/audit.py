"""`manage.py audit`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from systemevents.services.seals import seal_audit
from systemevents.verification import read_checkpoint, verify_audit, write_checkpoint
from tradingsite.core.management.base import DeskCommand, Failure, WrongUsage


class Command(DeskCommand):
    help = (
        "Prove the audit trail: `seal` hashes the entries not sealed yet into the chain of seals, `verify` names the "
        "first entry that was changed, deleted, inserted or reordered since, `checkpoint FILE` writes down how far the "
        "chain has come, so that `verify --checkpoint FILE` also finds a tail that was cut off. Needs AUDIT_SEAL_KEY. "
        "docs/audit.md says what this proves and what not. Exit status 1 when something is wrong."
    )
    has_json = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["seal", "verify", "checkpoint"])
        parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="checkpoint: the file to write")
        parser.add_argument(
            "--checkpoint", type=Path, metavar="FILE", help="verify: a checkpoint that the chain must reach"
        )

    def run(self, *, what: str, file: Path | None, checkpoint: Path | None, as_json: bool, **options: Any) -> None:
        if (file is not None) != (what == "checkpoint"):
            raise WrongUsage("`audit checkpoint` takes the file to write, and nothing else does.")
        if checkpoint is not None and what != "verify":
            raise WrongUsage("--checkpoint belongs to `audit verify`.")
        try:
            match what:
                case "seal":
                    self._seal(as_json=as_json)
                case "verify":
                    self._verify(checkpoint, as_json=as_json)
                case _:
                    self._checkpoint(file or Path(), as_json=as_json)
        except OSError as error:
            raise Failure(f"{error.filename}: {error.strerror}.") from error

    def _seal(self, *, as_json: bool) -> None:
        made = seal_audit(actor=self.actor, progress=None if as_json else self._progress)
        entries = sum(seal.entries for seal in made)
        last = made[-1].number if made else None
        if as_json:
            self.answer({"entries": entries, "seals": len(made), "last_seal": last})
        elif made:
            self.say(f"Sealed {entries:,} entries; the last seal is number {last}.")
        else:
            self.say("Nothing was done since the last seal.")

    def _verify(self, checkpoint: Path | None, *, as_json: bool) -> None:
        known = None if checkpoint is None else read_checkpoint(checkpoint)
        verdict = verify_audit(checkpoint=known, progress=None if as_json else self._progress)
        if as_json:
            self.answer(verdict.as_json())
        if verdict.finding is not None:
            raise Failure(verdict.finding.message)
        if not as_json:
            self.say(
                f"{verdict.sealed:,} entries in {verdict.seals:,} seals are what they were when they were sealed; "
                f"{verdict.unsealed:,} are not sealed yet."
            )

    def _progress(self, entries: int) -> None:
        """On standard error, so that the answer stays alone on standard output."""
        if self.stderr.isatty():
            self.stderr.write(f"{entries:,} entries ...", ending="\r", style_func=str)

    def _checkpoint(self, file: Path, *, as_json: bool) -> None:
        made = write_checkpoint(file)
        if as_json:
            self.answer({"file": str(file), "seal": made.seal, "entries": made.entries, "last_id": made.last_id})
            return
        self.say(
            f"Wrote {file}: {made.seal:,} seals over {made.entries:,} entries. Keep it where nobody who can write to "
            "the database can."
        )
