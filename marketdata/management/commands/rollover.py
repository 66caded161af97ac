"""Seal days."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from tradingsite.core import clock
from tradingsite.core.management.base import DeskCommand, WrongUsage

if TYPE_CHECKING:
    # Imported where it is used: pyarrow and numpy would slow down every command.
    from marketdata.services.rollover import RolloverReport, Target


class Command(DeskCommand):
    help = (
        "Seal days: write their bars and ticks to Parquet files in the archive, read them back, and take them out of "
        "the database. Days are UTC dates; one that is not over is never sealed. Without options every day up to "
        "yesterday that has live rows. Late rows of a sealed day become a new version of its file. Reading is the same "
        "before and after. Safe to stop and to run again at any time. Exit status: 0 done (also with nothing to do), "
        "1 failed, 2 wrong usage. More in docs/archive.md."
    )
    has_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        days = parser.add_mutually_exclusive_group()
        days.add_argument("--date", metavar="YYYY-MM-DD", help="Seal this day only.")
        days.add_argument("--through", metavar="YYYY-MM-DD", help="Seal every day up to and with this one.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be sealed, and change nothing.")
        parser.add_argument("--no-progress", action="store_true", help="No progress bar, also on a terminal.")

    def run(self, **options: Any) -> None:
        from marketdata.services.rollover import plan_rollover, roll_over

        day, through = (_parse(options[name], name) for name in ("date", "through"))
        if day is None and through is None:
            through = clock.now().astimezone(dt.UTC).date() - dt.timedelta(days=1)
        if options["dry_run"]:
            targets, notes = plan_rollover(day=day, through=through, at=clock.now())
            self._say_plan(targets, notes, as_json=options["as_json"])
            return
        has_progress = sys.stderr.isatty() and not options["no_progress"]
        with _Progress() if has_progress else _Silence() as progress:
            report = roll_over(actor=self.actor, day=day, through=through, progress=progress)
        self._say_report(report, as_json=options["as_json"])

    def _say_plan(self, targets: list[Target], notes: list[str], *, as_json: bool) -> None:
        if as_json:
            self.answer({"would_seal": [target.as_dict() for target in targets], "notes": notes})
            return
        for target in targets:
            self.say(f"{target.span}: {target.rows:,} live {target.dataset} would be sealed.")
        for note in [*notes, *([] if targets else ["There is nothing to seal."])]:
            self.say(note)

    def _say_report(self, report: RolloverReport, *, as_json: bool) -> None:
        from marketdata.archive.catalog import dataset_of, span_of
        from marketdata.archive.listing import as_dict

        if as_json:
            self.answer(
                {
                    "sealed": [as_dict(partition) for partition in report.sealed],
                    "derived_daily_bars": report.derived,
                    "notes": report.notes,
                }
            )
            return
        for partition in report.sealed:
            self.say(
                f"{span_of(partition)}: {partition.rows:,} {dataset_of(partition)}, {partition.size:,} bytes, "
                f"version {partition.version}"
            )
        if report.derived:
            self.say(f"Made {report.derived:,} daily {'bar' if report.derived == 1 else 'bars'} that no source gave.")
        for note in [*report.notes, *([] if report.sealed else ["There was nothing to seal."])]:
            self.say(note)


class _Silence:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


class _Progress:
    """A line on standard error that counts rows."""

    def __enter__(self) -> _Progress:
        from tqdm import tqdm

        self.bar = tqdm(unit="rows", unit_scale=True, file=sys.stderr)
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def __call__(self, target: Target, rows: int) -> None:
        self.bar.set_description(f"{target.dataset} of {target.span}")
        self.bar.update(rows)


def _parse(text: str | None, name: str) -> dt.date | None:
    """The day of an option; raises WrongUsage."""
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise WrongUsage(f"--{name} is a date as 2013-10-07, not {text[:40]!r}.") from None
