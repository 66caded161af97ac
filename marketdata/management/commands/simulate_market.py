"""`manage.py simulate_market`."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from marketdata.calendars import sessions_of
from marketdata.ingest.options import LoadOptions
from marketdata.ingest.source import TableSource
from marketdata.providers.profiles import profile_of
from marketdata.services.ingest import load_bars
from marketdata.services.instruments import find_instruments
from tradingsite.core import clock
from tradingsite.core.management.base import DeskCommand, Failure, WrongUsage
from tradingsite.core.symbols import normalise_symbol
from tradingsite.core.timeframes import Timeframe

CALENDAR = "XNYS"


class Command(DeskCommand):
    help = (
        "Make bars out of a seed, for trials: by the day or by the minute, on the sessions of New York, under symbols "
        "of their own that are marked as simulated. The same seed, symbol and days always give the same bars."
    )
    has_json = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        from marketdata.providers.simulator import BEGINNING

        parser.add_argument("symbols", nargs="+", metavar="SYMBOL", help="as in TEST1; made where it does not exist")
        parser.add_argument("--timeframe", choices=["1d", "1m"], default="1d", help="default: %(default)s")
        parser.add_argument(
            "--start",
            type=dt.date.fromisoformat,
            default=BEGINNING,
            metavar="YYYY-MM-DD",
            help=f"first day, not before {BEGINNING} (default)",
        )
        parser.add_argument(
            "--end",
            type=dt.date.fromisoformat,
            default=dt.date.max,
            metavar="YYYY-MM-DD",
            help="day after the last (default: up to the last closed session)",
        )
        parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")

    def run(
        self,
        *,
        symbols: list[str],
        timeframe: str,
        start: dt.date,
        end: dt.date,
        seed: int,
        as_json: bool,
        **options: Any,
    ) -> None:
        from marketdata.providers.simulator import BEGINNING, Simulator, daily_table, minute_table

        if seed < 0 or start < BEGINNING or end <= start:
            raise WrongUsage(f"--seed is 0 or more, --start not before {BEGINNING}, --end after --start.")
        wanted = list(dict.fromkeys(map(normalise_symbol, symbols)))
        refuse_real(wanted)
        at = clock.now()
        sessions = sessions_of(CALENDAR, today=at.date())
        if sessions is None:
            raise Failure(f"exchange_calendars has no calendar {CALENDAR}.")
        simulator = Simulator(seed=seed, sessions=sessions, until=at)
        bars = [simulator.simulate(symbol, profile_of(symbol)) for symbol in wanted]
        table = (daily_table if timeframe == Timeframe.DAY_1 else minute_table)(bars, start, end)
        if not table.num_rows:
            raise Failure("No session lies between these days.")
        summary = load_bars(
            actor=self.actor,
            source=TableSource(f"simulator (seed {seed})", table),
            timeframe=Timeframe(timeframe),
            options=LoadOptions(create_symbols=True, simulated=True),
        )
        if as_json:
            self.answer(summary.as_dict())
            return
        counts = summary.counts
        self.say(
            f"{counts.read} bars = {counts.inserted} inserted + {counts.updated} updated "
            f"+ {counts.unchanged} unchanged + {counts.rejected} rejected."
        )


def refuse_real(symbols: list[str]) -> None:
    """Raise Failure when one of the symbols has real prices, which simulated ones would spoil."""
    real = [symbol for symbol, instrument in find_instruments(symbols).items() if not instrument.is_simulated]
    if real:
        raise Failure(f"{', '.join(sorted(real))}: not marked as simulated, so its prices stay as they are.")
