"""`import_bars` against the engine's own bulk loader and against `bulk_create`.

    python -m benchmarks.import_bars [--rows 1000000] [--repeat 3] [--large]

On the engine of DATABASE_URL, in a scratch database. The yardsticks get their rows ready-made;
`import_bars` begins with the CSV file and ends with the last commit.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.bars import write_minute_bars
from benchmarks.measure import peak_megabytes, timed
from benchmarks.scratch import scratch_database

TABLE = "intraday_data"
COLUMNS = "instrument_id, timeframe, timestamp, open, high, low, close, volume, batch_id"
BULK_CREATE_ROWS = 50_000
BULK_CREATE_BATCHES = (500, 1_000, 5_000)
LARGE = 5
LOADER_TARGETS = {"sqlite": 0.7, "mysql": 0.7, "postgresql": 0.6}
BULK_CREATE_TARGET = 8.0
MEMORY_LIMIT = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3, help="Rounds; the medians are shown.")
    parser.add_argument("--large", action="store_true", help="Also five times as many rows, for the memory.")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(options.child)
        return
    with scratch_database() as vendor, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "minute.csv"
        write_minute_bars(path, options.rows)
        print(f"import_bars on {vendor}: {options.rows:,} one-minute bars, {path.stat().st_size / 1e6:.0f} MB of CSV")
        _speed(vendor, path, options.rows, options.repeat)
        _memory(path, options.rows)
        if options.large:
            write_minute_bars(path, options.rows * LARGE)
            _memory(path, options.rows * LARGE)


def _speed(vendor: str, path: Path, rows: int, repeat: int) -> None:
    seconds: dict[str, list[float]] = {"import_bars": [], "again": [], "bulk loader": []}
    for _ in range(repeat):
        _empty(vendor)
        seconds["import_bars"].append(timed(lambda: _import(path, inserted=rows)))
        seconds["again"].append(timed(lambda: _import(path, unchanged=rows)))
        load = _prepare_loader(vendor, path.parent)
        _empty(vendor)
        seconds["bulk loader"].append(timed(load))
        assert _count() == rows
    rates = {name: rows / statistics.median(taken) for name, taken in seconds.items()}
    rates["bulk_create"] = _bulk_create(vendor)
    targets = {"bulk loader": LOADER_TARGETS[vendor], "bulk_create": BULK_CREATE_TARGET}
    for name, rate in rates.items():
        ratio = rates["import_bars"] / rate
        target = f"   target {targets[name]}" if name in targets else "   target at most 1" if name == "again" else ""
        print(f"  {name:<12} {rate:>10,.0f} rows/s   import_bars is {ratio:5.2f} of it{target}")


def _import(path: Path, **expected: int) -> None:
    from django.core.management import call_command

    out = io.StringIO()
    call_command("import_bars", str(path), timeframe="1m", create_symbols=True, as_json=True, stdout=out)
    total = json.loads(out.getvalue())["total"]
    assert all(total[name] == count for name, count in expected.items()), total


def _count() -> int:
    from marketdata.models import IntradayBar

    return IntradayBar.objects.count()


def _empty(vendor: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {TABLE}" if vendor == "sqlite" else f"TRUNCATE TABLE {TABLE}")


def _prepare_loader(vendor: str, folder: Path) -> Callable[[], object]:
    """The engine's own loader with the rows that stand in the table, in the form it likes best."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM {TABLE} ORDER BY id")
        rows = cursor.fetchall() if vendor != "sqlite" else []
    if vendor == "sqlite":
        return _prepare_sqlite(connection)
    path = folder / "prepared.csv"
    with path.open("w") as stream:
        for row in rows:
            stream.write(",".join(str(value) for value in row) + "\n")
    return _postgres_loader(connection, path) if vendor == "postgresql" else _mysql_loader(connection, path)


def _prepare_sqlite(connection: Any) -> Callable[[], object]:
    raw = connection.connection
    # As SQLite keeps them: Django's converters belong to its own cursors only.
    columns = ", ".join(f"{name.strip()} AS c{number}" for number, name in enumerate(COLUMNS.split(",")))
    rows = raw.execute(f"SELECT {columns} FROM {TABLE} ORDER BY id").fetchall()
    places = ", ".join("?" * len(rows[0]))

    def load() -> None:
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany(f"INSERT INTO {TABLE} ({COLUMNS}) VALUES ({places})", rows)
        raw.execute("COMMIT")

    return load


def _postgres_loader(connection: Any, path: Path) -> Callable[[], object]:
    text = path.read_bytes()

    def load() -> None:
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {TABLE} ({COLUMNS}) FROM STDIN (FORMAT CSV)") as copy,
        ):
            for start in range(0, len(text), 1 << 20):
                copy.write(text[start : start + (1 << 20)])

    return load


def _mysql_loader(connection: Any, path: Path) -> Callable[[], object]:
    def load() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                f"LOAD DATA LOCAL INFILE %s INTO TABLE {TABLE} FIELDS TERMINATED BY ',' ({COLUMNS})", [str(path)]
            )

    return load


def _bulk_create(vendor: str) -> float:
    """Rows a second of the best batch size, model instances ready-made."""
    from marketdata.models import IntradayBar

    bars = list(IntradayBar.objects.order_by("pk")[:BULK_CREATE_ROWS])
    rates = []
    for size in BULK_CREATE_BATCHES:
        _empty(vendor)
        for bar in bars:
            bar.pk = None
            bar._state.adding = True
        rates.append(len(bars) / timed(lambda size=size: IntradayBar.objects.bulk_create(bars, batch_size=size)))  # type: ignore[misc]  # mypy: lambda with a default
    return max(rates)


def _memory(path: Path, rows: int) -> None:
    """The highest resident memory of a process that only imports."""
    from django.db import connection

    _empty(connection.vendor)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.import_bars", "--child", str(path)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    answer = json.loads(done.stdout)
    print(
        f"  {rows:,} rows in a process of its own: {answer['seconds']:.1f} s, "
        f"{answer['megabytes']:.0f} MB at most   target under {MEMORY_LIMIT}"
    )


def _child(path: Path) -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tradingsite.settings"
    django.setup()
    seconds = timed(lambda: _import(path))
    print(json.dumps({"seconds": seconds, "megabytes": peak_megabytes()}))


if __name__ == "__main__":
    main()
