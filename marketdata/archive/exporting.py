"""Bars or ticks of some symbols and a range as one file, wherever they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Max, Min
from pyarrow import csv, parquet

from marketdata.archive.catalog import find_groups
from marketdata.archive.layout import Dataset, Span, microseconds
from marketdata.archive.live import LiveRows, read_live
from marketdata.archive.reading import read_places
from marketdata.archive.rows import ArchiveRows, overlaid
from marketdata.archive.schema import BATCH, TIME, schema_of, writer_options
from marketdata.models import ArchiveRowGroup, Instrument, IntradayBar, PartitionStatus, Tick
from tradingsite.core.errors import InvalidInput
from tradingsite.core.transactions import read_snapshot

FORMS = ("csv", "parquet")
_ONE_DAY = timedelta(days=1)


def export_rows(
    dataset: Dataset,
    instruments: Sequence[Instrument],
    path: Path,
    *,
    form: str,
    start: datetime | None = None,
    end: datetime | None = None,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Write the rows that start from `start` to before `end` in order of symbol and time; answers how many.

    Exact decimals and the columns' own names in both forms; sealed rows and the live ones over them, each month of
    a symbol as of one moment. The file appears whole or not at all. Raises InvalidInput (`output`) when it can't be
    written, ArchiveDamaged.
    """
    part = path.with_name(f".{path.name}.part")
    count = 0
    try:
        with _Writer(dataset, part, form) as write:
            for rows in _parts(dataset, instruments, start, end):
                write(rows)
                count += len(rows)
                if progress is not None:
                    progress(len(rows))
        part.replace(path)
    except OSError as error:
        raise InvalidInput.field("output", f"{path} can't be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return count


class _Writer:
    """A context that answers what writes a table in that form."""

    def __init__(self, dataset: Dataset, path: Path, form: str) -> None:
        self.form = form
        schema = pa.schema([field for field in schema_of(dataset) if field.name != BATCH])
        if form == "csv":
            text = pa.schema([pa.field(name, pa.string()) for name in schema.names])
            self.writer: Any = csv.CSVWriter(str(path), text, write_options=csv.WriteOptions(quoting_style="needed"))
        else:
            options = writer_options(dataset)
            options["column_encoding"] = {k: v for k, v in options["column_encoding"].items() if k != BATCH}
            self.writer = parquet.ParquetWriter(str(path), schema, **options)

    def __enter__(self) -> Callable[[ArchiveRows], None]:
        return self._write

    def __exit__(self, *_: object) -> None:
        self.writer.close()

    def _write(self, rows: ArchiveRows) -> None:
        table = rows.to_table().drop_columns([BATCH])
        self.writer.write_table(_texts(table) if self.form == "csv" else table)


def _texts(table: pa.Table) -> pa.Table:
    """Every value as the text that `import_bars` and people read: no zeros behind the last digit, times in UTC."""
    columns = {}
    for name in table.column_names:
        column = table[name]
        if name == TIME:
            # Seconds, with a fraction only where one has one.
            numbers = column.cast(pa.int64())
            whole = pc.all(pc.equal(pc.multiply(pc.divide(numbers, 1_000_000), 1_000_000), numbers)).as_py()
            column = column.cast(pa.timestamp("s" if whole else "us", tz="UTC"))
            columns[name] = pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ")
        elif pa.types.is_decimal(column.type):
            text = column.cast(pa.decimal128(column.type.precision, column.type.scale)).cast(pa.string())
            columns[name] = pc.replace_substring_regex(text, r"\.?0*$", "")
        else:
            # A spreadsheet would take such a text for a formula.
            columns[name] = pc.replace_substring_regex(column.cast(pa.string()), r"^([=+\-@\t\r])", r"'\1")
    return pa.table(columns)


def _parts(
    dataset: Dataset, instruments: Sequence[Instrument], start: datetime | None, end: datetime | None
) -> Iterator[ArchiveRows]:
    for instrument in sorted(instruments, key=lambda one: one.symbol):
        with read_snapshot():
            covered = _covered(dataset, instrument)
        if covered is None:
            continue
        first = covered[0] if start is None else max(start, covered[0])
        last = covered[1] if end is None else min(end - timedelta(microseconds=1), covered[1])
        month = Span.of_month(first.astimezone(UTC).date())
        while month.start <= last:
            with read_snapshot():
                rows = _read(dataset, instrument, month)
            inside = (rows.time >= microseconds(first)) & (rows.time <= microseconds(last))
            if inside.any():
                yield rows.take(inside)
            month = Span.of_month(month.last + _ONE_DAY)


def _covered(dataset: Dataset, instrument: Instrument) -> tuple[datetime, datetime] | None:
    """The times of the first and the last row, sealed or live."""
    groups = ArchiveRowGroup.objects.filter(
        instrument=instrument,
        partition__status=PartitionStatus.CURRENT,
        partition__kind=dataset.kind,
        partition__timeframe=dataset.timeframe,
    )
    times = {"first": Min("timestamp"), "last": Max("timestamp")}
    if dataset.is_ticks:
        live = Tick.objects.filter(instrument=instrument).aggregate(**times)
    else:
        live = IntradayBar.objects.filter(instrument=instrument, timeframe=dataset.timeframe).aggregate(**times)
    ends = [
        *groups.aggregate(first=Min("first"), last=Max("last")).values(),
        *live.values(),
    ]
    known = [moment for moment in ends if moment is not None]
    return (min(known), max(known)) if known else None


def _read(dataset: Dataset, instrument: Instrument, span: Span) -> ArchiveRows:
    found = find_groups(dataset, [instrument.pk], start=span.start, end=span.end)
    sealed = ArchiveRows.from_table(dataset, read_places(dataset, [group.place for group in found]))
    live = read_live(dataset, span, [LiveRows(instrument.pk, instrument.symbol, 0)])
    rows = overlaid(sealed, live)
    return rows.take((rows.time >= microseconds(span.start)) & (rows.time < microseconds(span.end)))
