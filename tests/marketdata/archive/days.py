"""Two days of small bars and ticks, and what every answer must say of them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

from marketdata.archive.layout import BARS, Dataset
from marketdata.bars.query import BarQuery
from marketdata.models import ArchivePartition, IntradayBar, Tick
from marketdata.selectors import get_bars
from tests.factories import InstrumentFactory, TickFactory
from tests.marketdata.ingest.bars import MINUTE_HEADER, SYSTEM, load
from tradingsite.core.timeframes import Timeframe

MONDAY, TUESDAY = dt.date(2013, 10, 7), dt.date(2013, 10, 8)
MINUTES = Dataset(BARS, "1m")
SYMBOLS = ("AAA", "BBB", "CCC")


def minute_rows(day: dt.date, *, count: int = 30, symbols: tuple[str, ...] = SYMBOLS, price: str = "10.5") -> list[str]:
    """Lines of one-minute bars from the open in New York on."""
    return [
        f"{symbol},{day}T{13 + (30 + minute) // 60}:{(30 + minute) % 60:02}:00Z,"
        f"{price},{Decimal(price) + 1},9.25,{Decimal(price) + Decimal(minute) / 1000},{100 + minute}"
        for symbol in symbols
        for minute in range(count)
    ]


def load_rows(rows: list[str], **options: Any) -> Any:
    return load("\n".join([MINUTE_HEADER, *rows]), Timeframe.MINUTE_1, **options)


def load_days(*days: dt.date, **options: Any) -> None:
    for day in days or (MONDAY, TUESDAY):
        load_rows(minute_rows(day, **options))


def bars(timeframe: str = "1m", **query: Any) -> list[tuple[str, str, int, int, int]]:
    """Every bar that the one question answers: symbol, time, open, close and volume, unscaled."""
    page = get_bars(
        actor=SYSTEM, query=BarQuery(symbols=SYMBOLS, timeframe=Timeframe(timeframe), limit=100_000, **query)
    )
    return [
        (part.symbol, str(start), int(first), int(last), int(volume))
        for part in page.parts
        for start, first, last, volume in zip(
            part.series.start, part.series.open, part.series.close, part.series.volume, strict=True
        )
    ]


def make_ticks(day: dt.date = MONDAY, count: int = 50) -> None:
    """Trades of two instruments, each second two at the same microsecond."""
    moment = dt.datetime.combine(day, dt.time(13, 30, 0, 250), tzinfo=dt.UTC)
    for symbol in SYMBOLS[:2]:
        instrument = InstrumentFactory.create(symbol=symbol)
        Tick.objects.bulk_create(
            TickFactory.build(
                instrument=instrument,
                timestamp=moment + dt.timedelta(seconds=number // 2),
                sequence=number % 2,
                price=Decimal("12.34567891") + number,
                size=Decimal("0.000001") + number,
                condition="" if number % 3 else "@ T,x",
            )
            for number in range(count)
        )


def live() -> int:
    return IntradayBar.objects.count() + Tick.objects.count()


def current() -> list[ArchivePartition]:
    return list(ArchivePartition.objects.filter(status="current").order_by("path"))


def files(root: Path, *folders: str) -> list[str]:
    """The Parquet files below these folders of the archive."""
    folders = folders or ("bars", "ticks")
    return sorted(
        file.relative_to(root).as_posix() for folder in folders for file in (root / folder).rglob("*.parquet")
    )
