"""Sealing a day, writing Parquet, and reading a symbol out of a compacted archive, against plain ways to do it.

    python -m benchmarks.archive [--repeat 3] [--large]

On the engine of DATABASE_URL, in a scratch database and a scratch folder. `--large` reads from
50,000,000 bars instead of 5,000,000.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from benchmarks.measure import peak_megabytes, timed
from benchmarks.scratch import scratch_database

SYMBOLS, MINUTES_A_DAY = 500, 400
DAYS_A_MONTH, MONTHS = 21, 12
DAY = dt.date(2013, 10, 7)
ROLLOVER_LIMIT, WRITING_TARGET, BYTES_LIMIT, HISTORY_LIMIT, MEMORY_LIMIT = 3.0, 2.0, 14.0, 1.5, 500
_MINUTE = 60_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=3, help="Rounds; the medians are shown.")
    parser.add_argument("--large", action="store_true", help="Read from 50,000,000 bars.")
    options = parser.parse_args()
    with scratch_database() as vendor, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        from django.conf import settings

        settings.ARCHIVE_ROOT = folder
        print(f"The archive, live bars on {vendor}")
        _rollover(vendor, options.repeat)
        _writing(Path(folder), options.repeat)
        _history(options.repeat, symbols=SYMBOLS if options.large else SYMBOLS // 10)
        _told("peak memory", peak_megabytes(), MEMORY_LIMIT, "MB", at_most=True)


def _rollover(vendor: str, repeat: int) -> None:
    """A day of 200,000 bars: sealed and proven, against reading it by the driver and writing it once."""
    from marketdata.models import IntradayBar
    from marketdata.services.rollover import roll_over
    from tradingsite.core.actor import Actor

    actor = Actor.system("bench")
    plain, sealed = [], []
    for _ in range(repeat):
        _forget()
        _load_day(actor)
        plain.append(timed(_select_and_write))
        sealed.append(timed(lambda: roll_over(actor=actor, day=DAY)))
        assert not IntradayBar.objects.exists()
    ours, yardstick = statistics.median(sealed), statistics.median(plain)
    print(
        f"  rollover of {SYMBOLS * MINUTES_A_DAY:,} bars {ours:.2f} s; SELECT and one Parquet write {yardstick:.2f} s"
    )
    _told(f"rollover on {vendor}", ours / yardstick, ROLLOVER_LIMIT, "times", at_most=True)


def _forget() -> None:
    from marketdata.models import ArchivePartition, DailyBar, IntradayBar

    for model in (ArchivePartition, DailyBar, IntradayBar):
        model._default_manager.all().delete()


def _load_day(actor: Any) -> None:
    from marketdata.ingest.options import LoadOptions
    from marketdata.services.ingest import TableSource, load_bars
    from tradingsite.core.timeframes import Timeframe

    rows = _bars(SYMBOLS, [DAY])
    table = rows.to_table().select(["symbol", "timestamp", "open", "high", "low", "close", "volume"])
    plain = pa.table({name: _plain(table[name]) for name in table.column_names})
    options = LoadOptions(create_symbols=True)
    load_bars(actor=actor, source=TableSource("bench", plain), timeframe=Timeframe.MINUTE_1, options=options)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """As a source has it: text and decimals of 128 bits."""
    if pa.types.is_dictionary(column.type):
        return column.cast(pa.string())
    if pa.types.is_decimal(column.type):
        return column.cast(pa.decimal128(column.type.precision, column.type.scale))
    return column


def _select_and_write() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT symbol, timestamp, open, high, low, close, volume, vwap, trade_count, batch_id FROM intraday_data "
            "JOIN metadata ON metadata.id = instrument_id ORDER BY symbol, timestamp"
        )
        columns = list(zip(*cursor.fetchall(), strict=True))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        parquet.write_table(pa.table([pa.array(column) for column in columns], names=list("abcdefghij")), f"{folder}/a")


def _writing(folder: Path, repeat: int) -> None:
    """A million bars into a file: as the archive writes them, against pyarrow's defaults with zstd."""
    from marketdata.archive.layout import Dataset
    from marketdata.archive.schema import schema_of, writer_options
    from marketdata.archive.writing import MOST_IN_A_GROUP

    dataset = Dataset("bars", "1m")
    table = _bars(SYMBOLS, [DAY + dt.timedelta(days=day) for day in range(5)]).to_table()
    plain = pa.table({name: table[name] if name == "symbol" else _plain(table[name]) for name in table.column_names})
    target = folder / "bench.parquet"

    def ours() -> None:
        with parquet.ParquetWriter(target, schema_of(dataset), **writer_options(dataset)) as writer:
            writer.write_table(table, row_group_size=MOST_IN_A_GROUP)

    def defaults() -> None:
        parquet.write_table(plain, target, compression="zstd")

    seconds: dict[str, list[float]] = {"ours": [], "defaults": []}
    # Seconds of the processor, in turns: other work on the machine must not count for one of them.
    for _ in range(max(repeat, 9)):
        seconds["defaults"].append(_processor(defaults))
        seconds["ours"].append(_processor(ours))
    best, yardstick = statistics.median(seconds["ours"]), statistics.median(seconds["defaults"])
    size = target.stat().st_size / len(table)
    print(f"  {len(table) / best / 1e6:.1f} M rows a second written; defaults {len(table) / yardstick / 1e6:.1f} M")
    _told("writing Parquet, one core", yardstick / best, WRITING_TARGET, "times the defaults")
    _told("bytes a bar", size, BYTES_LIMIT, "bytes", at_most=True)
    target.unlink()


def _processor(function: Callable[[], object]) -> float:
    """How many seconds of the processor one call takes."""
    start = time.process_time()
    function()
    return time.process_time() - start


def _history(repeat: int, *, symbols: int) -> None:
    """One symbol, all days, of a compacted archive, against the same of a small one of as many days."""
    from marketdata.archive.reading import footers

    seconds = {}
    for count in (10, symbols):
        _forget()
        rows, size = _archive(count)
        footers.clear()
        first = timed(_read_history)
        seconds[count] = statistics.median(timed(_read_history) for _ in range(max(repeat, 9)))
        print(
            f"  one symbol of {rows:,} bars ({size / rows:.1f} bytes each): {seconds[count] * 1e3:.1f} ms; "
            f"the first time in a process {first * 1e3:.0f} ms"
        )
    _told(
        "one symbol, all days", seconds[symbols] / seconds[10], HISTORY_LIMIT, "times that of a small one", at_most=True
    )


def _archive(symbols: int) -> tuple[int, int]:
    """Twelve months on the manifest, each a file as `archive compact` makes it; answers their rows and bytes."""
    from django.db import transaction

    from marketdata.archive.layout import Dataset, Span
    from marketdata.archive.sealing import make_file
    from marketdata.archive.storage import storage
    from marketdata.models import PartitionStatus
    from marketdata.services.archive import record_partition
    from marketdata.services.instruments import create_instruments, find_instruments
    from tradingsite.core.actor import Actor

    names = [f"S{number:04}" for number in range(symbols)]
    missing = [name for name in names if name not in find_instruments(names)]
    create_instruments(actor=Actor.system("bench"), symbols=missing)
    dataset, rows, size = Dataset("bars", "1m"), 0, 0
    for month in range(1, MONTHS + 1):
        days = [dt.date(2012, month, day + 1) for day in range(DAYS_A_MONTH)]
        span = Span.of_month(days[0])
        new = make_file(storage(), _in_parts(symbols, days), dataset=dataset, span=span, version=1)
        with transaction.atomic():
            record_partition(dataset, span, new, [], status=PartitionStatus.REDUNDANT)
        rows, size = rows + new.written.rows, size + new.written.size
    return rows, size


def _in_parts(symbols: int, days: list[dt.date]) -> Iterator[Any]:
    for start in range(0, symbols, 20):
        yield _bars(min(20, symbols - start), days, first=start)


def _read_history() -> None:
    from marketdata.archive.catalog import find_groups
    from marketdata.archive.layout import Dataset
    from marketdata.archive.reading import read_places
    from marketdata.models import Instrument

    dataset = Dataset("bars", "1m")
    found = find_groups(dataset, [Instrument.objects.get(symbol="S0005").pk])
    table = read_places(dataset, [group.place for group in found])
    assert len(table) == MONTHS * DAYS_A_MONTH * MINUTES_A_DAY


def _bars(symbols: int, days: list[dt.date], *, first: int = 0) -> Any:
    """Bars of these days for so many symbols, each at a level of its own, prices in cents that wander from there."""
    from marketdata.archive.layout import Dataset, Span, microseconds
    from marketdata.archive.rows import ArchiveRows, Words
    from marketdata.archive.schema import columns_of
    from marketdata.ingest.numbers import Numbers

    random = np.random.default_rng(first + 1)
    opens = np.array([microseconds(Span.of_day(day).start) + 13 * 60 * _MINUTE for day in days])
    times = (opens[:, None] + np.arange(MINUTES_A_DAY) * _MINUTE).ravel()
    total = symbols * len(times)
    # As the bars of `benchmarks.bars`: in cents, a few cents from minute to minute.
    levels = 10_000 + np.repeat(np.arange(first, first + symbols), len(times)) * 300
    cents = levels + np.rint(np.cumsum(random.standard_normal(total))).astype(np.int64)
    last = cents + np.rint(random.normal(0, 5, total)).astype(np.int64)
    prices = {
        "open": cents,
        "high": np.maximum(cents, last) + random.integers(0, 10, total),
        "low": np.minimum(cents, last) - random.integers(0, 10, total),
        "close": last,
    }
    there = np.zeros(total, dtype=np.bool_)
    numbers = {name: Numbers(values * 1_000_000, there) for name, values in prices.items()}
    numbers["volume"] = Numbers(random.integers(1, 100_000, total) * 1_000_000, there)
    numbers["batch"] = Numbers(np.ones(total, dtype=np.int64), there)
    dataset = Dataset("bars", "1m")
    for column in columns_of(dataset).numbers:
        numbers.setdefault(column.name, Numbers.absent(total))
    names = [f"S{number:04}" for number in range(first, first + symbols)]
    return ArchiveRows(
        dataset,
        Words(np.repeat(np.arange(symbols), len(times)), names),
        np.tile(times, symbols),
        np.zeros(total, dtype=np.int64),
        numbers,
        {},
    )


def _told(what: str, value: float, target: float, unit: str, *, at_most: bool = False) -> None:
    reached = value <= target if at_most else value >= target
    print(
        f"  {what}: {value:.2f} {unit} (at {'most' if at_most else 'least'} {target:g}){'' if reached else '  MISSED'}"
    )


if __name__ == "__main__":
    main()
