"""The folder is plain hive-partitioned Parquet: DuckDB and polars read it without our code, exactly."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars
import pytest

from marketdata.archive.layout import microseconds
from marketdata.models import IntradayBar, Tick
from marketdata.services.compaction import compact_months
from marketdata.services.rollover import roll_over
from tests.marketdata.archive.days import MONDAY, TUESDAY, load_days, load_rows, make_ticks
from tests.marketdata.ingest.bars import SYSTEM

pytestmark = pytest.mark.django_db
NOVEMBER = dt.date(2013, 11, 4)
NAMES = ("symbol", "timestamp", "open", "high", "low", "close", "volume")


@pytest.fixture
def stored() -> list[tuple[Any, ...]]:
    """What the database holds before all of it is sealed: two days, a compacted month, a corrected day."""
    load_days(MONDAY, TUESDAY)
    load_rows([f"DDD,{MONDAY}T13:30:00Z,0.00000001,9999999999.9999,0.00000001,1234567.12345678,123456789.123456"])
    roll_over(actor=SYSTEM, through=TUESDAY)
    compact_months(actor=SYSTEM)
    load_days(NOVEMBER)
    roll_over(actor=SYSTEM, through=NOVEMBER)
    load_rows([f"AAA,{NOVEMBER}T14:30:00Z,50,60,40,55,1"])
    roll_over(actor=SYSTEM, through=NOVEMBER)
    assert IntradayBar.objects.count() == 0
    load_days(MONDAY, TUESDAY, NOVEMBER)
    assert IntradayBar.objects.count() == 0
    return expected()


def expected() -> list[tuple[Any, ...]]:
    from marketdata.archive.catalog import find_groups
    from marketdata.archive.reading import read_places
    from marketdata.models import Instrument
    from tests.marketdata.archive.days import MINUTES

    found = find_groups(MINUTES, list(Instrument.objects.values_list("pk", flat=True)))
    table = read_places(MINUTES, [group.place for group in found], columns=list(NAMES))
    rows = [tuple(row.values()) for row in table.to_pylist()]
    assert len(rows) == 272
    return rows


def test_duckdb_reads_it_with_exact_decimals(stored: list[tuple[Any, ...]], archive: Path) -> None:
    with duckdb.connect() as connection:
        table = f"read_parquet('{archive}/bars/**/*.parquet', hive_partitioning=true)"
        columns = ", ".join("epoch_us(timestamp)" if name == "timestamp" else name for name in NAMES)
        rows = connection.execute(f"SELECT {columns} FROM {table} ORDER BY symbol, timestamp").fetchall()
        kinds = connection.execute(f"SELECT typeof(open), typeof(volume), timeframe FROM {table} LIMIT 1").fetchall()
        months = connection.execute(f"SELECT DISTINCT month FROM {table} ORDER BY 1").fetchall()
    assert rows == [(symbol, microseconds(at), *numbers) for symbol, at, *numbers in stored]
    assert kinds == [("DECIMAL(18,8)", "DECIMAL(18,6)", "1m")]
    assert [str(month)[:7] for (month,) in months] == ["2013-10", "2013-11"]


def test_polars_reads_it_with_exact_decimals(stored: list[tuple[Any, ...]], archive: Path) -> None:
    frame = polars.scan_parquet(f"{archive}/bars/**/*.parquet", hive_partitioning=True).sort("symbol", "timestamp")
    assert frame.select(NAMES).collect().rows() == stored
    assert frame.collect_schema()["open"] == polars.Decimal(18, 8)
    assert frame.select(polars.col("low").min()).collect().item() == Decimal("0.00000001")


def test_ticks_are_read_as_well(archive: Path) -> None:
    make_ticks()
    names = ("timestamp", "sequence", "price", "size", "condition")
    before = list(Tick.objects.order_by("instrument__symbol", "timestamp", "sequence").values_list(*names))
    roll_over(actor=SYSTEM, day=MONDAY)
    frame = polars.scan_parquet(f"{archive}/ticks/**/*.parquet", hive_partitioning=True)
    assert frame.sort("symbol", "timestamp", "sequence").select(names).collect().rows() == before
