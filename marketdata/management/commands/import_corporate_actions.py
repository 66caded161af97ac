"""Load splits and dividends from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from tradingsite.core.errors import DeskError
from tradingsite.core.management.base import DeskCommand, Failure

if TYPE_CHECKING:
    # Imported where it is used: numpy would slow down every command.
    from marketdata.ingest.summary import LoadSummary, Reject

SHOWN_REJECTS = 20


class Command(DeskCommand):
    help = (
        "Load splits and dividends from CSV files with the columns symbol, kind (split or dividend), ex_date, ratio "
        "(new shares for old ones: 4:1, 4/1, or a number such as 4 or 0.1), amount (cash a share), currency (the "
        "instrument's where it is empty), pay_date, known_at (when it became known), number (which of the day's of "
        "its kind); a column that is not needed may be missing. Loading the same file again changes nothing; a row "
        "that differs from what is stored takes its place, and what was known before stays on record. "
        "Exit status: 0 every row loaded, 1 failed or found bad rows (the good ones are loaded unless --on-error "
        "abort), 2 wrong usage. More in docs/adjustment.md."
    )
    has_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="What to load: CSV.")
        parser.add_argument(
            "--on-error",
            choices=["reject", "abort"],
            default="reject",
            help="A bad row: leave it out and load the others (reject, the default), or load nothing of its file "
            "(abort).",
        )

    def run(self, **options: Any) -> None:
        from marketdata.actions.reading import open_actions
        from marketdata.ingest.options import OnError
        from marketdata.ingest.summary import RowsRefused
        from marketdata.services.action_loads import load_corporate_actions

        results: list[LoadSummary] = []
        failures: list[str] = []
        for path in options["files"]:
            try:
                results.append(
                    load_corporate_actions(
                        actor=self.actor, source=open_actions(path), on_error=OnError(options["on_error"])
                    )
                )
            except RowsRefused as error:
                self._show(error.rejects, error.rejected, write=self.stderr.write)
                failures.append(error.detail)
            except DeskError as error:
                failures.append(error.detail)
        self._report(results, failures, as_json=options["as_json"])

    def _report(self, results: Sequence[LoadSummary], failures: list[str], *, as_json: bool) -> None:
        from marketdata.ingest.summary import Counts

        total = Counts()
        for summary in results:
            total.add(summary.counts)
        if as_json:
            files = [summary.as_dict() for summary in results]
            self.answer({"files": files, "total": total.as_dict(), "failures": failures})
        else:
            for summary in results:
                self.say(f"{summary.source}: {_counted(summary.counts)}")
                self._show(summary.rejects, summary.rejected, write=self.say)
            if len(results) > 1:
                self.say(f"{len(results)} files: {_counted(total)}")
        if total.rejected:
            failures = [f"{total.rejected:,} of {total.read:,} rows were rejected and are not loaded.", *failures]
        if failures:
            raise Failure("\n".join(failures))

    def _show(self, rejects: Sequence[Reject], count: int, *, write: Any) -> None:
        for reject in rejects[:SHOWN_REJECTS]:
            write(f"  line {reject.line}: {reject.message} ({reject.code})")
        if count > SHOWN_REJECTS:
            write(f"  … and {count - SHOWN_REJECTS:,} more.")


def _counted(counts: Any) -> str:
    return (
        f"read {counts.read:,} = inserted {counts.inserted:,} + updated {counts.updated:,} "
        f"+ unchanged {counts.unchanged:,} + rejected {counts.rejected:,}"
    )
