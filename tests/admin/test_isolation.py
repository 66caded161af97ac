"""Whatever page another user asks for: nothing of the owner's shows, and foreign ids are missing ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import models
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accounts.models import User
from portfolio.models import Portfolio, PortfolioMember
from tests.admin.conftest import SECRET, SECRET_NUMBER, World, page_of, pages, path_of
from tests.factories import PortfolioFactory
from trading.models import Signal

MISSING = 987_123_456_789


def text_of(response: Any) -> str:
    return response.content.decode() if not response.streaming else b"".join(response.streaming_content).decode()


def assert_no_secret(response: Any, *, but: str = "") -> None:
    """No text, name or amount of the owner's, except what the request itself said."""
    text = text_of(response).lower().replace(",", "")
    for secret in (SECRET, SECRET_NUMBER):
        assert secret not in (text.replace(but.lower(), "") if but else text)


def same(response: Any) -> tuple[int, str, str]:
    """What an answer says but for numbers, ids among them, and the form's token."""
    text = re.sub(r'csrf\w*" value="[^"]+"|[A-Za-z0-9]{64}|[0-9a-f]{32}', "", text_of(response))
    return (
        response.status_code,
        re.sub(r"\d+", "N", response.headers.get("Location", "")),
        re.sub(r"\d+", "N", text),
    )


def relations(model: type[models.Model]) -> list[Any]:
    return [
        field for field in model._meta.get_fields() if isinstance(field, models.ForeignKey | models.ManyToManyField)
    ]


def test_every_page_of_the_admin_has_a_row_in_this_world(world: World) -> None:
    assert set(admin.site._registry) == set(world.rows)


@pytest.mark.parametrize("model", pages())
@pytest.mark.parametrize("part", ["", "add", "export", "import"])
def test_no_list_or_form_shows_foreign_rows(model: Any, part: str, world: World, other_browser: Client) -> None:
    response = other_browser.get(path_of(model, *filter(None, [part])))
    assert response.status_code in (200, 403, 404, 302)
    assert_no_secret(response)


@pytest.mark.parametrize("model", pages(only_isolated=True))
@pytest.mark.parametrize(
    "part", ["change", "history", "delete", "password", "reset-factor", "end", "revoke", "set-password"]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_foreign_row_is_a_missing_one(
    model: Any, part: str, method: str, world: World, other_browser: Client
) -> None:
    row = world.rows[model]
    before = list(model._base_manager.filter(pk=row.pk).values())
    foreign = getattr(other_browser, method)(path_of(model, row.pk, part))
    other_browser.get("/admin/")  # a message, if there was one, is shown and gone
    missing = getattr(other_browser, method)(path_of(model, MISSING, part))
    assert_no_secret(foreign)
    assert same(foreign) == same(missing)
    assert list(model._base_manager.filter(pk=row.pk).values()) == before


@pytest.mark.parametrize("model", pages(only_isolated=True))
def test_the_message_about_a_foreign_row_is_that_about_a_missing_one(
    model: Any, world: World, other_browser: Client
) -> None:
    texts = []
    for pk in (world.rows[model].pk, MISSING):
        response = other_browser.get(path_of(model, pk, "change"), follow=True)
        texts.append(same(response))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("model", pages())
def test_a_search_finds_nothing_foreign(model: Any, world: World, other_browser: Client) -> None:
    for term in (SECRET, SECRET.upper(), str(world.rows[model].pk), "zz"):
        assert_no_secret(other_browser.get(path_of(model), {"q": term}), but=term if SECRET in term.lower() else "")


@pytest.mark.parametrize("model", pages())
def test_a_filter_by_a_foreign_id_answers_as_by_a_missing_one(model: Any, world: World, other_browser: Client) -> None:
    for field in relations(model):
        related = world.rows.get(field.related_model)
        if related is None or not world.foreign_to(field.related_model):
            continue
        for name in (
            field.name,
            f"{field.name}__id__exact",
            f"{field.name}__pk",
            f"{field.name}_id",
            f"{field.name}__in",
        ):
            foreign = other_browser.get(path_of(model), {name: related.pk})
            missing = other_browser.get(path_of(model), {name: MISSING})
            assert_no_secret(foreign)
            assert same(foreign) == same(missing)


@pytest.mark.parametrize("model", pages())
def test_rows_are_not_found_by_columns_of_their_owner(model: Any, world: World, other_browser: Client) -> None:
    for name in ("owner__username__startswith", "portfolio__owner__username", "portfolio__name__startswith"):
        response = other_browser.get(path_of(model), {name: SECRET})
        assert response.status_code in (302, 400, 403)
        assert_no_secret(response, but=SECRET)


@pytest.mark.parametrize("model", pages())
def test_autocomplete_offers_nothing_foreign(model: Any, world: World, other_browser: Client) -> None:
    for field in relations(model):
        query = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field.name}
        for term in ("", "zz", SECRET):
            response = other_browser.get("/admin/autocomplete/", {**query, "term": term})
            assert response.status_code in (200, 403)
            assert_no_secret(response)


@pytest.mark.parametrize("model", pages())
@pytest.mark.parametrize("number", [0, 1])
def test_an_export_holds_nothing_foreign(model: Any, number: int, world: World, other_browser: Client) -> None:
    columns = {f"{model.__name__.lower()}export_{name}": "on" for name in export_columns(model)}
    response = other_browser.post(path_of(model, "export"), {"format": number, "resource": "0", **columns})
    assert response.status_code in (200, 403)
    if response.status_code == 200:
        assert "attachment" in response["Content-Disposition"]
    assert_no_secret(response)


def export_columns(model: Any) -> list[str]:
    from tradingsite.core.admin.transfer.resources import export_resource

    return list(export_resource(model, page_of(model).export_fields).fields)


@pytest.mark.parametrize("model", pages())
def test_an_export_takes_no_ids(model: Any, world: World, other_browser: Client) -> None:
    response = other_browser.post(path_of(model, "export"), {"format": 0, "export_items": world.rows[model].pk})
    assert response.status_code in (400, 403)
    assert_no_secret(response)


def test_a_form_with_a_foreign_portfolio_comes_back_as_with_a_missing_one(
    world: World, other_user: User, browser_of: Callable[[User], Client]
) -> None:
    # The right to add signals, but not to see everybody's rows.
    other_user.groups.set([Group.objects.get(name="analyst")])
    browser = browser_of(other_user)
    answers = []
    for pk in (world.rows[Portfolio].pk, MISSING):
        values = {"symbol": "AAPL", "date": "2020-01-02", "timeframe": "1d", "signal_type": "BUY", "portfolio": pk}
        response = browser.post(path_of(Signal, "add"), values)
        assert response.status_code == 200
        assert_no_secret(response)
        answers.append(same(response))
    assert answers[0] == answers[1]
    assert not Signal.objects.filter(owner=other_user).exists()


def test_the_home_page_shows_nothing_foreign(world: World, other_browser: Client) -> None:
    response = other_browser.get("/admin/")
    assert response.status_code == 200
    assert_no_secret(response)


def test_the_sites_search_finds_nothing_foreign(world: World, other_browser: Client) -> None:
    for query in ({"s": SECRET}, {"s": SECRET, "extended": "1"}):
        assert_no_secret(other_browser.get("/admin/search/", query))


def test_a_member_sees_the_shared_portfolio_but_may_not_edit_it(
    world: World, other_user: User, other_browser: Client
) -> None:
    portfolio = world.rows[Portfolio]
    PortfolioMember.objects.create(portfolio=portfolio, user=other_user, grant="view")
    page = path_of(Portfolio, portfolio.pk, "change")
    response = other_browser.get(page)
    assert response.status_code == 200
    assert 'name="name"' not in text_of(response)
    assert other_browser.post(page, {"name": "taken over"}).status_code == 403
    portfolio.refresh_from_db()
    assert portfolio.name == f"{SECRET} portfolio"


def test_staff_see_everybodys_rows(world: World, staff_browser: Client) -> None:
    for model, row in world.rows.items():
        assert staff_browser.get(path_of(model, row.pk, "change")).status_code == 200, model


def test_a_bulk_action_can_not_reach_foreign_rows(world: World, other_browser: Client) -> None:
    for model, row in world.rows.items():
        for action in ("delete_selected", "export_admin_action"):
            other_browser.post(path_of(model), {"action": action, "_selected_action": row.pk, "post": "yes"})
        assert model._base_manager.filter(pk=row.pk).exists()


def test_the_redirect_to_any_tables_any_row_is_gone(world: World, other_browser: Client) -> None:
    with pytest.raises(NoReverseMatch):
        reverse("admin:view_on_site", args=[1, 1])
    assert other_browser.get("/admin/r/1/1/").status_code == 404


def test_own_rows_are_there_beside_the_foreign_ones(world: World, other_user: User, other_browser: Client) -> None:
    PortfolioFactory.create(owner=other_user, name="My own book")
    assert "My own book" in text_of(other_browser.get(path_of(Portfolio)))
