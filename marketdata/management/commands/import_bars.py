"""Load bars from files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from marketdata.management.load_command import LoadCommand
from tradingsite.core.timeframes import parse_timeframe

if TYPE_CHECKING:
    # Imported where it is used: pyarrow and numpy would slow down every command.
    from marketdata.services.ingest import BarSource, LoadOptions, LoadSummary, RejectSink


class Command(LoadCommand):
    help = (
        "Load bars (open, high, low, close, volume) from CSV, NDJSON or JSON files, also compressed with gzip or zstd, "
        "from Parquet, Arrow (Feather) and LEAN's zip files, and from folders of them. "
        "Loading the same file again changes nothing; a bar that differs is updated; a column that the file lacks "
        "leaves stored values alone. Every row is checked: bad ones are left out and named with line and reason. "
        "The columns are found by their names, in any order, as yfinance, Stooq, Alpaca and most others write them. "
        "Exit status: 0 every row loaded, 1 failed or found bad rows (the good ones are loaded unless --on-error "
        "abort), 2 wrong usage. More in docs/importing.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--timeframe", required=True, help="Length of the bars: 1d, or 1m, 5m, 15m, 30m, 1h, 4h for intraday bars."
        )
        super().add_arguments(parser)
        parser.add_argument(
            "--prices",
            choices=["raw", "split", "all"],
            help="How the prices are adjusted: raw as traded, split for splits, all for splits and dividends. "
            "Must be said for files of yfinance and Stooq; raw otherwise.",
        )
        parser.add_argument(
            "--bar-label",
            choices=["start", "end"],
            default="start",
            help="Which end of its interval an intraday bar's time is in the file (default: start).",
        )

    def parse(self, options: dict[str, Any]) -> LoadOptions:
        from marketdata.ingest.tables import bar_table
        from marketdata.models.batch import PriceBasis
        from marketdata.services.ingest import BarLabel

        self.timeframe = parse_timeframe(options["timeframe"])
        bar_table(self.timeframe)
        return replace(
            super().parse(options),
            price_basis=PriceBasis(options["prices"]) if options["prices"] else None,
            bar_label=BarLabel(options["bar_label"]),
        )

    def check_source(self, source: BarSource, *, rejects: RejectSink) -> int:
        from marketdata.services.ingest import check_bars

        return check_bars(source=source, timeframe=self.timeframe, options=self.options, rejects=rejects)

    def load_source(
        self,
        source: BarSource,
        options: LoadOptions,
        *,
        progress: Callable[[int], object] | None,
        rejects: RejectSink,
    ) -> LoadSummary:
        from marketdata.services.ingest import load_bars

        return load_bars(
            actor=self.actor,
            source=source,
            timeframe=self.timeframe,
            options=options,
            progress=progress,
            rejects=rejects,
        )
