"""No query string, id or text breaks a page, and no text runs as a script."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import models
from django.test import Client

from accounts.models import User
from marketdata.models import IngestBatch, Instrument
from portfolio.models import Portfolio, PortfolioMember, Watchlist
from systemevents.models import AuditLog, AuditSeal, SystemEvent
from tests.admin.conftest import World, page_of, pages, path_of
from tests.factories import UserFactory
from trading.models import Signal

SCRIPT = "<script>alert('zz')</script>\"'><img src=x onerror=alert(1)>"

HOSTILE = ["\x00", "'", "\ud7ff", "9" * 5000, "-1", "NaN", "0001-01-01", "9999-12-31"]
NAMES = ["q", "p", "o", "all", "e", "_to_field", "_popup", "_changelist_filters", "_facets", "id", "pk", "password"]


def filter_names(model: Any) -> list[str]:
    """Every name that the list's filters read."""
    names = []
    for entry in page_of(model).list_filter:
        if isinstance(entry, tuple):
            field = entry[0]
            names += [field, f"{field}__exact", f"{field}__id__exact", f"{field}_from", f"{field}_to", f"{field}__in"]
        else:
            names.append(entry.parameter_name)
    return names


@pytest.mark.parametrize("model", pages())
def test_no_value_of_a_filter_breaks_a_list_or_its_export(model: Any, world: World, staff_browser: Client) -> None:
    for name in filter_names(model):
        for value in HOSTILE:
            assert staff_browser.get(path_of(model), {name: value}).status_code < 500, (name, value[:20])
        assert staff_browser.get(path_of(model, "export"), {name: "'"}).status_code < 500, name
    assert staff_browser.get(path_of(model)).status_code == 200


@pytest.mark.parametrize("model", [Instrument, AuditLog])
@pytest.mark.parametrize("name", NAMES)
def test_no_other_query_string_breaks_a_list(model: Any, name: str, world: World, staff_browser: Client) -> None:
    for value in HOSTILE:
        assert staff_browser.get(path_of(model), {name: value}).status_code < 500, value[:20]


@pytest.mark.parametrize("model", pages())
@pytest.mark.parametrize("key", ["0", "-1", str(2**63), "9" * 5000, "x", "%00", "..%2F", "1_5F", "٣", "1 ", "add"])
def test_no_id_breaks_a_page(model: Any, key: str, world: World, staff_browser: Client) -> None:
    for part in ("change", "history", "delete"):
        assert staff_browser.get(f"{path_of(model)}{key}/{part}/").status_code < 500


@pytest.mark.parametrize("path", ["/admin/search/", "/admin/autocomplete/"])
def test_no_query_string_breaks_search_or_autocomplete(path: str, world: World, staff_browser: Client) -> None:
    query = {"app_label": "marketdata", "model_name": "dailybar", "field_name": "instrument", "s": "signal"}
    for name in (*query, "term", "page", "extended"):
        for value in HOSTILE:
            assert staff_browser.get(path, {**query, name: value}).status_code < 500, (name, value[:20])


@pytest.mark.parametrize("model", pages())
def test_no_form_value_breaks_a_form(model: Any, world: World, staff_browser: Client) -> None:
    fields = [field.name for field in model._meta.get_fields() if getattr(field, "editable", False)]
    for value in [*HOSTILE, "x" * 100_000]:
        values = dict.fromkeys([*fields, "reasons", "rights", "roles", "password1", "password2"], value)
        for parts in (("add",), (world.rows[model].pk, "change")):
            assert staff_browser.post(path_of(model, *parts), values).status_code < 500, value[:20]


@pytest.mark.parametrize("model", [Portfolio, Watchlist])
def test_a_broken_inline_does_not_break_its_page(model: Any, world: World, owner_browser: Client) -> None:
    page = path_of(model, world.rows[model].pk, "change")
    prefix = "members" if model is Portfolio else "items"
    for total in ("", "x", "-1", "99999999", "9" * 400):
        values = {"name": "x", "cost_method": "average", f"{prefix}-TOTAL_FORMS": total, f"{prefix}-INITIAL_FORMS": "1"}
        assert owner_browser.post(page, values).status_code < 500


def scripted(world: World, staff: User) -> None:
    """Put the script into every text column of every row, past all validation."""
    for row in world.rows.values():
        table: Any = type(row)
        values: dict[str, Any] = {}
        for field in row._meta.concrete_fields:
            if isinstance(field, models.JSONField):
                values[field.name] = {SCRIPT: SCRIPT}
            elif isinstance(field, models.CharField | models.TextField) and not field.choices:
                if field.name in (
                    "public_id",
                    "refresh_id",
                    "digest",
                    "token_digest",
                    "password",
                    "name_key",
                    "timeframe",
                ):
                    continue
                limit = field.max_length or 200
                if limit >= len(SCRIPT):
                    values[field.name] = SCRIPT
        if table in (AuditLog, AuditSeal):
            # Append-only: the script comes as an entry of its own, which takes the row's place.
            for name, value in values.items():
                setattr(row, name, value)
            row.pk, row._state.adding = (row.pk + 1 if table is AuditSeal else None), True
            # Forced, or Django tries an UPDATE first, which PostgreSQL's trigger refuses before it looks for rows.
            row.save(force_insert=True)
            continue
        # Straight to the table: the fields' own rules would refuse it.
        table._base_manager.filter(pk=row.pk).update(
            **{
                name: models.Value(value, output_field=models.JSONField())
                if isinstance(value, dict)
                else models.Value(value, output_field=models.TextField())
                for name, value in values.items()
            }
        )
    Signal.objects.update(reasons=[SCRIPT])
    LogEntry.objects.create(
        user=staff, content_type_id=1, object_id="1", object_repr=SCRIPT[:200], action_flag=2, change_message=SCRIPT
    )


def test_a_script_in_any_text_is_escaped_on_every_page(
    world: World, staff: User, staff_browser: Client, owner_browser: Client
) -> None:
    portfolio: Any = world.rows[Portfolio]
    PortfolioMember.objects.create(portfolio=portfolio, user=UserFactory.create(username="member", role="trader"))
    scripted(world, staff)
    met = 0
    for model, row in world.rows.items():
        for parts in ((), (row.pk, "change"), (row.pk, "history"), (row.pk, "delete"), ("add",), ("export",)):
            for browser in (staff_browser, owner_browser):
                page = browser.get(path_of(model, *parts)).content.decode()
                assert "<script>alert('zz')" not in page, (model, parts)
                assert "<img src=x" not in page, (model, parts)
                met += "&lt;script&gt;alert(&#x27;zz&#x27;)" in page
    for browser in (staff_browser, owner_browser):
        assert "<script>alert('zz')" not in browser.get("/admin/").content.decode()
    assert met > 25  # the texts were there to be escaped


@pytest.mark.parametrize("model", [AuditLog, SystemEvent, IngestBatch, Signal])
def test_the_script_really_stood_on_these_pages(model: Any, world: World, staff: User, staff_browser: Client) -> None:
    scripted(world, staff)
    assert "&lt;script&gt;" in staff_browser.get(path_of(model, world.rows[model].pk, "change")).content.decode()


def test_a_search_term_comes_back_escaped(world: World, staff_browser: Client) -> None:
    page = staff_browser.get(path_of(Instrument), {"q": SCRIPT}).content.decode()
    assert "<script>alert('zz')" not in page


def test_passwords_can_not_be_found_out_letter_by_letter(world: World, staff_browser: Client) -> None:
    for name in ("password__startswith", "digest__startswith", "api_keys__digest__startswith"):
        for path in (path_of(User), "/admin/accounts/apikey/"):
            assert staff_browser.get(path, {name: "a"}).status_code in (302, 400)
