"""Lists: a fixed number of queries, no counting, no select box of all instruments."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from unfold.paginator import InfinitePaginator

from accounts.models import User
from marketdata.models import DailyBar, IngestBatch, Instrument, IntradayBar
from portfolio.models import Portfolio, PortfolioPosition
from systemevents.models import AuditLog
from tests.admin.conftest import World, page_of, pages, path_of
from tests.factories import InstrumentFactory, IntradayBarFactory, UserFactory
from trading.models import Signal
from tradingsite.core.admin.base import ScopedModelAdmin
from tradingsite.core.admin.transfer import ExportPages


def queries_of(browser: Client, path: str, data: dict[str, Any] | None = None) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        response = browser.get(path, data)
    assert response.status_code == 200
    return [query["sql"] for query in captured]


@pytest.mark.parametrize("model", pages())
def test_a_list_asks_the_same_number_of_queries_for_one_row_as_for_many(
    model: Any, world: World, staff_browser: Client
) -> None:
    few = queries_of(staff_browser, path_of(model))
    for number in range(4):
        another = World(UserFactory.create(username=f"more{number}", role="trader"))
        InstrumentFactory.create()
        assert another.rows
    many = queries_of(staff_browser, path_of(model))
    assert len(many) == len(few), "\n".join(many)


@pytest.mark.parametrize("model", pages())
def test_no_list_counts_its_table(model: Any, world: World, staff_browser: Client) -> None:
    table = model._meta.db_table
    for query in queries_of(staff_browser, path_of(model), {"q": "a", "_facets": "True"}):
        # A subquery that counts related rows is fine; counting the table itself is not.
        assert not re.search(rf"SELECT COUNT\([^)]*\)[^,]* FROM .{table}.( WHERE|$)", query), query


@pytest.mark.parametrize("model", pages())
def test_every_page_stands_on_the_scoped_base_and_exports(model: Any) -> None:
    page = page_of(model)
    assert isinstance(page, ScopedModelAdmin)
    assert isinstance(page, ExportPages)
    assert issubclass(page.paginator, InfinitePaginator)
    assert not page.show_full_result_count
    assert page.date_hierarchy is None
    assert not page.raw_id_fields
    assert page.search_help_text or not page.search_fields or model.__name__ == "Role"


def test_bars_keep_their_index_order(world: World, staff_browser: Client) -> None:
    for model, order in ((DailyBar, "date"), (IntradayBar, "timestamp")):
        queries = queries_of(staff_browser, path_of(model), {"o": "3.-4.1"})
        listing = next(query for query in queries if f"{model._meta.db_table}" in query and "LIMIT" in query)
        assert re.search(rf"ORDER BY .*instrument_id.? DESC, .*{order}.? DESC LIMIT", listing), listing


def test_a_search_for_bars_goes_through_the_instrument(world: World, staff_browser: Client) -> None:
    IntradayBarFactory.create(instrument=InstrumentFactory.create(symbol="MSFT"))
    page = staff_browser.get(path_of(IntradayBar), {"q": "ms"}).content.decode()
    assert "MSFT" in page
    assert "AAPL" not in page
    queries = queries_of(staff_browser, path_of(IntradayBar), {"q": "ms"})
    assert not [query for query in queries if "LIKE" in query.upper() and "intraday_data" in query]


def test_a_symbol_is_found_however_it_is_typed(world: World, staff_browser: Client) -> None:
    for model in (Signal, PortfolioPosition):
        assert f"/{world.rows[model].pk}/change/" in staff_browser.get(path_of(model), {"q": "zz-s"}).content.decode()
        assert f"/{world.rows[model].pk}/change/" not in staff_browser.get(path_of(model), {"q": "s"}).content.decode()


def test_money_and_prices_are_read_in_cents(world: World, staff_browser: Client) -> None:
    assert "987,654.00" in staff_browser.get(path_of(PortfolioPosition)).content.decode()
    assert "9.50" in staff_browser.get(path_of(DailyBar)).content.decode()


def test_days_are_half_open_ranges_of_moments(world: World, staff_browser: Client) -> None:
    bar: Any = world.rows[IntradayBar]
    day = bar.timestamp.date().isoformat()
    shown = staff_browser.get(path_of(IntradayBar), {"timestamp_from": day, "timestamp_to": day})
    assert f"/{bar.pk}/change/" in shown.content.decode()
    hidden = staff_browser.get(path_of(IntradayBar), {"timestamp_from": "2031-01-01"})
    assert f"/{bar.pk}/change/" not in hidden.content.decode()


@pytest.mark.parametrize("model", pages())
@pytest.mark.parametrize("part", ["", "add", "change", "export", "import"])
def test_no_page_has_a_select_box_of_all_instruments(
    model: Any, part: str, world: World, staff_browser: Client
) -> None:
    InstrumentFactory.create_batch(30)
    parts = [world.rows[model].pk, "change"] if part == "change" else [part] if part else []
    page = staff_browser.get(path_of(model, *parts)).content.decode()
    assert len(re.findall(r"<option[^>]*>\s*SYM\d+", page)) <= 1


def test_the_autocomplete_finds_instruments_by_symbol_or_name(world: World, analyst_browser: Client) -> None:
    InstrumentFactory.create(symbol="MSFT", company_name="Microsoft Corporation")
    InstrumentFactory.create(symbol="META", company_name="Meta Platforms, Inc.")
    query = {"app_label": "marketdata", "model_name": "dailybar", "field_name": "instrument"}
    for term, symbols in (("ms", ["MSFT", "META"]), ("soft corp", ["MSFT"])):
        found = analyst_browser.get("/admin/autocomplete/", {**query, "term": term}).json()["results"]
        assert [row["text"] for row in found] == symbols


def test_the_audit_trail_is_filtered_by_the_beginning_of_the_action(world: World, staff_browser: Client) -> None:
    entry = world.rows[AuditLog]
    link = f"/systemevents/auditlog/{entry.pk}/change/"
    assert link in staff_browser.get(path_of(AuditLog), {"action_begins": "thing."}).content.decode()
    assert link not in staff_browser.get(path_of(AuditLog), {"action_begins": "watchlist."}).content.decode()


def test_numbers_are_shown_without_needless_zeros(world: World, staff_browser: Client) -> None:
    for parts in ((), (world.rows[DailyBar].pk, "change")):
        page = staff_browser.get(path_of(DailyBar, *parts)).content.decode()
        assert "11.25" in page
        assert "11.25000000" not in page


def test_the_home_page_asks_a_fixed_number_of_queries(
    owner: User, browser_of: Callable[[User], Client], world: World
) -> None:
    few = queries_of(browser_of(owner), "/admin/")
    World(owner_of_more := UserFactory.create(username="more", role="trader"))
    Portfolio.objects.filter(owner=owner_of_more).update(owner=owner, name="Second", name_key="second")
    assert len(queries_of(browser_of(owner), "/admin/")) == len(few)


def test_the_home_page_shows_what_the_user_has(world: World, owner_browser: Client, staff_browser: Client) -> None:
    page = owner_browser.get("/admin/").content.decode()
    for text in ("zz-secret portfolio", "987,654.00 USD", "BUY ZZ-SECRET", "thing.done"):
        assert text in page
    assert "zz-secret event" not in page
    assert "Latest imports" not in page
    everything = staff_browser.get("/admin/").content.decode()
    assert "zz-secret event" in everything
    assert world.rows[IngestBatch].source in everything


def test_the_registry_has_every_table_of_the_issue() -> None:
    from django.contrib.auth.models import Group

    assert {Instrument, DailyBar, IntradayBar, IngestBatch, Portfolio, Signal, User} <= set(admin.site._registry)
    assert Group not in admin.site._registry
