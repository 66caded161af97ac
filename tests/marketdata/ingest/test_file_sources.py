"""Arrow, Parquet, LEAN's zip files and compression: read as they are, refused when they are damaged."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from marketdata.ingest import arrowfiles
from marketdata.ingest.files import Form, open_body, open_file
from marketdata.ingest.symbols import plain
from tests.marketdata.ingest.sources import read, write
from tradingsite.core.errors import InvalidInput

TABLE = pa.table({"symbol": ["A", "B"], "t": ["x", "y"], "o": pa.array(["1.25", "2.5"])})
BOTH = [{"symbol": "A", "t": "x", "o": "1.25"}, {"symbol": "B", "t": "y", "o": "2.5"}]
CSV = b"symbol,t,o\nA,x,1.25\nB,y,2.5\n"


def arrow_stream(table: pa.Table = TABLE) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def arrow_file(table: pa.Table = TABLE) -> bytes:
    sink = io.BytesIO()
    feather.write_feather(table, sink)
    return sink.getvalue()


def parquet_file(table: pa.Table = TABLE) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def zstd(content: bytes) -> bytes:
    packed: bytes = pa.compress(content, codec="zstd", asbytes=True)
    return packed


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.arrow", arrow_file),
        ("a.feather", arrow_file),
        ("a.arrows", arrow_stream),
        ("a.arrow", arrow_stream),
        ("a.parquet", parquet_file),
        ("a.csv.gz", lambda: gzip.compress(CSV)),
        ("a.csv.zst", lambda: zstd(CSV)),
        ("a.ndjson.zst", lambda: zstd(b'{"symbol":"A","t":"x","o":"1.25"}\n{"symbol":"B","t":"y","o":"2.5"}\n')),
        ("a.json.gz", lambda: gzip.compress(b'{"symbol":["A","B"],"t":["x","y"],"o":["1.25","2.5"]}')),
        ("a.json.zst", lambda: zstd(b'{"symbol":["A","B"],"t":["x","y"],"o":["1.25","2.5"]}')),
        ("data", lambda: zstd(CSV)),
    ],
)
def test_the_same_rows_come_out_of_every_form(tmp_path: Path, name: str, make: Callable[[], bytes]) -> None:
    rows, lines, broken = read(write(tmp_path, name, make()))
    assert (rows, broken) == (BOTH, [])
    assert lines == ([2, 3] if "csv" in name or name == "data" else [1, 2])


@pytest.mark.parametrize(
    ("form", "make"),
    [(Form.ARROW_STREAM, arrow_stream), (Form.ARROW_FILE, arrow_file), (Form.PARQUET, parquet_file)],
)
def test_a_binary_body_that_is_cut_or_spoilt_is_refused_or_read_whole(
    tmp_path: Path, form: Form, make: Callable[[pa.Table], bytes]
) -> None:
    whole = make(TABLE)
    spoilt = [whole[:length] for length in range(0, len(whole), 7)]
    spoilt += [whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :] for place in range(0, len(whole), 11)]
    outcomes = [outcome(write(tmp_path, "body", content), form) for content in spoilt]
    assert outcomes.count("refused") > len(spoilt) // 4
    assert set(outcomes) <= {"refused", "read"}


def outcome(path: Path, form: Form) -> str:
    try:
        for chunk in open_body(path, name="api", form=form, size=path.stat().st_size).chunks():
            assert chunk.rows.num_rows == len(chunk.lines)
    except InvalidInput as error:
        return "refused" if error.detail.startswith("The body ") else error.detail
    return "read"


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_compressed_text_that_is_cut_is_refused(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    whole = pack(b"symbol,t,o\n" + b"".join(b"A%d,x,1.%d\n" % (n, n) for n in range(5000)))
    name = "a.csv.gz" if pack is gzip.compress else "a.csv.zst"
    for length in (5, len(whole) // 2, len(whole) - 1):
        with pytest.raises(InvalidInput, match="is damaged"):
            read(write(tmp_path, name, whole[:length]))


@pytest.mark.parametrize(
    ("content", "form", "code"),
    [
        (b"", Form.CSV, "empty"),
        (CSV, Form.PARQUET, "misnamed"),
        (CSV, Form.ARROW_STREAM, "misnamed"),
        (CSV, Form.JSON, "misnamed"),
        (b'[{"o":1}]', Form.CSV, "misnamed"),
        (parquet_file(), Form.CSV, "misnamed"),
        (arrow_stream(), Form.PARQUET, "misnamed"),
        (gzip.compress(CSV, mtime=0), Form.CSV, "not_bars"),
        (b"PK\x03\x04", Form.CSV, "misnamed"),
        (b"\x89PNG", Form.CSV, "not_bars"),
        (b"a,b\0", Form.CSV, "not_bars"),
    ],
)
def test_a_body_of_another_form_than_it_says_is_refused(tmp_path: Path, content: bytes, form: Form, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_body(write(tmp_path, "body", content), name="api", form=form, size=len(content))
    assert [error.code for error in caught.value.errors] == [code]


def lean(text: str, inner: str = "20131007_spy_minute_trade.csv") -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(inner, text)
    return sink.getvalue()


def test_a_minute_file_of_lean_becomes_utc(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "equity/usa/minute/spy/20131007_trade.zip",
        lean("34200000,1675600,1675700,1675500,1675601,1234\n57540000,1675600,1675700,1675500,1675600,5\n"),
    )
    rows, lines, _ = read(path)
    assert lines == [1, 2]
    assert rows[0] == {
        "symbol": "SPY",
        "timestamp": "2013-10-07 13:30:00+00:00",
        "open": "167.56",
        "high": "167.57",
        "low": "167.55",
        "close": "167.5601",
        "volume": "1234",
    }
    assert rows[1]["timestamp"] == "2013-10-07 19:59:00+00:00"


def test_a_daily_file_of_lean_is_dated_as_written(tmp_path: Path) -> None:
    path = write(tmp_path, "equity/usa/daily/spy.zip", lean("20131007 00:00,1675600,1675700,1675500,1675600,5\n"))
    assert read(path)[0][0]["timestamp"] == "2013-10-07 00:00:00"


def test_crypto_of_lean_has_prices_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path, "crypto/coinbase/minute/btcusd/20180404_trade.zip", lean("60000,7411.5,7412,7411,7411,0.25"))
    row = read(path)[0][0]
    assert (row["timestamp"], row["open"], row["volume"]) == ("2018-04-04 00:01:00+00:00", "7411.5", "0.25")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("equity/usa/minute/spy/20131007_trade.zip", lean("a,b\n")),
        ("equity/usa/minute/spy/20131007_trade.zip", lean("x,1,1,1,1,1\n")),
        ("equity/usa/minute/spy/20131007_trade.zip", lean("99999999999999999999,1,1,1,1,1\n")),
        ("equity/usa/minute/spy/20131007_trade.zip", lean("34200000,1e-999999999,1,1,1,1\n")),
        ("equity/usa/minute/spy/20131007_trade.zip", lean(f"34200000,{2**128 + 1},1,1,1,1\n")),
        ("equity/usa/minute/spy/20131307_trade.zip", lean("1,1,1,1,1,1\n")),
        ("equity/usa/minute/spy/20131007_trade.zip", lean("")),
        ("equity/usa/minute/spy/20131007_trade.zip", lean("1,1,1,1,1,1\n")[:-30]),
        ("equity/usa/minute/spy/20131007_trade.zip", b"PK\x03\x04" + b"x" * 100),
        ("equity/usa/minute/spy/20131007_quote.zip", lean("1,1,1,1,1,1\n")),
        ("equity/usa/daily/spy.zip", lean("20131399 00:00,1,1,1,1,1\n")),
        ("spy.zip", lean("1,1,1,1,1,1\n")),
        ("equity/usa/daily/spy.zip", lean("1,1,1,1,1,1\n", "readme.txt")),
    ],
)
def test_a_zip_that_lean_did_not_write_is_refused_by_its_name(tmp_path: Path, name: str, content: bytes) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(InvalidInput) as caught:
        list(open_file(path).chunks())
    assert path.name in caught.value.detail


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
@pytest.mark.parametrize("form", [Form.ARROW_STREAM, Form.ARROW_FILE])
def test_a_batch_that_unpacks_to_too_much_is_refused_before_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Form, codec: str
) -> None:
    monkeypatch.setattr(arrowfiles, "BATCH_BYTES", 1_000_000)
    sink = io.BytesIO()
    open_writer = pa.ipc.new_stream if form == Form.ARROW_STREAM else pa.ipc.new_file
    for rows, fine in ((1_000, True), (1_000_000, False)):
        sink = io.BytesIO()
        table = pa.table({"o": pa.array([0] * rows, pa.int64())})
        with open_writer(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
            writer.write_table(table)
        path = write(tmp_path, "body", sink.getvalue())
        assert path.stat().st_size < 100_000
        source = open_body(path, name="api", form=form, size=path.stat().st_size)
        if fine:
            assert sum(chunk.rows.num_rows for chunk in source.chunks()) == rows
        else:
            with pytest.raises(InvalidInput, match="has a batch of over"):
                list(source.chunks())


def test_dictionaries_are_counted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrowfiles, "BATCH_BYTES", 1_000_000)
    table = pa.table({"o": pa.array(["x" * 2_000_000]).dictionary_encode()})
    path = write(tmp_path, "body", arrow_file(table))
    with pytest.raises(InvalidInput, match="has a batch of over"):
        list(open_body(path, name="api", form=Form.ARROW_FILE, size=path.stat().st_size).chunks())


@pytest.mark.parametrize("make", [parquet_file, arrow_file])
def test_a_long_text_that_many_rows_share_does_not_fill_the_memory(
    tmp_path: Path, make: Callable[[pa.Table], bytes]
) -> None:
    words = pa.array(["x" * 1_000_000])
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000, pa.int32()), words)
    form = Form.PARQUET if make is parquet_file else Form.ARROW_FILE
    path = write(tmp_path, "body", make(pa.table({"symbol": column})))
    before = pa.total_allocated_bytes()
    for chunk in open_body(path, name="api", form=form, size=path.stat().st_size).chunks():
        assert set(plain(chunk.rows.column(0)).to_pylist()) == {"?" * 40}
    assert pa.total_allocated_bytes() - before < 100_000_000
