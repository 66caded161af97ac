"""What the commands that load files of rows share: options, progress, rejects, summaries, exit status."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from tradingsite.core.errors import DeskError, InvalidInput
from tradingsite.core.management.base import DeskCommand, Failure, WrongUsage
from tradingsite.core.symbols import normalise_symbol

if TYPE_CHECKING:
    # Imported where it is used: pyarrow and numpy would slow down every command.
    from marketdata.services.ingest import BarSource, Counts, LoadOptions, LoadSummary, Reject, RejectSink

SHOWN_REJECTS = 20
FILES = ".csv, .ndjson, .json (also .gz, .zst), .parquet, .arrow, .feather, or a folder of them"


class LoadCommand(DeskCommand):
    """Loads files one after the other; subclasses say how one is checked and loaded."""

    has_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=f"What to load: {FILES}.")
        parser.add_argument(
            "--symbol", help="Symbol of all rows, where the file has no column for it; else the file's name is it."
        )
        parser.add_argument(
            "--timezone",
            help="Zone of times written without an offset, and of the sessions of daily bars: America/New_York, UTC.",
        )
        parser.add_argument("--create-symbols", action="store_true", help="Make instruments of unknown symbols.")
        parser.add_argument(
            "--on-error",
            choices=["reject", "abort"],
            default="reject",
            help="A bad row: leave it out and load the others (reject, the default), or load nothing (abort).",
        )
        parser.add_argument(
            "--rejects", type=Path, metavar="CSV", help="Write every rejected row's line and reason here."
        )
        parser.add_argument(
            "--round",
            action="store_true",
            help="Round numbers to 8 decimals and 15 digits: for files written from floats, as 49.119999999999997.",
        )
        parser.add_argument("--no-progress", action="store_true", help="No progress bar, also on a terminal.")

    def parse(self, options: dict[str, Any]) -> LoadOptions:
        """The options as the service takes them; raises InvalidInput for values that can't be meant."""
        from marketdata.services.ingest import LoadOptions, OnError

        load = LoadOptions(
            symbol=normalise_symbol(options["symbol"]) if options["symbol"] is not None else None,
            time_zone=options["timezone"],
            create_symbols=options["create_symbols"],
            on_error=OnError(options["on_error"]),
            round_floats=options["round"],
        )
        load.zone()
        return load

    def open_source(self, path: Path) -> BarSource:
        """The file as a source."""
        from marketdata.services.ingest import open_file

        return open_file(path)

    def check_source(self, source: BarSource, *, rejects: RejectSink) -> int:
        """Read the source without writing; raises RowsRefused when a row is bad."""
        raise NotImplementedError

    def load_source(
        self,
        source: BarSource,
        options: LoadOptions,
        *,
        progress: Callable[[int], object] | None,
        rejects: RejectSink,
    ) -> LoadSummary:
        """Load the source."""
        raise NotImplementedError

    def loaded(self, summary: LoadSummary) -> None:
        """What to do after a source was loaded; nothing."""

    def run(self, **options: Any) -> None:
        from marketdata.providers.files import Files

        try:
            self.options = self.parse(options)
            files = Files(options["files"]).found()
        except InvalidInput as error:
            raise WrongUsage(error.detail) from None
        self.has_progress = sys.stderr.isatty() and not options["no_progress"]
        self.results: list[LoadSummary] = []
        self.failures: list[str] = []
        with _reject_writer(options["rejects"]) as self.write_rejects:
            if options["on_error"] == "abort":
                # All files before the first write, so that nothing is loaded when any row is bad.
                self._check_all(files)
            for path in files:
                if not self._load_file(path):
                    break
        self._report(as_json=options["as_json"])

    def _check_all(self, paths: Sequence[Path]) -> None:
        from marketdata.services.ingest import RowsRefused

        for path in paths:
            try:
                self.check_source(self.open_source(path), rejects=partial(self.write_rejects, path))
            except RowsRefused as error:
                self._show_rejects(error.rejects, error.rejected, write=self.stderr.write)
                self.failures.append(error.detail)
            except DeskError as error:
                self._refuse_usage(path, error)
                self.failures.append(_about(path, error))
        if self.failures:
            raise Failure("\n".join([*self.failures, "Nothing was loaded."]))

    def _load_file(self, path: Path) -> bool:
        """Load one file and note what became of it; answers whether to go on with the next."""
        from marketdata.services.ingest import IngestFailed, OnError

        try:
            source = self.open_source(path)
            with self._progress(source) as progress:
                summary = self.load_source(
                    source,
                    # What abort asks for was done for all files together.
                    replace(self.options, on_error=OnError.REJECT),
                    progress=progress,
                    rejects=partial(self.write_rejects, path),
                )
        except IngestFailed as error:
            self.results.append(error.summary)
            self.failures.append(f"{_about(path, error)} What was loaded before stays, as the summary says.")
            # A bad file says nothing about the next one; a failing database and Ctrl-C do.
            return isinstance(error.__cause__, DeskError)
        except DeskError as error:
            self._refuse_usage(path, error)
            self.failures.append(_about(path, error))
        else:
            self.results.append(summary)
            self.loaded(summary)
            if not summary.counts.accepted:
                self.failures.append(f"{path.name}: not one row could be loaded.")
        return True

    def _refuse_usage(self, path: Path, error: DeskError) -> None:
        """Raise WrongUsage where the error is a missing option, as long as nothing was loaded."""
        from marketdata.services.ingest import PricesNotNamed

        if isinstance(error, PricesNotNamed) and not self.results:
            raise WrongUsage(_about(path, error)) from None

    @contextmanager
    def _progress(self, source: BarSource) -> Iterator[Callable[[int], object] | None]:
        """A progress bar on standard error where that is a terminal."""
        if not self.has_progress:
            yield None
            return
        from tqdm import tqdm

        with tqdm(total=source.size, desc=source.name, unit="B", unit_scale=True, file=sys.stderr) as bar:
            yield bar.update

    def _report(self, *, as_json: bool) -> None:
        """The summaries, their total, and the failures; raises Failure when there are any, or rejected rows."""
        from marketdata.services.ingest import Counts

        total = Counts()
        for summary in self.results:
            total.add(summary.counts)
        if as_json:
            files = [summary.as_dict() for summary in self.results]
            self.answer({"files": files, "total": total.as_dict(), "failures": self.failures})
        else:
            for summary in self.results:
                self.say(f"{summary.source}: {_counted(summary.counts)}")
                for note in summary.notes:
                    self.say(f"  {note}")
                self._show_rejects(summary.rejects, summary.rejected, write=self.say)
            if len(self.results) > 1:
                self.say(f"{len(self.results)} files: {_counted(total)}")
        found = list(self.failures)
        if total.rejected:
            found.insert(0, f"{total.rejected:,} of {total.read:,} rows were rejected and are not loaded.")
        if found:
            raise Failure("\n".join(found))

    def _show_rejects(self, rejects: Sequence[Reject], count: int, *, write: Callable[[str], object]) -> None:
        for reject in rejects[:SHOWN_REJECTS]:
            write(f"  line {reject.line}: {reject.message} ({reject.code})")
        if count > SHOWN_REJECTS:
            write(f"  … and {count - SHOWN_REJECTS:,} more; --rejects FILE writes all of them.")


@contextmanager
def _reject_writer(path: Path | None) -> Iterator[Callable[[Path, Sequence[Reject]], None]]:
    """What takes a file's rejects; that they can't be written is a sentence before anything is loaded."""

    def write(source: Path, rejects: Sequence[Reject]) -> None:
        if writer is not None:
            writer.writerows((reject.line, reject.code, reject.message, str(source)) for reject in rejects)

    if path is None:
        writer = None
        yield write
        return
    try:
        stream = path.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise Failure(f"The rejects can't be written to {path}: {error.strerror}.") from None
    with stream:
        writer = csv.writer(stream)
        writer.writerow(["line", "code", "message", "file"])
        yield write


def _about(path: Path, error: DeskError) -> str:
    """The error's sentence, with the file's name unless that is in it."""
    return error.detail if path.name in error.detail else f"{path.name}: {error.detail}"


def _counted(counts: Counts) -> str:
    return (
        f"read {counts.read:,} = inserted {counts.inserted:,} + updated {counts.updated:,} "
        f"+ unchanged {counts.unchanged:,} + rejected {counts.rejected:,}"
    )
