"""`manage.py import_metadata`: instruments from CSV and JSON, made, changed, left alone."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from marketdata.models import Instrument
from systemevents.models import AuditLog
from tests.factories import InstrumentFactory
from tests.marketdata.ingest.bars import write

pytestmark = pytest.mark.django_db

ES = "es,E-mini S&P 500,future,CME,CMES,USD,0.25,1,50,true"
HEADER = "symbol,company_name,asset_class,exchange,calendar,currency,tick_size,lot_size,multiplier,is_active"


def run(*arguments: Any) -> tuple[Any, str, str]:
    """Exit status, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_metadata", *map(str, arguments), stdout=out, stderr=err)
    except SystemExit as stop:
        return stop.code, out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_instruments_are_made_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "futures.csv", HEADER, ES)
    assert run(path) == (0, "futures.csv: read 1 = inserted 1 + updated 0 + unchanged 0 + rejected 0\n", "")
    assert run(path) == (0, "futures.csv: read 1 = inserted 0 + updated 0 + unchanged 1 + rejected 0\n", "")
    future = Instrument.objects.get()
    assert (future.symbol, future.asset_class, future.calendar) == ("ES", "future", "CMES")
    assert (future.tick_size, future.multiplier) == (Decimal("0.25"), 50)
    assert AuditLog.objects.get(action__startswith="instrument").action == "instrument.created"


def test_what_is_said_changes_and_what_is_empty_stays(tmp_path: Path) -> None:
    InstrumentFactory.create(symbol="SPY", exchange="NYSE", sector="Funds")
    status, out, _ = run(write(tmp_path / "a.csv", "symbol,sector,exchange,lot_size", "SPY,,ARCA,10"))
    assert (status, "updated 1" in out) == (0, True)
    stored = Instrument.objects.get()
    assert (stored.exchange, stored.sector, stored.lot_size) == ("ARCA", "Funds", 10)


def test_json_is_read_and_what_the_api_exports_comes_back(tmp_path: Path, viewer_api: APIClient) -> None:
    path = tmp_path / "coins.json"
    path.write_text(json.dumps([{"symbol": "BTC/USD", "asset_class": "crypto", "tick_size": 0.01, "is_active": False}]))
    assert run(path)[0] == 0
    assert Instrument.objects.get().is_active is False
    for name, form in (("all.csv", "csv"), ("all.json", "json")):
        exported = tmp_path / name
        exported.write_bytes(viewer_api.get("/api/v1/metadata", {"format": form}).content)
        assert "unchanged 1 + rejected 0" in run(exported)[1], exported.read_text()


def test_bad_rows_are_named_and_the_others_loaded(tmp_path: Path) -> None:
    lines = [
        *("SPY,etf,XNYS,1,USD,true", "a b,etf,,,,", "IBM,shares,,,,", "AIG,equity,XXXX,,,", "BAC,equity,,0,,"),
        *("SPY,etf,,,,", "MSFT,equity,,٣,,", "META,equity,,,dollar,", "GE,equity,,,,maybe"),
    ]
    status, out, err = run(
        write(tmp_path / "a.csv", "symbol,asset_class,calendar,tick_size,currency,is_active", *lines)
    )
    assert status == 1
    assert list(Instrument.objects.values_list("symbol", flat=True)) == ["SPY"]
    for line in range(3, 11):
        assert f"line {line}: " in out
    assert "8 of 9 rows were rejected" in err
    assert "SPY stands in line 2 already." in out


def test_abort_loads_nothing_when_a_row_is_bad(tmp_path: Path) -> None:
    status, _, err = run(write(tmp_path / "a.csv", "symbol,tick_size", "SPY,0.01", "IBM,-1"), "--on-error", "abort")
    assert status == 1
    assert "1 of 2 rows are bad, so nothing was loaded" in err
    assert not Instrument.objects.exists()
    assert not AuditLog.objects.filter(action__startswith="instrument").exists()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"symbol,colour\nSPY,red\n", "has a column 'colour'"),
        ("a.csv", b"sector\nFunds\n", "needs a column symbol"),
        ("a.csv", b"symbol\n", "has no rows"),
        ("a.csv", b"", "needs a column symbol"),
        ("a.csv", b"symbol\n\xff\xfe\n", "is not text in UTF-8"),
        ("a.csv", b"symbol\nA\0B\n", "has NUL bytes"),
        ("a.csv", b"symbol,sector\nSPY\n", "has 1 values in line 2 and 2 columns"),
        ("a.json", b"[1, 2]", "is no list of objects"),
        ("a.json", b"{", "is no JSON"),
        ("a.json", b'[{"symbol": "SPY", "sector": "\\u0000"}]', "a character that can't be stored"),
        ("a.json", b'[{"symbol": "SPY", "sector": ["x"]}]', "sector is a text, a number or a flag"),
        ("a.json", b'[{"symbol": "SPY", "market_cap": 1e400}]', "is no"),
    ],
)
def test_what_is_no_file_of_instruments_is_a_sentence(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    status, out, err = run(path)
    assert status == 1
    assert sentence in out + err
    assert not Instrument.objects.exists()
