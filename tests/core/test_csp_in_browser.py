"""The Content-Security-Policy in a real browser: everything works under it, and nothing is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.wire import PASSWORD, USERNAME, Server, serving

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.any_engine,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium"),
]


@pytest.fixture
def refused() -> list[str]:
    """What the browser refused, or could not load or run."""
    return []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # With DEBUG static files come straight from the packages; the policy of good pages is the same.
    with serving(tmp_path_factory.mktemp("browser"), DEBUG="true") as running:
        yield running


@pytest.fixture
def page(server: Server, refused: list[str]) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(base_url=f"http://127.0.0.1:{server.port}")
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation',"
            " event => console.error('refused: ' + event.violatedDirective + ' ' + event.blockedURI));"
        )
        page.on("console", lambda told: _note(refused, told))
        page.on("pageerror", lambda error: refused.append(f"{page.url}: {error}"))
        yield page
        browser.close()


def _note(refused: list[str], told: Any) -> None:
    # The browser asks for an icon of its own accord.
    if told.type == "error" and "favicon.ico" not in told.location.get("url", ""):
        refused.append(f"{told.location.get('url')}: {told.text}")


def test_the_admin_works_under_its_policy(page: Any, refused: list[str]) -> None:
    page.goto("/admin/login/")
    page.fill("input[name=username]", USERNAME)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/admin/")
    page.goto("/admin/portfolio/portfolio/add/")
    page.fill("input[name=name]", "From the browser")
    page.click("button[name=_save]")
    page.wait_for_url("**/admin/portfolio/portfolio/")
    assert page.get_by_text("From the browser").first.is_visible()
    page.goto("/admin/marketdata/instrument/import/")
    page.wait_for_load_state("networkidle")
    assert refused == []


def test_the_docs_page_works_under_the_strict_policy(page: Any, refused: list[str]) -> None:
    page.goto("/api/docs/")
    page.wait_for_selector(".opblock")
    page.locator(".opblock-summary").first.click()
    page.wait_for_selector(".opblock-body")
    page.locator(".try-out__btn").first.click()
    page.locator("button.authorize").first.click()
    assert page.locator(".auth-container input").first.is_visible()
    assert refused == []


def test_an_inline_script_does_not_run(page: Any, refused: list[str]) -> None:
    page.goto("/admin/login/")
    page.evaluate(
        "() => { const script = document.createElement('script');"
        " script.textContent = 'window.ran = true'; document.body.append(script); }"
    )
    assert page.evaluate("() => window.ran") is None
    assert [line for line in refused if "refused: script-src" in line]
