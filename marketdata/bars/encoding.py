"""A page of bars as bytes ready to send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from marketdata.bars.query import BarPage, SymbolBars
from tradingsite.core.decimals import PRICE_PLACES, VOLUME_PLACES

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from marketdata.bars.series import Moments

CSV_HEADER = "symbol,timestamp,open,high,low,close,volume\n"
#: Of every columnar form, in this order.
COLUMNS = ("symbol", "timestamp", "open", "high", "low", "close", "volume")
_JSON = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


def to_json_rows(page: BarPage, *, symbols: Sequence[str]) -> bytes:
    """`{"bars": {"SPY": [{"t", "o", "h", "l", "c", "v"}]}, "complete", "gaps", "next_page_token"}`.

    Every asked symbol has its list, empty where this page has no row of it. Where prices are adjusted,
    `unadjusted` names the dividends that they could not be adjusted for.
    """
    bars: dict[str, list[dict[str, Any]]] = {symbol: [] for symbol in sorted(symbols)}
    for part in page.parts:
        bars[part.symbol] = rows_of(part)
    answer: dict[str, Any] = {
        "bars": bars,
        "complete": page.complete,
        "gaps": [gap.as_dict() for gap in page.gaps],
        "next_page_token": page.next_page_token,
    }
    if page.unadjusted is not None:
        answer["unadjusted"] = [dividend.as_dict() for dividend in page.unadjusted]
    return orjson.dumps(answer)


def rows_of(part: SymbolBars) -> list[dict[str, Any]]:
    """The bars as `{"t", "o", "h", "l", "c", "v"}`."""
    rows = zip(time_texts(part.series.start), *(_listed(column) for column in _numbers(part)), strict=True)
    return [{"t": t, "o": o, "h": h, "l": low, "c": c, "v": v} for t, o, h, low, c, v in rows]


def to_json_columns(page: BarPage) -> bytes:
    """`{"symbol": [...], "timestamp": [...], "open": [...], ...}`, as a data frame takes it."""
    import numpy as np

    columns: list[list[Any]] = [[] for _ in COLUMNS]
    for part in page.parts:
        # A hundred thousand times the same text is quoted once.
        columns[0].append((orjson.dumps(part.symbol) + b",") * len(part))
        columns[1].append(orjson.dumps(np.ascontiguousarray(part.series.start), option=_JSON)[1:-1] + b",")
        for place, column in enumerate(_numbers(part), start=2):
            columns[place].append(orjson.dumps(column, option=_JSON)[1:-1] + b",")
    texts = (b'"%s":[%s]' % (name.encode(), b"".join(parts)[:-1]) for name, parts in zip(COLUMNS, columns, strict=True))
    return b"{" + b",".join(texts) + b"}"


def to_csv(page: BarPage) -> bytes:
    """`symbol,timestamp,open,high,low,close,volume`; an unknown volume is empty. Symbols need no quoting."""
    lines = [CSV_HEADER]
    for part in page.parts:
        rows = zip(time_texts(part.series.start), *(_listed(column) for column in _numbers(part)), strict=True)
        lines += [f"{part.symbol},{t},{o},{h},{low},{c},{'' if v is None else v}\n" for t, o, h, low, c, v in rows]
    return "".join(lines).encode()


def to_table(page: BarPage) -> pa.Table:
    """COLUMNS as Arrow: symbols as a dictionary, times in UTC, numbers as doubles, which hold all 15 digits."""
    import numpy as np
    import pyarrow as pa

    numbers = [list(columns) for columns in zip(*(_doubles(part) for part in page.parts), strict=True)] or [[]] * 5
    lengths = [len(part) for part in page.parts]
    symbols = pa.DictionaryArray.from_arrays(
        np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
        pa.array([part.symbol for part in page.parts], pa.string()),
    )
    times = _joined([part.series.start for part in page.parts], "datetime64[us]")
    unknown = _joined([part.series.no_volume for part in page.parts], "bool")
    arrays = [symbols, pa.array(times).cast(pa.timestamp("us", tz="UTC"))]
    arrays += [pa.array(_joined(columns, "float64")) for columns in numbers[:4]]
    arrays.append(pa.array(_joined(numbers[4], "float64"), mask=unknown if unknown.any() else None))
    return pa.Table.from_arrays(arrays, names=list(COLUMNS))


def to_arrow(page: BarPage) -> bytes:
    """`to_table` as an Arrow IPC stream."""
    import pyarrow as pa

    table = to_table(page)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def to_parquet(page: BarPage) -> bytes:
    """`to_table` as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(to_table(page), sink, compression="zstd")
    return bytes(sink.getvalue())


def _doubles(part: SymbolBars) -> list[npt.NDArray[Any]]:
    """Open, high, low, close and volume as doubles."""
    from marketdata.bars.series import PRICES
    from marketdata.ingest.numbers import floats_of_unscaled

    prices = [floats_of_unscaled(getattr(part.series, name), PRICE_PLACES) for name in PRICES]
    return [*prices, floats_of_unscaled(part.series.volume, VOLUME_PLACES)]


def _numbers(part: SymbolBars) -> list[Any]:
    """The same for JSON and CSV: whole volumes as integers, as everybody writes them; unknown ones null."""
    import numpy as np

    *prices, volume = _doubles(part)
    whole = part.series.volume % 10**VOLUME_PLACES == 0
    known = ~part.series.no_volume
    if whole.all() and known.all():
        return [*prices, part.series.volume // 10**VOLUME_PLACES]
    mixed = [
        None if not is_known else int(value) if is_whole else value
        for value, is_whole, is_known in zip(volume.tolist(), whole.tolist(), known.tolist(), strict=True)
    ]
    return [*(np.ascontiguousarray(column) for column in prices), mixed]


def _listed(column: Any) -> list[Any]:
    return column if isinstance(column, list) else list(column.tolist())


def _joined(columns: Sequence[npt.NDArray[Any]], kind: str) -> npt.NDArray[Any]:
    import numpy as np

    return np.concatenate(columns) if columns else np.array([], dtype=kind)


def time_texts(times: Moments) -> list[str]:
    """The rows' times as text: 2013-01-02T00:00:00Z, with microseconds where any has them."""
    import numpy as np

    whole = bool((times == times.astype("datetime64[s]")).all())
    texts: list[str] = np.datetime_as_string(times, unit="s" if whole else "us", timezone="UTC").tolist()
    return texts
