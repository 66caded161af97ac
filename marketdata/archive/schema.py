"""The columns of archived rows, and how Parquet keeps them; pure.

Prices are decimals (18, 8) and volumes (18, 6), stored as integers whose differences are packed: exact,
and half of the size and time of pyarrow's defaults (docs/adr/0014-how-the-archive-is-laid-out.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from marketdata.archive.layout import Dataset
from tradingsite.core.decimals import PRICE_PLACES, VOLUME_PLACES

#: Raised when columns change; a partition says which one its file has.
VERSION = 1
PRECISION = 18
SYMBOL, TIME, SEQUENCE, BATCH = "symbol", "timestamp", "sequence", "batch"


@dataclass(frozen=True, slots=True)
class Column:
    """A number's column: with `scale` decimals, or an integer where that is None."""

    name: str
    scale: int | None
    is_required: bool = False

    @property
    def type(self) -> pa.DataType:
        # 64 bits hold 18 digits; what reads the file sees decimals of 128.
        return pa.int64() if self.scale is None else pa.decimal64(PRECISION, self.scale)


@dataclass(frozen=True, slots=True)
class Columns:
    """What a dataset's rows have beside symbol and time; `texts` are short codes."""

    numbers: tuple[Column, ...]
    texts: tuple[str, ...] = ()
    has_sequence: bool = False


_BARS = Columns(
    numbers=(
        *(Column(name, PRICE_PLACES, is_required=True) for name in ("open", "high", "low", "close")),
        Column("volume", VOLUME_PLACES),
        Column("vwap", PRICE_PLACES),
        Column("trade_count", None),
        Column(BATCH, None),
    )
)
_TICKS = Columns(
    numbers=(
        Column("price", PRICE_PLACES, is_required=True),
        Column("size", VOLUME_PLACES, is_required=True),
        Column(BATCH, None),
    ),
    texts=("exchange", "condition"),
    has_sequence=True,
)


def columns_of(dataset: Dataset) -> Columns:
    return _TICKS if dataset.is_ticks else _BARS


def schema_of(dataset: Dataset) -> pa.Schema:
    """The schema as it is written; symbols and texts are dictionaries there, plain text for whoever reads."""
    columns = columns_of(dataset)
    text = pa.dictionary(pa.int32(), pa.string())
    fields = [pa.field(SYMBOL, text, nullable=False), pa.field(TIME, pa.timestamp("us", tz="UTC"), nullable=False)]
    if columns.has_sequence:
        fields.append(pa.field(SEQUENCE, pa.int64(), nullable=False))
    fields += [pa.field(column.name, column.type, nullable=not column.is_required) for column in columns.numbers]
    fields += [pa.field(name, text, nullable=False) for name in columns.texts]
    return pa.schema(fields)


def writer_options(dataset: Dataset) -> dict[str, Any]:
    """What `pyarrow.parquet.ParquetWriter` is told."""
    texts = [SYMBOL, *columns_of(dataset).texts]
    packed = [name for name in schema_of(dataset).names if name not in texts]
    return {
        "compression": "zstd",
        "store_decimal_as_integer": True,
        "use_dictionary": texts,
        "column_encoding": dict.fromkeys(packed, "DELTA_BINARY_PACKED"),
        # Others prune by them; each further column's would only make the footer longer.
        "write_statistics": [SYMBOL, TIME],
        "write_page_checksum": True,
        # Without Arrow's own schema every reader, pyarrow too, sees what the Parquet types say.
        "store_schema": False,
    }
