"""GET bars: the columnar forms say the same as the rows."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rest_framework.test import APIClient

from marketdata.models import Instrument
from tests.factories import InstrumentFactory
from tests.marketdata.api.bars import WEEK, ask, daily

COLUMNS = ["symbol", "timestamp", "open", "high", "low", "close", "volume"]


def table(api: APIClient, form: str, **parameters: Any) -> pa.Table:
    answer = ask(api, {"symbols": "SPY,IBM", "format": form, **parameters})
    assert answer.status_code == 200, answer.content
    content = pa.py_buffer(answer.content)
    return pa.ipc.open_stream(content).read_all() if form == "arrow" else pq.read_table(pa.BufferReader(content))


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_a_columnar_form_has_the_rows_of_json(
    viewer_api: APIClient, spy: Instrument, ibm: Instrument, form: str
) -> None:
    columns = ask(viewer_api, {"symbols": "SPY,IBM", "format": "json-columns"}).json()
    read = table(viewer_api, form)
    assert read.column_names == list(columns) == COLUMNS
    assert read["symbol"].to_pylist() == columns["symbol"]
    assert [moment.isoformat().replace("+00:00", "Z") for moment in read["timestamp"].to_pylist()] == columns[
        "timestamp"
    ]
    for name in COLUMNS[2:]:
        assert read[name].to_pylist() == columns[name]


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_an_unknown_volume_is_null(viewer_api: APIClient, form: str) -> None:
    daily(InstrumentFactory.create(symbol="SPY"), WEEK[0], volume=None)
    daily(InstrumentFactory.create(symbol="IBM"), WEEK[0], volume=5)
    assert table(viewer_api, form)["volume"].to_pylist() == [5, None]


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_no_bars_are_a_table_without_rows(viewer_api: APIClient, spy: Instrument, ibm: Instrument, form: str) -> None:
    empty = table(viewer_api, form, start="1999-01-01", end="1999-02-01")
    assert (empty.num_rows, empty.column_names) == (0, COLUMNS)
    assert empty.schema == table(viewer_api, form).schema


def test_the_forms_are_chosen_by_accept_too_and_say_the_same_in_their_headers(
    viewer_api: APIClient, spy: Instrument
) -> None:
    kind = "application/vnd.apache.arrow.stream"
    answer = ask(viewer_api, {"symbols": "SPY", "limit": 2, "end": "2013-01-09"}, HTTP_ACCEPT=kind)
    assert answer["Content-Type"] == kind
    assert answer["Bars-Complete"] == "true"
    assert answer["Next-Page-Token"]


def test_polars_reads_the_stream(viewer_api: APIClient, spy: Instrument) -> None:
    frame = pl.read_ipc_stream(ask(viewer_api, {"symbols": "SPY", "format": "arrow"}).content)
    assert frame["close"][0] == 146.06
    assert str(frame["timestamp"].dtype) == "Datetime(time_unit='us', time_zone='UTC')"
