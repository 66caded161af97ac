"""Look after the archive."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from tradingsite.core.api.moments import parse_moment
from tradingsite.core.errors import InvalidInput
from tradingsite.core.management.base import DeskCommand, Failure, WrongUsage
from tradingsite.core.symbols import split_symbols
from tradingsite.core.timeframes import parse_timeframe

if TYPE_CHECKING:
    from marketdata.archive.layout import Dataset, Span
    from marketdata.models import Instrument

TICKS = "ticks"


class Command(DeskCommand):
    help = (
        "Look after the archive of sealed days: list its files, verify every byte of them, compact the day files of a "
        "month into one, export rows to a file. Exit status: 0 done, 1 failed or found something wrong, 2 wrong usage. "
        "More in docs/archive.md."
    )
    has_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-progress", action="store_true", help="No progress bar, also on a terminal.")
        actions = parser.add_subparsers(dest="action", required=True, metavar="list | verify | compact | export")
        listing = actions.add_parser("list", help="The files, with rows and bytes.")
        listing.add_argument("--all", action="store_true", help="Also those that were superseded or removed.")
        actions.add_parser("verify", help="Read every file and compare it with the manifest; exit 1 names bad ones.")
        compact = actions.add_parser("compact", help="Make one file of each month's day files.")
        compact.add_argument("--month", metavar="YYYY-MM", help="This month only; else every month that is over.")
        export = actions.add_parser("export", help="Write bars or ticks to a CSV or Parquet file.")
        export.add_argument("output", type=Path, metavar="FILE", help="What to write: .csv or .parquet.")
        export.add_argument("--symbols", required=True, metavar="SPY,IBM", help="Whose rows.")
        export.add_argument("--timeframe", required=True, help="1m, 5m, 15m, 30m, 1h or 4h; or ticks.")
        export.add_argument("--start", help="From this date or time (with its zone) on.")
        export.add_argument("--end", help="To before this date or time.")
        for action in actions.choices.values():
            # Also behind the action's name, where people write it.
            action.add_argument("--json", action="store_true", dest="as_json_too", help="Answer as JSON, for scripts.")

    def run(self, **options: Any) -> None:
        self.as_json = options["as_json"] or options["as_json_too"]
        self.has_progress = sys.stderr.isatty() and not options["no_progress"]
        getattr(self, f"_{options['action']}")(options)

    def _list(self, options: dict[str, Any]) -> None:
        from marketdata.archive.listing import as_dict
        from marketdata.models import ArchivePartition, PartitionStatus

        partitions = ArchivePartition.objects.order_by("kind", "timeframe", "first_day", "version")
        if not options["all"]:
            partitions = partitions.filter(status=PartitionStatus.CURRENT)
        found = list(partitions)
        rows, size = sum(one.rows for one in found), sum(one.size for one in found)
        if self.as_json:
            self.answer({"partitions": [as_dict(one) for one in found], "rows": rows, "size": size})
            return
        for one in found:
            state = "" if one.status == PartitionStatus.CURRENT else f"  ({one.get_status_display().lower()})"
            self.say(f"{one.path}  {one.rows:,} rows  {one.size:,} bytes{state}")
        self.say(f"{len(found):,} files, {rows:,} rows, {size:,} bytes")

    def _verify(self, options: dict[str, Any]) -> None:
        from marketdata.archive.verifying import verify_archive

        with self._progress("rows") as progress:
            found = verify_archive(lambda partition: progress(partition.rows))
        if self.as_json:
            problems = [{"path": problem.path, "message": problem.message} for problem in found.problems]
            self.answer({"files": found.files, "rows": found.rows, "size": found.size, "problems": problems})
        if found.problems:
            raise Failure("\n".join(problem.message for problem in found.problems))
        if not self.as_json:
            self.say(f"{found.files:,} files with {found.rows:,} rows are what was sealed.")

    def _compact(self, options: dict[str, Any]) -> None:
        from marketdata.archive.listing import as_dict
        from marketdata.services.compaction import compact_months

        with self._progress("rows") as progress:

            def tell(dataset: Dataset, span: Span, rows: int) -> None:
                progress(rows)

            report = compact_months(actor=self.actor, month=_month(options["month"]), progress=tell)
        if self.as_json:
            self.answer({"made": [as_dict(one) for one in report.made], "notes": report.notes})
            return
        for one in report.made:
            self.say(f"{one.path}: {one.rows:,} rows, {one.size:,} bytes")
        for note in [*report.notes, *([] if report.made else ["There was nothing to compact."])]:
            self.say(note)

    def _export(self, options: dict[str, Any]) -> None:
        from marketdata.archive.exporting import FORMS, export_rows
        from marketdata.archive.layout import BARS, DATASETS, Dataset

        path: Path = options["output"]
        form = path.suffix.lstrip(".").lower()
        if form not in FORMS:
            raise WrongUsage(f"{path.name} ends neither in .csv nor in .parquet.")
        try:
            ticks = options["timeframe"].strip().lower() == TICKS
            dataset = DATASETS[-1] if ticks else Dataset(BARS, parse_timeframe(options["timeframe"]).value)
            if dataset not in DATASETS:
                raise WrongUsage(f"Bars of {dataset.timeframe} are not in the archive; the API gives them.")
            start, end = (
                parse_moment(options[name], field=name) if options[name] else None for name in ("start", "end")
            )
            instruments = _instruments(options["symbols"])
        except InvalidInput as error:
            raise WrongUsage(error.detail) from None
        with self._progress("rows") as progress:
            count = export_rows(dataset, instruments, path, form=form, start=start, end=end, progress=progress)
        if self.as_json:
            self.answer({"file": str(path), "rows": count})
        else:
            self.say(f"{path}: {count:,} rows of {dataset}")

    @contextmanager
    def _progress(self, unit: str) -> Iterator[Callable[[int], object]]:
        """What counts rows; a line on standard error where that is a terminal."""
        if not self.has_progress:
            yield lambda _rows: None
            return
        from tqdm import tqdm

        with tqdm(unit=unit, unit_scale=True, file=sys.stderr) as bar:
            yield bar.update


def _month(text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.datetime.strptime(text, "%Y-%m").replace(tzinfo=dt.UTC).date()
    except ValueError:
        raise WrongUsage(f"--month is a month as 2013-10, not {text[:40]!r}.") from None


def _instruments(text: str) -> list[Instrument]:
    """The instruments named, each once; raises WrongUsage naming those that nobody has."""
    from marketdata.services.instruments import find_instruments

    symbols = split_symbols(text)
    found = find_instruments(symbols)
    if unknown := [symbol for symbol in symbols if symbol not in found]:
        raise WrongUsage(f"No instrument has the symbol {', '.join(unknown[:10])}.")
    if not found:
        raise WrongUsage("--symbols names nobody; write them as SPY,IBM.")
    return list(found.values())
