"""Real daily bars out of the package bokeh_sampledata (BSD-3), which carries them in its wheel."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tradingsite.ops.demo.instruments import REAL

if TYPE_CHECKING:
    import pyarrow as pa

PACKAGE = "bokeh_sampledata"
# Read as a file: the package's own reader fills lists of floats, others of its modules need pandas.
_FILE = ("_data", "stocks.csv.gz")
_COLUMNS = {"Date": "date", "Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": "volume"}


def read_real_history() -> dict[str, pa.Table] | None:
    """Raw daily bars by ticker, oldest first; None when the package is not installed."""
    if find_spec(PACKAGE) is None:
        return None
    import pyarrow as pa
    from pyarrow import compute, csv

    # Prices as text: exact decimals, as the file has them.
    exact = csv.ConvertOptions(column_types=dict.fromkeys(("Open", "High", "Low", "Close", "Volume"), pa.string()))
    packed = files(PACKAGE).joinpath(*_FILE).read_bytes()
    with pa.CompressedInputStream(pa.BufferReader(packed), "gzip") as stream:
        table = csv.read_csv(stream, convert_options=exact)
    return {
        ticker: table.filter(compute.equal(table["Ticker"], ticker))
        .select(list(_COLUMNS))
        .rename_columns(list(_COLUMNS.values()))
        for ticker in REAL
    }
