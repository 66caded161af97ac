"""The icon of the site, which browsers ask for on every page."""

from __future__ import annotations

from typing import Any

from django.contrib.staticfiles.finders import find
from django.test import Client

ICON = "/static/core/icon.svg"


def test_the_old_name_leads_to_the_icon(client: Client) -> None:
    answer: Any = client.get("/favicon.ico")
    assert (answer.status_code, answer.url) == (302, ICON)
    assert find(ICON.removeprefix("/static/")), "the file is there"
    assert client.post("/favicon.ico").status_code == 405


def test_pages_name_the_icon_themselves(client: Client, db: None) -> None:
    for page in ("/admin/login/", "/api/docs/"):
        assert f'href="{ICON}"' in client.get(page).content.decode(), page
