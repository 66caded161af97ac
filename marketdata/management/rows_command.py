"""What the commands share that load rows which are no bars: their options, their summary, their exit status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from tradingsite.core.errors import DeskError
from tradingsite.core.management.base import DeskCommand, Failure

if TYPE_CHECKING:
    # Imported where it is used: numpy would slow down every command.
    from marketdata.ingest.options import OnError
    from marketdata.ingest.summary import Counts, LoadSummary, Reject

SHOWN_REJECTS = 20


class RowsCommand(DeskCommand):
    """Loads files one after another, each whole or with its bad rows left out; subclasses say `load_file`."""

    has_json = True
    reads = "CSV"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=f"What to load: {self.reads}.")
        parser.add_argument(
            "--on-error",
            choices=["reject", "abort"],
            default="reject",
            help="A bad row: leave it out and load the others (reject, the default), or load nothing of its file "
            "(abort).",
        )

    def load_file(self, path: Path, on_error: OnError) -> LoadSummary:
        """Load one file."""
        raise NotImplementedError(f"{type(self).__name__}.load_file")

    def run(self, **options: Any) -> None:
        from marketdata.ingest.options import OnError
        from marketdata.ingest.summary import RowsRefused

        results: list[LoadSummary] = []
        failures: list[str] = []
        for path in options["files"]:
            try:
                results.append(self.load_file(path, OnError(options["on_error"])))
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

    def _show(self, rejects: Sequence[Reject], count: int, *, write: Callable[[str], object]) -> None:
        for reject in rejects[:SHOWN_REJECTS]:
            write(f"  line {reject.line}: {reject.message} ({reject.code})")
        if count > SHOWN_REJECTS:
            write(f"  … and {count - SHOWN_REJECTS:,} more.")


def _counted(counts: Counts) -> str:
    return (
        f"read {counts.read:,} = inserted {counts.inserted:,} + updated {counts.updated:,} "
        f"+ unchanged {counts.unchanged:,} + rejected {counts.rejected:,}"
    )
