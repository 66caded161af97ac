"""POST bars: each form of body, the same rules and summary as `import_bars`, and bodies that lie."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import feather, parquet
from rest_framework.test import APIClient

from accounts.models import User
from marketdata.models import DailyBar, IngestBatch, Instrument, IntradayBar
from systemevents.models import AuditLog
from tests.answers import assert_problem
from tests.factories import InstrumentFactory, UserFactory

URL = "/api/v1/bars/"
ROW = {
    "symbol": "SPY",
    "timestamp": "2013-10-07T13:30:00Z",
    "open": 1.5,
    "high": 2.25,
    "low": 1.0,
    "close": 2.0,
    "volume": 10,
}
NEXT = {**ROW, "timestamp": "2013-10-07T13:31:00Z", "close": 1.75}
BAD = {**NEXT, "high": 0.5}
HEAD = "symbol,timestamp,open,high,low,close,volume\n"


def csv_of(*rows: dict[str, Any]) -> bytes:
    return (HEAD + "".join(",".join(str(value) for value in row.values()) + "\n" for row in rows)).encode()


def table_of(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows))


def parquet_of(*rows: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table_of(*rows), sink)
    return sink.getvalue()


def stream_of(*rows: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    table = table_of(*rows)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def feather_of(*rows: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    feather.write_feather(table_of(*rows), sink)
    return sink.getvalue()


def json_of(*rows: dict[str, Any]) -> bytes:
    return json.dumps({"bars": list(rows)}).encode()


def by_symbol_of(*rows: dict[str, Any]) -> bytes:
    short = {"timestamp": "t", "open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
    listed = [{short[name]: value for name, value in row.items() if name in short} for row in rows]
    return json.dumps({"bars": {"SPY": listed}, "complete": True, "next_page_token": None}).encode()


def columns_of(*rows: dict[str, Any]) -> bytes:
    return json.dumps({name: [row[name] for row in rows] for name in rows[0]}).encode()


def ndjson_of(*rows: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


FORMS: dict[str, tuple[str, Callable[..., bytes]]] = {
    "json": ("application/json", json_of),
    "json by symbol": ("application/json", by_symbol_of),
    "json columns": ("application/json", columns_of),
    "ndjson": ("application/x-ndjson", ndjson_of),
    "jsonl": ("application/jsonl", ndjson_of),
    "csv": ("text/csv; charset=utf-8", csv_of),
    "parquet": ("application/vnd.apache.parquet", parquet_of),
    "arrow": ("application/vnd.apache.arrow.stream", stream_of),
    "feather": ("application/vnd.apache.arrow.file", feather_of),
}


def zstd(content: bytes) -> bytes:
    packed: bytes = pa.compress(content, codec="zstd", asbytes=True)
    return packed


PACK: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gzip": gzip.compress, "zstd": zstd}


@pytest.fixture
def api(api_of: Callable[[User], APIClient], db: None) -> APIClient:
    return api_of(UserFactory.create(role="analyst"))


@pytest.fixture
def spy(db: None) -> Instrument:
    return InstrumentFactory.create(symbol="SPY")


def post(api: APIClient, body: bytes, kind: str = "text/csv", query: str = "timeframe=1m", **headers: str) -> Any:
    return api.generic("POST", f"{URL}?{query}", body, content_type=kind, headers=headers)  # type: ignore[arg-type]  # Django takes bytes


def counts(answer: Any) -> tuple[int, ...]:
    assert answer.status_code == 200, answer.content
    body = answer.json()
    names = ("read", "inserted", "updated", "unchanged", "rejected")
    assert body["read"] == sum(body[name] for name in names[1:])
    return tuple(body[name] for name in names)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packing", ["", "gzip", "zstd"])
def test_each_form_is_taken_packed_or_not_and_changes_nothing_the_second_time(
    api: APIClient, spy: Instrument, form: str, packing: str
) -> None:
    kind, make = FORMS[form]
    pack = PACK[packing]
    headers = {"Content-Encoding": packing} if packing else {}
    assert counts(post(api, pack(make(ROW, NEXT)), kind, **headers)) == (2, 2, 0, 0, 0)
    assert counts(post(api, pack(make(ROW, NEXT)), kind, **headers)) == (2, 0, 0, 2, 0)
    assert counts(post(api, pack(make(ROW, {**NEXT, "close": 1.5})), kind, **headers)) == (2, 0, 1, 1, 0)
    bar = IntradayBar.objects.get(timestamp="2013-10-07T13:30:00Z")
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (
        *(Decimal("1.5"), Decimal("2.25"), Decimal(1), Decimal(2)),
        Decimal(10),
    )


def test_what_bars_answers_can_be_sent_back(api: APIClient, spy: Instrument) -> None:
    counts(post(api, csv_of(ROW, NEXT)))
    for form, kind in (("json", "application/json"), ("json-columns", "application/json"), ("csv", "text/csv")):
        answer = api.get(f"{URL}?symbols=SPY&timeframe=1m&format={form}")
        assert counts(post(api, answer.content, kind)) == (2, 0, 0, 2, 0)


def test_the_batch_and_the_audit_trail_tell_of_it(api: APIClient, spy: Instrument) -> None:
    answer = post(api, csv_of(ROW), query="timeframe=1m&source=my+bot").json()
    batch = IngestBatch.objects.get(pk=answer["batch"])
    assert (batch.source, batch.status, batch.read, batch.inserted) == ("my bot", "finished", 1, 1)
    assert batch.started_by is not None
    entry = AuditLog.objects.get(action="bars.ingested")
    assert (entry.actor_id, entry.front) == (batch.started_by_id, "api")
    assert entry.key_id


def test_bad_rows_are_named_and_the_good_ones_loaded(api: APIClient, spy: Instrument) -> None:
    answer = post(api, csv_of(ROW, BAD, {**ROW, "symbol": "NOPE"}))
    assert counts(answer) == (3, 1, 0, 0, 2)
    assert [(reject["row"], reject["code"]) for reject in answer.json()["rejects"]] == [
        (3, "high_below_low"),
        (4, "unknown_symbol"),
    ]


@pytest.mark.parametrize("form", FORMS)
def test_abort_loads_nothing_and_names_the_rows(api: APIClient, spy: Instrument, form: str) -> None:
    kind, make = FORMS[form]
    problem = assert_problem(post(api, make(ROW, BAD), kind, "timeframe=1m&on_error=abort"), 400, "rows_refused")
    assert problem["errors"][0]["field"] == ("row 3" if form == "csv" else "row 2")
    assert problem["errors"][0]["code"] == "high_below_low"
    assert not IntradayBar.objects.exists()
    assert not IngestBatch.objects.exists()


def test_symbols_are_made_when_asked_for(api: APIClient, db: None) -> None:
    assert counts(post(api, csv_of(ROW))) == (1, 0, 0, 0, 1)
    assert counts(post(api, csv_of(ROW), query="timeframe=1m&create_symbols=true")) == (1, 1, 0, 0, 0)


def test_daily_bars_take_symbol_and_prices_from_the_query(api: APIClient, spy: Instrument) -> None:
    body = b"Date,Open,High,Low,Close,Adj Close,Volume\n2013-01-02,1,2,1,2,1.9,5\n"
    problem = assert_problem(post(api, body, query="timeframe=1d&symbol=SPY"), 400, "prices_not_named")
    assert "prices=raw" in problem["detail"]
    assert "--" not in problem["detail"]
    assert counts(post(api, body, query="timeframe=1d&symbol=spy&prices=split")) == (1, 1, 0, 0, 0)
    assert DailyBar.objects.get().close == 2


def test_times_without_a_zone_are_refused_until_it_is_named(api: APIClient, spy: Instrument) -> None:
    body = csv_of({**ROW, "timestamp": "2013-10-07 09:30:00"})
    problem = assert_problem(post(api, body), 400, "time_zone_missing")
    assert "(time_zone)" in problem["detail"]
    assert counts(post(api, body, query="timeframe=1m&time_zone=America/New_York"))[1] == 1
    assert IntradayBar.objects.get().timestamp.isoformat() == "2013-10-07T13:30:00+00:00"


@pytest.mark.parametrize("number", ["0.1", "99999999.1234567", "123456789.123456", "0.00000001", "1234567890.12345"])
@pytest.mark.parametrize("form", ["json", "ndjson", "json columns", "json by symbol"])
def test_numbers_of_json_reach_the_database_digit_for_digit(
    api: APIClient, spy: Instrument, form: str, number: str
) -> None:
    kind, make = FORMS[form]
    row = {**ROW, **dict.fromkeys(("open", "high", "low", "close"), 777)}
    assert counts(post(api, make(row).replace(b"777", number.encode()), kind))[1] == 1
    assert IntradayBar.objects.get().open == Decimal(number)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("1.1234567890123456", "too_many_decimals"),
        ("12345678901234567890", "too_large"),
        ("1e400", "too_large"),
        ("-1", "not_positive"),
        ("NaN", "not_finite"),
        ("-Infinity", "not_finite"),
        ('"x"', "not_a_number"),
        ('"\\u0661"', "not_a_number"),
        ("true", "wrong_type"),
        ("[1]", "wrong_type"),
        ("1" * 5000, "too_large"),
    ],
)
def test_numbers_that_cannot_be_kept_are_rejected(api: APIClient, spy: Instrument, number: str, code: str) -> None:
    body = json_of({**ROW, "open": 777}, NEXT).replace(b"777", number.encode())
    answer = post(api, body, "application/json")
    assert counts(answer) == (2, 1, 0, 0, 1)
    assert answer.json()["rejects"][0]["code"] == code


@pytest.mark.parametrize(
    "moment", ["2013-10-07T13:30:00", "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "yesterday", "", "\u0662013"]
)
def test_times_that_are_none_are_refused(api: APIClient, spy: Instrument, moment: str) -> None:
    answer = post(api, json_of({**ROW, "timestamp": moment}, {**NEXT}), "application/json")
    assert counts(answer)[4] == 1
    assert IntradayBar.objects.count() == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "timeframe"),
        ("timeframe=1w", "timeframe"),
        ("timeframe=7m", "timeframe"),
        ("timeframe=1m&on_error=maybe", "on_error"),
        ("timeframe=1m&create_symbols=yes", "create_symbols"),
        ("timeframe=1m&symbol=%20", "symbol"),
        ("timeframe=1m&time_zone=Mars/Olympus", "time_zone"),
        ("timeframe=1m&prices=dear", "prices"),
        ("timeframe=1m&bar_label=middle", "bar_label"),
        ("timeframe=1m&source=" + "x" * 300, "source"),
        ("timeframe=1m&color=red", "color"),
        ("timeframe=1m&timeframe=1d", "timeframe"),
    ],
)
def test_a_wrong_parameter_is_named(api: APIClient, spy: Instrument, query: str, field: str) -> None:
    problem = assert_problem(post(api, csv_of(ROW), query=query), 400)
    assert [error["field"] for error in problem["errors"]] == [field]
    assert not IntradayBar.objects.exists()


@pytest.mark.parametrize("kind", ["text/html", "application/xml", "multipart/form-data; boundary=x", "x", ""])
def test_another_content_type_is_a_415_that_names_the_known_ones(api: APIClient, spy: Instrument, kind: str) -> None:
    problem = assert_problem(post(api, csv_of(ROW), kind), 415)
    assert "text/csv" in problem["detail"]


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "x"])
def test_another_encoding_is_a_415(api: APIClient, spy: Instrument, encoding: str) -> None:
    assert_problem(post(api, csv_of(ROW), **{"Content-Encoding": encoding}), 415)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packing", ["", "gzip", "zstd"])
def test_a_body_that_is_cut_anywhere_is_never_a_server_error(
    api: APIClient, spy: Instrument, form: str, packing: str
) -> None:
    kind, make = FORMS[form]
    whole = PACK[packing](make(ROW, NEXT))
    headers = {"Content-Encoding": packing} if packing else {}
    for part in range(8):
        answer = post(api, whole[: len(whole) * part // 8], kind, **headers)
        if answer.status_code != 200:
            assert_problem(answer, 400)
        if packing or form in ("parquet", "feather", "json", "json columns", "json by symbol"):
            assert answer.status_code == 400
            assert not IntradayBar.objects.exists()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("other", FORMS)
def test_a_body_under_another_forms_name_is_never_a_server_error(
    api: APIClient, spy: Instrument, form: str, other: str
) -> None:
    answer = post(api, FORMS[other][1](ROW), FORMS[form][0])
    assert answer.status_code in (200, 400)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", b""),
        ("text/csv", HEAD.encode()),
        ("text/csv", b"\n\n\n"),
        ("text/csv", b"\xff\xfe" + "a,b".encode("utf-16-le")),
        ("text/csv", b"a,b,c\n1,2,3\n"),
        ("text/csv", HEAD.encode() + b"x" * 10_000_000),
        ("text/csv", b"x" * 10_000_000),
        ("text/csv", b'"' * 100_000),
        ("application/json", b"null"),
        ("application/json", b"[" * 100_000),
        ("application/json", b'{"a":' * 100_000),
        ("application/json", b'{"bars": "' + b"x" * 10_000_000 + b'"}'),
        ("application/json", b'[{"symbol": "' + b"x" * 10_000_000 + b'"}]'),
        ("application/json", b"[[]]"),
        ("application/json", b'[{"\\ud800": 1}]'),
        ("application/x-ndjson", b"{}\n{}\n"),
        ("application/x-ndjson", b"{" * 100_000),
        ("application/vnd.apache.parquet", b"PAR1" * 100),
        ("application/vnd.apache.arrow.stream", b"\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ("application/vnd.apache.arrow.stream", b"\xff\xff\xff\xff" + b"\0" * 64),
        ("application/vnd.apache.arrow.file", b"ARROW1\0\0" + b"\xff" * 64 + b"ARROW1"),
    ],
    ids=str,
)
def test_a_hostile_body_is_a_400_and_writes_nothing(api: APIClient, spy: Instrument, kind: str, body: bytes) -> None:
    assert_problem(post(api, body, kind), 400)
    assert not IntradayBar.objects.exists()
    assert not IngestBatch.objects.exists()
    assert api.get("/api/v1/intraday-data/").status_code == 200


@pytest.mark.parametrize("symbol", ["\u0410\u0410PL", "=1+1", "a\nb", "x" * 1000, "\t", "<script>"])
def test_a_symbol_that_is_none_is_rejected(api: APIClient, spy: Instrument, symbol: str) -> None:
    answer = post(api, json_of({**ROW, "symbol": symbol}), "application/json", "timeframe=1m&create_symbols=true")
    assert counts(answer) == (1, 0, 0, 0, 1)
    assert answer.json()["rejects"][0]["code"] in ("invalid_symbol", "missing_symbol")


def test_a_bomb_is_refused_by_its_size(api: APIClient, spy: Instrument, settings: Any) -> None:
    settings.BARS_MAX_BODY = 1_000_000
    bomb = csv_of(ROW) + b"x" * 2_000_000
    for packing, packed in (("gzip", gzip.compress(bomb)), ("zstd", zstd(bomb))):
        assert len(packed) < 10_000
        assert_problem(post(api, packed, **{"Content-Encoding": packing}), 413, "too_large")
    assert_problem(post(api, bomb), 413, "too_large")


def test_a_bomb_is_refused_by_its_ratio(api: APIClient, spy: Instrument) -> None:
    bomb = gzip.compress(b"\n" * 60_000_000)
    problem = assert_problem(post(api, bomb, **{"Content-Encoding": "gzip"}), 413, "too_large")
    assert "times its size" in problem["detail"]


@pytest.mark.parametrize("role", ["viewer", "trader"])
def test_who_may_not_write_market_data_changes_nothing(
    api_of: Callable[[User], APIClient], spy: Instrument, role: str
) -> None:
    api = api_of(UserFactory.create(role=role))
    for query in ("timeframe=1m", "timeframe=1d"):
        assert_problem(post(api, csv_of(ROW), query=query), 403)
    assert not IntradayBar.objects.exists()


def test_a_repeated_idempotency_key_is_simply_loaded_again(api: APIClient, spy: Instrument) -> None:
    first = post(api, csv_of(ROW), **{"Idempotency-Key": "one-and-the-same"})
    again = post(api, csv_of(ROW), **{"Idempotency-Key": "one-and-the-same"})
    assert (counts(first), counts(again)) == ((1, 1, 0, 0, 0), (1, 0, 0, 1, 0))
