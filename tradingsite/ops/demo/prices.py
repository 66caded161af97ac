"""The demo's prices: simulated ones up to the last closed session, and real history beside them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Max

from marketdata.ingest.options import LoadOptions, OnError
from marketdata.ingest.source import TableSource
from marketdata.models import DailyBar, Instrument, IntradayBar, PriceBasis
from marketdata.providers.profiles import profile_of
from marketdata.services.ingest import load_bars
from tradingsite.core.actor import Actor
from tradingsite.core.timeframes import Timeframe
from tradingsite.ops.demo.instruments import REAL, make_real_instrument

if TYPE_CHECKING:
    import pyarrow as pa

    from marketdata.providers.simulator import SimulatedBars

SEED = 1
CALENDAR = "XNYS"
DAYS_OF_DAILY_BARS = 2 * 365
SESSIONS_OF_MINUTE_BARS = 5
REAL_SUFFIX = ".REAL"
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many bars came in."""

    daily: int = 0
    minute: int = 0
    real: int = 0


def extend_simulated_bars(actor: Actor, instruments: Sequence[Instrument], *, at: dt.datetime) -> Loaded:
    """Bring daily and minute bars up to the last session that is over; bars that are there stay.

    The first time: two years of daily bars and five sessions of minute bars.
    """
    from marketdata.calendars import sessions_of
    from marketdata.providers.simulator import Simulator, daily_table, minute_table

    sessions = sessions_of(CALENDAR, today=at.date())
    if sessions is None:
        raise RuntimeError(f"exchange_calendars has no calendar {CALENDAR}")
    simulator = Simulator(seed=SEED, sessions=sessions, until=at)
    dates: list[dt.date] = simulator.sessions.dates.tolist()
    first_daily, first_minute = dates[-1] - dt.timedelta(days=DAYS_OF_DAILY_BARS), dates[-SESSIONS_OF_MINUTE_BARS]
    daily_starts, minute_starts = next_days(instruments)
    pending = [
        (instrument, daily_starts.get(instrument.pk, first_daily), minute_starts.get(instrument.pk, first_minute))
        for instrument in instruments
    ]
    pending = [item for item in pending if min(item[1:]) <= dates[-1]]
    bars = [simulator.simulate(instrument.symbol, profile_of(instrument.symbol)) for instrument, _, _ in pending]
    return Loaded(
        daily=_load(actor, Timeframe.DAY_1, _tables(daily_table, bars, [daily for _, daily, _ in pending])),
        minute=_load(actor, Timeframe.MINUTE_1, _tables(minute_table, bars, [minute for _, _, minute in pending])),
    )


def next_days(instruments: Sequence[Instrument]) -> tuple[dict[int, dt.date], dict[int, dt.date]]:
    """The day after the last daily and the last minute bar, of those that have one."""
    keys = [instrument.pk for instrument in instruments]
    daily = DailyBar.objects.filter(instrument__in=keys).order_by().values("instrument_id").annotate(last=Max("date"))
    minute = (
        IntradayBar.objects.filter(instrument__in=keys, timeframe=Timeframe.MINUTE_1)
        .order_by()
        .values("instrument_id")
        .annotate(last=Max("timestamp"))
    )
    # New York's sessions lie within one UTC day, so the UTC date is the session's.
    return (
        {row["instrument_id"]: row["last"] + _DAY for row in daily},
        {row["instrument_id"]: row["last"].date() + _DAY for row in minute},
    )


def _tables(
    make: Callable[[list[SimulatedBars], dt.date, dt.date], pa.Table],
    bars: list[SimulatedBars],
    starts: list[dt.date],
) -> list[pa.Table]:
    return [make([item], start, dt.date.max) for item, start in zip(bars, starts, strict=True)]


def _load(actor: Actor, timeframe: Timeframe, tables: list[pa.Table]) -> int:
    import pyarrow as pa

    if not any(table.num_rows for table in tables):
        return 0
    source = TableSource(f"simulator (seed {SEED})", pa.concat_tables(tables))
    options = LoadOptions(on_error=OnError.ABORT, price_basis=PriceBasis.RAW, simulated=True)
    return load_bars(actor=actor, source=source, timeframe=timeframe, options=options).inserted


def load_real_history(actor: Actor) -> tuple[int, str]:
    """Load bokeh_sampledata's daily history of five shares, each unless it has bars; how many, and a note.

    Without the package there is nothing to load, and the note says so.
    """
    from tradingsite.ops.demo.real_history import read_real_history

    tables = read_real_history()
    if tables is None:
        return 0, "No real price history: the package bokeh_sampledata is not installed."
    loaded = 0
    for ticker, table in tables.items():
        symbol = ticker + REAL_SUFFIX
        if DailyBar.objects.filter(instrument__symbol=symbol).exists():
            continue
        dates = table["date"].to_pylist()
        make_real_instrument(actor, symbol, REAL[ticker], years=f"{min(dates):%Y}–{max(dates):%Y}")
        source = TableSource(f"bokeh_sampledata ({ticker})", table)
        options = LoadOptions(symbol=symbol, price_basis=PriceBasis.RAW)
        loaded += load_bars(actor=actor, source=source, timeframe=Timeframe.DAY_1, options=options).inserted
    return loaded, ""
