"""One bar at a time, as people enter and correct them; files go through `ingest`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

from marketdata.bars.reading import Shelf, Window
from marketdata.ingest.options import LoadOptions, OnError
from marketdata.ingest.summary import RowsRefused
from marketdata.models import DailyBar, Instrument, IntradayBar
from systemevents.services.audit import changes, columns, record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, InvalidInput
from tradingsite.core.locking import lock
from tradingsite.core.timeframes import Timeframe
from tradingsite.core.transactions import in_transaction

BarT = TypeVar("BarT", DailyBar, IntradayBar)

SOURCE = "admin"
_SMALLEST = dt.timedelta(microseconds=1)


@in_transaction
def add_daily_bar(
    *, actor: Actor, instrument: Instrument, date: dt.date, numbers: Mapping[str, Decimal | None]
) -> DailyBar:
    """Enter the bar of a session that has none yet, through the ingest service as a batch of one.

    `numbers` are open, high, low, close and the optional columns. Raises what `load_bars` raises
    for a bad row, as InvalidInput, and Conflict when the bar is there.
    """
    if DailyBar.objects.filter(instrument=instrument, date=date).exists():
        raise Conflict(f"There is already a bar of {instrument} on {date}; change that one.")
    _load(actor, instrument.symbol, Timeframe.DAY_1, date, numbers)
    return DailyBar.objects.get(instrument=instrument, date=date)


@in_transaction
def add_intraday_bar(
    *,
    actor: Actor,
    instrument: Instrument,
    timeframe: Timeframe,
    timestamp: dt.datetime,
    numbers: Mapping[str, Decimal | int | None],
) -> IntradayBar:
    """Enter one intraday bar that starts at that time; errors as in `add_daily_bar`."""
    # Live or sealed: what is sealed is corrected by loading a file.
    if Shelf.of(timeframe).has_any(instrument, Window(timestamp, timestamp + _SMALLEST)):
        raise Conflict(f"There is already a bar of {instrument} at that time; change that one.")
    _load(actor, instrument.symbol, timeframe, timestamp, numbers)
    return IntradayBar.objects.get(instrument=instrument, timeframe=timeframe, timestamp=timestamp)


@in_transaction
def correct_bar(*, actor: Actor, bar: BarT, numbers: Mapping[str, Decimal | int | None]) -> BarT:
    """Change numbers of a stored bar, through the ingest service as a batch of one.

    The audit trail keeps them as they were. Raises Forbidden without marketdata.change_dailybar
    or change_intradaybar, InvalidInput for a bar that can't be or for a number taken away.
    """
    actor.require(f"marketdata.change_{bar._meta.model_name}")
    stored = lock(bar)
    before = columns(stored, numbers)
    for name, value in numbers.items():
        if value is None and before[name] is not None:
            # The service leaves alone what a source does not say.
            raise InvalidInput.field(name, "A number that is stored can be changed, not taken away.")
    prices = {name: getattr(stored, name) for name in ("open", "high", "low", "close")}
    timeframe = Timeframe.DAY_1 if isinstance(stored, DailyBar) else Timeframe(stored.timeframe)
    when = stored.date if isinstance(stored, DailyBar) else stored.timestamp
    _load(actor, stored.instrument.symbol, timeframe, when, {**prices, **numbers})
    stored.refresh_from_db()
    was, now = changes(before, columns(stored, numbers))
    if now:
        record_audit(actor, "bar.corrected", stored, before=was, after=now)
    return stored


def _load(
    actor: Actor,
    symbol: str,
    timeframe: Timeframe,
    when: dt.date | dt.datetime,
    numbers: Mapping[str, Decimal | int | None],
) -> None:
    import pyarrow as pa

    from marketdata.services.ingest import TableSource, load_bars

    texts = {
        name: format(value, "f" if isinstance(value, Decimal) else "d")
        for name, value in numbers.items()
        if value is not None
    }
    row = {"symbol": symbol, "timestamp": when.isoformat(), **texts}
    table = pa.table({name: pa.array([text], pa.string()) for name, text in row.items()})
    try:
        load_bars(
            actor=actor,
            source=TableSource(SOURCE, table),
            timeframe=timeframe,
            options=LoadOptions(on_error=OnError.ABORT),
        )
    except RowsRefused as refused:
        raise InvalidInput(refused.rejects[0].message) from None
