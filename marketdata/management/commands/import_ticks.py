"""Load ticks from files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from marketdata.management.load_command import LoadCommand
from tradingsite.core.timeframes import parse_timeframe

if TYPE_CHECKING:
    # Imported where it is used: pyarrow and numpy would slow down every command.
    from marketdata.services.ingest import BarSource, LoadOptions, LoadSummary, RejectSink


class Command(LoadCommand):
    help = (
        "Load ticks (single trades: timestamp, price, size, exchange, condition) from CSV, NDJSON or JSON files, also "
        "compressed with gzip or zstd, from Parquet and Arrow (Feather) files, and from folders of them. "
        "Each symbol's ticks must be in the order of time; those of the same moment are told apart by their order, so "
        "cut files between moments. Loading the same file again changes nothing. Every row is checked: bad ones are "
        "left out and named. "
        "Exit status: 0 every row loaded, 1 failed or found bad rows (the good ones are loaded unless --on-error "
        "abort), 2 wrong usage. More in docs/importing.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--bars",
            metavar="TIMEFRAME",
            help="Also make bars of the loaded days from their ticks: 1m, 5m, 15m or 30m.",
        )

    def parse(self, options: dict[str, Any]) -> LoadOptions:
        from marketdata.ingest.aggregation import check_timeframe

        self.timeframe = parse_timeframe(options["bars"]) if options["bars"] else None
        if self.timeframe is not None:
            check_timeframe(self.timeframe)
        return super().parse(options)

    def open_source(self, path: Path) -> BarSource:
        from marketdata.ingest.headers import TICK_WORDS
        from marketdata.services.ingest import open_file

        return open_file(path, words=TICK_WORDS)

    def check_source(self, source: BarSource, *, rejects: RejectSink) -> int:
        from marketdata.services.ticks import check_ticks

        return check_ticks(source=source, options=self.options, rejects=rejects)

    def load_source(
        self,
        source: BarSource,
        options: LoadOptions,
        *,
        progress: Callable[[int], object] | None,
        rejects: RejectSink,
    ) -> LoadSummary:
        from marketdata.services.ticks import load_ticks

        return load_ticks(actor=self.actor, source=source, options=options, progress=progress, rejects=rejects)

    def loaded(self, summary: LoadSummary) -> None:
        from marketdata.ingest.summary import Counts
        from marketdata.services.ticks import bars_of_spans

        if self.timeframe is None:
            return
        total = Counts()
        for made in bars_of_spans(actor=self.actor, spans=summary.spans, timeframe=self.timeframe):
            total.add(made.counts)
        summary.notes.append(
            f"Bars of {self.timeframe.value} made of the ticks: inserted {total.inserted:,}, "
            f"updated {total.updated:,}, unchanged {total.unchanged:,}."
        )
