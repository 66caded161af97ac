"""Export and import: scoped, quoted, previewed, through services, all or nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiKey, User
from marketdata.models import DailyBar, IngestBatch, Instrument
from portfolio.models import Portfolio, PortfolioPosition, Watchlist, WatchlistItem
from systemevents.models import AuditLog, SystemEvent
from tests.admin.conftest import World, page_of, pages, path_of
from tests.factories import (
    DailyBarFactory,
    InstrumentFactory,
    PortfolioFactory,
    PortfolioPositionFactory,
    SystemEventFactory,
    WatchlistFactory,
)
from trading.models import Signal
from tradingsite.core.admin.transfer import pages as transfer_pages
from tradingsite.core.admin.transfer.formats import FORMATS, quoted, unquoted
from tradingsite.core.admin.transfer.resources import export_resource
from tradingsite.core.admin.transfer.storage import preview_folder

CSV, JSON = 0, len(FORMATS) - 1


@pytest.fixture(autouse=True)
def previews_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def export(browser: Client, model: Any, *, number: int = CSV, query: str = "") -> Any:
    columns = export_resource(model, page_of(model).export_fields).fields
    chosen = {f"{model.__name__.lower()}export_{name}": "on" for name in columns}
    return browser.post(f"{path_of(model, 'export')}{query}", {"format": number, "resource": 0, **chosen})


def rows_of(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 200, response
    return list(csv.DictReader(io.StringIO(response.content.decode())))


def upload(browser: Client, model: Any, content: str | bytes, *, number: int = CSV, name: str = "rows.csv") -> Any:
    data = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile(name, data)
    return browser.post(path_of(model, "import"), {"import_file": file, "format": number, "resource": 0})


def confirm(browser: Client, model: Any, preview: Any) -> Any:
    return browser.post(path_of(model, "process_import"), preview.context_data["confirm_form"].initial)


def problems_of(preview: Any) -> str:
    assert preview.status_code == 200
    assert "confirm_form" not in preview.context_data
    result = preview.context_data.get("result")
    if result is None:
        return str(preview.context_data["form"].errors)
    errors = [str(error.error) for error in result.base_errors]
    errors += [str(error.error) for _, of_row in result.row_errors() for error in of_row]
    return str(errors + [row.error_dict for row in result.invalid_rows])


# Export


@pytest.mark.parametrize("model", pages())
def test_every_list_exports_csv_and_json(model: Any, world: World, staff_browser: Client) -> None:
    rows = rows_of(export(staff_browser, model))
    assert len(rows) == model._default_manager.count()
    if model in (User, ApiKey):
        assert not {"password", "digest", "pepper"} & set(rows[0])
    assert len(json.loads(export(staff_browser, model, number=JSON).content)) == len(rows)


def test_formulas_are_quoted_and_numbers_are_not(owner: User, owner_browser: Client) -> None:
    portfolio = PortfolioFactory.create(owner=owner, name="=HYPERLINK(1)")
    PortfolioPositionFactory.create(portfolio=portfolio, symbol="X", quantity=Decimal("-2.5"), cost=Decimal("-7"))
    row = rows_of(export(owner_browser, PortfolioPosition))[0]
    assert row["portfolio"] == "'=HYPERLINK(1)"
    assert row["quantity"] == "-2.5"
    assert rows_of(export(owner_browser, Portfolio))[0]["name"] == "'=HYPERLINK(1)"
    assert json.loads(export(owner_browser, Portfolio, number=JSON).content)[0]["name"] == "=HYPERLINK(1)"


@pytest.mark.parametrize("text", ["=1+1", "+1 234", "-x", "@SUM", "\t=1", "\r=1", "'=1", "''@x"])
def test_what_is_quoted_reads_back_as_it_was(text: str) -> None:
    assert quoted(text) == f"'{text}"
    assert unquoted(quoted(text)) == text


@pytest.mark.parametrize("text", ["-2.5", "+1", "1e5", "it's", "AAPL", "", None, Decimal("-1"), "'quoted'"])
def test_numbers_and_plain_texts_stay(text: Any) -> None:
    assert quoted(text) == text == unquoted(text)


def test_an_export_respects_the_lists_filter(staff_browser: Client, world: World) -> None:
    DailyBarFactory.create(instrument=InstrumentFactory.create(symbol="MSFT"))
    assert [row["instrument"] for row in rows_of(export(staff_browser, DailyBar, query="?q=ms"))] == ["MSFT"]
    assert len(rows_of(export(staff_browser, DailyBar))) == 2


def test_an_export_of_too_much_points_to_the_api(staff_browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer_pages, "MOST_EXPORTED_ROWS", 3)
    DailyBarFactory.create_batch(3)
    assert len(rows_of(export(staff_browser, DailyBar))) == 3
    DailyBarFactory.create()
    response = export(staff_browser, DailyBar)
    assert response.status_code == 302
    assert "/api/docs/" in staff_browser.get(response["Location"]).content.decode()


def test_a_wrong_filter_of_an_export_is_a_message(staff_browser: Client) -> None:
    response = export(staff_browser, DailyBar, query="?instrument__id__exact=x")
    assert response.status_code == 302
    assert "be filtered like that" in staff_browser.get(response["Location"]).content.decode()


def test_an_export_asks_a_fixed_number_of_queries(staff_browser: Client, world: World) -> None:
    for model in (Signal, PortfolioPosition, DailyBar, IngestBatch):
        with CaptureQueriesContext(connection) as few:
            export(staff_browser, model)
        World(User.objects.create(username=f"more-{model.__name__.lower()}"))
        with CaptureQueriesContext(connection) as many:
            export(staff_browser, model)
        assert len(many) == len(few), model


# Importing instruments


INSTRUMENTS = "symbol,company_name,currency\naapl,Apple Inc.,USD\nMSFT,Microsoft,USD\n"


def test_instruments_are_previewed_then_imported_through_the_service(analyst_browser: Client) -> None:
    InstrumentFactory.create(symbol="MSFT", company_name="Old", exchange="NASDAQ")
    preview = upload(analyst_browser, Instrument, INSTRUMENTS)
    assert "Microsoft" in preview.content.decode()
    assert not Instrument.objects.filter(symbol="AAPL").exists()
    assert not AuditLog.objects.filter(front="admin").exists()
    assert len(list(preview_folder().iterdir())) == 1
    response = confirm(analyst_browser, Instrument, preview)
    assert response.status_code == 302
    assert Instrument.objects.get(symbol="AAPL").company_name == "Apple Inc."
    changed = Instrument.objects.get(symbol="MSFT")
    assert (changed.company_name, changed.exchange) == ("Microsoft", "NASDAQ")
    found = list(AuditLog.objects.filter(front="admin").order_by("pk").values_list("action", flat=True))
    assert found == ["instrument.created", "instrument.changed"]
    assert not list(preview_folder().iterdir())


def test_importing_the_same_again_changes_nothing(analyst_browser: Client) -> None:
    for _ in range(2):
        confirm(analyst_browser, Instrument, upload(analyst_browser, Instrument, INSTRUMENTS))
    assert AuditLog.objects.filter(front="admin").count() == 2


def test_ids_in_a_file_are_not_taken(analyst_browser: Client) -> None:
    instrument = InstrumentFactory.create(symbol="MSFT", company_name="Microsoft")
    text = f"id,symbol,company_name\n{instrument.pk},AAPL,Apple\n"
    confirm(analyst_browser, Instrument, upload(analyst_browser, Instrument, text))
    instrument.refresh_from_db()
    assert (instrument.symbol, instrument.company_name) == ("MSFT", "Microsoft")
    assert Instrument.objects.get(symbol="AAPL").pk != instrument.pk


def test_one_bad_row_refuses_the_whole_file(analyst_browser: Client) -> None:
    text = "symbol,company_name,calendar\nAAPL,Apple,XNYS\nMSFT,Microsoft,NOWHERE\n"
    preview = upload(analyst_browser, Instrument, text)
    assert "not an exchange calendar" in problems_of(preview)
    assert not Instrument.objects.exists()
    assert not list(preview_folder().iterdir())


@pytest.mark.parametrize(
    ("content", "number"),
    [
        ("", CSV),
        ("\n\n", CSV),
        ("symbol,symbol\nA,B\n", CSV),
        ("symbol\nA\x00B\n", CSV),
        (b"\xff\xfe\x00binary", CSV),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), CSV),
        ("symbol\n=cmd|x\n", CSV),
        ('[["AAPL"], ["MSFT"]]', JSON),
        ('[{"symbol": "\\ud800"}]', JSON),
        ('[{"symbol": {"a": 1}}]', JSON),
        ('[{"symbol": NaN}]', JSON),
        ('{"symbol": "AAPL"}', JSON),
        ("[" * 100_000, JSON),
        ("not json", JSON),
        ('[{"symbol": "AAPL", "market_cap": "NaN"}]', JSON),
        ('[{"symbol": "AAPL", "market_cap": 1e400}]', JSON),
        ('[{"symbol": "AAPL", "lot_size": -1}]', JSON),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_a_sentence(
    analyst_browser: Client, content: str | bytes, number: int
) -> None:
    preview = upload(analyst_browser, Instrument, content, number=number)
    assert problems_of(preview)
    assert "Traceback" not in preview.content.decode()
    assert not Instrument.objects.exists()


def test_a_file_that_is_too_large_is_refused(analyst_browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer_pages, "MOST_UPLOADED_BYTES", 50)
    assert "larger than" in problems_of(upload(analyst_browser, Instrument, "symbol\n" + "A" * 60))
    monkeypatch.setattr(transfer_pages, "MOST_UPLOADED_BYTES", 1000)
    monkeypatch.setattr(page_of(Instrument), "most_imported_rows", 2)
    assert "2 are the most" in problems_of(upload(analyst_browser, Instrument, "symbol\nA\nB\nC\n"))


# Whose preview it is


def test_a_preview_is_its_users_own(analyst_browser: Client, browser_of: Callable[[User], Client], staff: User) -> None:
    preview = upload(analyst_browser, Instrument, INSTRUMENTS)
    response = confirm(browser_of(staff), Instrument, preview)
    assert "not there any more" in response.content.decode()
    assert not Instrument.objects.exists()


@pytest.mark.parametrize("change", [{"import_file_name": "../../etc/passwd"}, {"format": "7"}, {"format": "x"}])
def test_a_confirmation_that_was_tampered_with_is_refused(analyst_browser: Client, change: dict[str, str]) -> None:
    initial = upload(analyst_browser, Instrument, INSTRUMENTS).context_data["confirm_form"].initial
    response = analyst_browser.post(path_of(Instrument, "process_import"), {**initial, **change})
    assert response.status_code == 200
    assert not Instrument.objects.exists()


def test_a_preview_is_confirmed_once(analyst_browser: Client) -> None:
    preview = upload(analyst_browser, Instrument, INSTRUMENTS)
    confirm(analyst_browser, Instrument, preview)
    response = confirm(analyst_browser, Instrument, preview)
    assert response.status_code == 302
    assert "not there any more" in analyst_browser.get(response["Location"]).content.decode()


def test_what_has_changed_since_the_preview_refuses_the_import(analyst_browser: Client) -> None:
    InstrumentFactory.create(symbol="AAPL")
    preview = upload(analyst_browser, Signal, "symbol,date,signal_type\nAAPL,2024-01-05,BUY\n")
    Instrument.objects.all().delete()
    response = confirm(analyst_browser, Signal, preview)
    assert "Something has changed" in analyst_browser.get(response["Location"]).content.decode()
    assert not Signal.objects.exists()


@pytest.mark.parametrize("model", [Instrument, DailyBar, Signal])
def test_a_viewer_imports_nothing(model: Any, viewer_browser: Client) -> None:
    assert upload(viewer_browser, model, "symbol\nAAPL\n").status_code == 403
    assert viewer_browser.post(path_of(model, "process_import"), {}).status_code == 403


# Importing signals


def test_signals_are_imported_as_the_actors_own(analyst: User, analyst_browser: Client) -> None:
    InstrumentFactory.create(symbol="AAPL")
    text = "owner,symbol,date,signal_type,confidence,entry_price\nowner,aapl,2024-01-05,buy,62.5,10.5\n"
    confirm(analyst_browser, Signal, upload(analyst_browser, Signal, text))
    signal = Signal.objects.get()
    assert (signal.owner, signal.symbol, signal.entry_price) == (analyst, "AAPL", Decimal("10.5"))
    assert list(AuditLog.objects.filter(front="admin").values_list("action", flat=True)) == ["signal.recorded"]


def test_a_foreign_portfolio_in_a_file_is_a_missing_one(world: World, analyst_browser: Client) -> None:
    answers = []
    for name in (world.rows[Portfolio].name, "no such portfolio"):
        text = f"symbol,date,signal_type,portfolio\nAAPL,2024-01-05,BUY,{name}\n"
        answers.append(problems_of(upload(analyst_browser, Signal, text)).replace(name, "NAME"))
    assert answers[0] == answers[1]
    assert "There is no portfolio named" in answers[0]
    assert Signal.objects.count() == 1


def test_a_signal_for_an_unknown_symbol_is_refused(analyst_browser: Client) -> None:
    preview = upload(analyst_browser, Signal, "symbol,date,signal_type\nNOSUCH,2024-01-05,BUY\n")
    assert "No instrument has the symbol NOSUCH" in problems_of(preview)


# Importing watchlists


def test_symbols_go_on_the_actors_own_lists(owner: User, owner_browser: Client, other_user: User) -> None:
    for symbol in ("AAPL", "MSFT"):
        InstrumentFactory.create(symbol=symbol)
    foreign = WatchlistFactory.create(owner=other_user, name="Tech")
    text = "watchlist,symbol\nTech,AAPL\ntech ,msft\n"
    preview = upload(owner_browser, Watchlist, text)
    assert not Watchlist.objects.filter(owner=owner).exists()
    confirm(owner_browser, Watchlist, preview)
    own = Watchlist.objects.get(owner=owner)
    assert sorted(own.items.values_list("symbol", flat=True)) == ["AAPL", "MSFT"]
    assert not foreign.items.exists()
    found = list(AuditLog.objects.filter(front="admin").order_by("pk").values_list("action", flat=True))
    assert found == ["watchlist.created", "watchlist.symbol_added", "watchlist.symbol_added"]


def test_a_row_without_a_list_is_refused(owner_browser: Client) -> None:
    InstrumentFactory.create(symbol="AAPL")
    assert "needs a watchlist" in problems_of(upload(owner_browser, Watchlist, "watchlist,symbol\n,AAPL\n"))
    assert not WatchlistItem.objects.exists()


# Importing daily bars


BARS = "symbol,date,open,high,low,close,volume\nAAPL,2024-01-05,10,12,9,11.5,1000\nAAPL,2024-01-08,11.5,12,11,11.75,\n"


def test_daily_bars_go_to_the_ingest_service_as_one_batch(analyst: User, analyst_browser: Client) -> None:
    InstrumentFactory.create(symbol="AAPL")
    preview = upload(analyst_browser, DailyBar, BARS, name="aapl.csv")
    assert "11.75" in preview.content.decode()
    assert not DailyBar.objects.exists()
    assert not IngestBatch.objects.exists()
    response = confirm(analyst_browser, DailyBar, preview)
    assert "2 new" in analyst_browser.get(response["Location"]).content.decode()
    batch = IngestBatch.objects.get()
    assert (batch.source, batch.read, batch.inserted, batch.started_by) == ("aapl.csv", 2, 2, analyst)
    assert DailyBar.objects.count() == 2
    preview = upload(analyst_browser, DailyBar, BARS)
    response = confirm(analyst_browser, DailyBar, preview)
    assert "2 skipped" in analyst_browser.get(response["Location"]).content.decode()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [(("12,9,", "8,9,"), "high"), (("AAPL,2024-01-08", "NOSUCH,2024-01-08"), "NOSUCH"), (("close", "shut"), "close")],
)
def test_bad_bars_are_named_and_nothing_is_loaded(
    analyst_browser: Client, change: tuple[str, str], sentence: str
) -> None:
    InstrumentFactory.create(symbol="AAPL")
    preview = upload(analyst_browser, DailyBar, BARS.replace(*change))
    assert sentence in problems_of(preview)
    assert not DailyBar.objects.exists()
    assert not IngestBatch.objects.exists()


def test_a_preview_escapes_what_stands_in_the_file(analyst_browser: Client) -> None:
    script = "<script>alert('zz')</script>"
    for model, text in (
        (Instrument, f"symbol,company_name\nAAPL,{script}\n"),
        (Instrument, f"symbol,calendar\nAAPL,{script}\n"),
        (Instrument, f"symbol,{script}\nAAPL,x\n"),
        (DailyBar, BARS.replace("AAPL,2024-01-08", f"{script},2024-01-08")),
        (Signal, f"symbol,date,signal_type,portfolio\nAAPL,2024-01-05,BUY,{script}\n"),
    ):
        assert "<script>alert('zz')" not in upload(analyst_browser, model, text).content.decode()


def test_an_exported_list_of_events_is_quoted_too(staff_browser: Client) -> None:
    SystemEventFactory.create(description="=1+1")
    assert rows_of(export(staff_browser, SystemEvent))[0]["description"] == "'=1+1"
