"""Nothing comes from anywhere else: no fonts, scripts, styles or pictures of other sites."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import unfold
from django.contrib.staticfiles import finders
from django.test import Client

from tests.admin.conftest import World, pages, path_of

ASSET = re.compile(r"<(?:script|link|img|iframe|source)[^>]+(?:src|href)=[\"']([^\"']+)", re.IGNORECASE)


@pytest.mark.parametrize("model", pages())
def test_every_asset_of_a_page_is_served_here(model: Any, world: World, staff_browser: Client) -> None:
    for parts in ((), ("add",), (world.rows[model].pk, "change"), ("export",), ("import",)):
        for address in ASSET.findall(staff_browser.get(path_of(model, *parts)).content.decode()):
            assert address.startswith(("/static/", "/admin/jsi18n/")), address
            if address.startswith("/static/"):
                assert finders.find(address.removeprefix("/static/")), address


def test_no_stylesheet_of_the_theme_names_another_site() -> None:
    styles = list((Path(unfold.__file__).parent / "static").rglob("*.css"))
    assert styles
    for style in styles:
        assert not re.search(r"url\([\"']?(https?:)?//|@import [\"']?http", style.read_text()), style


def test_no_page_of_ours_has_an_inline_script() -> None:
    templates = Path(__file__).parents[2] / "tradingsite" / "templates"
    for template in templates.rglob("*.html"):
        text = template.read_text()
        assert "<script" not in text, template
        assert "|safe" not in text, template
