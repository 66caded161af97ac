"""Corporate actions in the admin: entered, imported with a preview, taken back with a reason, never edited."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from marketdata.models import CorporateAction
from tests.admin.conftest import path_of
from tests.admin.forms import actions, errors_of
from tests.admin.test_transfer import confirm, previews_of_their_own, problems_of, upload
from tests.factories import CorporateActionFactory, InstrumentFactory

__all__ = ["previews_of_their_own"]

CSV = b"symbol,kind,ex_date,ratio,amount\nMSFT,split,2003-02-18,2:1,\nMSFT,dividend,2003-02-19,,0.08\n"


@pytest.fixture(autouse=True)
def msft(db: None) -> Any:
    return InstrumentFactory.create(symbol="MSFT")


def values(msft: Any, **more: Any) -> dict[str, Any]:
    return {"instrument": msft.pk, "kind": "split", "ex_date": "2003-02-18", "ratio": "2:1", **more}


def test_a_split_is_entered_by_its_ratio(analyst_browser: Client, msft: Any) -> None:
    answer = analyst_browser.post(path_of(CorporateAction, "add"), values(msft))
    assert answer.status_code == 302, errors_of(answer)
    action = CorporateAction.objects.get()
    assert (action.new_shares, action.old_shares, action.number, action.source) == (2, 1, 1, "admin")
    assert actions() == ["corporate_action.recorded"]
    listed = analyst_browser.get(path_of(CorporateAction)).content.decode()
    assert "2:1" in listed


@pytest.mark.parametrize(
    ("more", "field"),
    [({"ratio": "two"}, "ratio"), ({"ratio": ""}, "ratio"), ({"ratio": "1:1"}, "ratio"), ({"amount": "1"}, "amount")],
)
def test_what_is_wrong_stands_beside_its_field(
    analyst_browser: Client, msft: Any, more: dict[str, Any], field: str
) -> None:
    answer = analyst_browser.post(path_of(CorporateAction, "add"), values(msft, **more))
    assert field in errors_of(answer)
    assert not CorporateAction.objects.exists()


def test_nothing_is_edited_but_taken_back_with_a_reason(analyst_browser: Client) -> None:
    action = CorporateActionFactory.create()
    page = path_of(CorporateAction, action.pk, "change")
    assert analyst_browser.post(page, {"new_shares": "9"}).status_code == 403
    ask = analyst_browser.get(f"{page.removesuffix('change/')}retract/")
    back = path_of(CorporateAction, action.pk, "take-back")
    assert ask["Location"] == back
    assert "Take this action back?" in analyst_browser.get(back).content.decode()
    assert analyst_browser.post(back, {"reason": " "}).status_code == 200
    assert CorporateAction.objects.filter(retracted_at=None).exists()
    told = analyst_browser.post(back, {"reason": "it never was"}, follow=True).content.decode()
    assert "is taken back." in told
    action.refresh_from_db()
    assert action.retracted_at is not None
    assert action.new_shares == 2
    again = analyst_browser.post(back, {"reason": "again"})
    assert "It was retracted already" in again.content.decode()


@pytest.mark.parametrize("who", ["viewer_browser", "owner_browser"])
def test_viewers_and_traders_only_look(who: str, request: pytest.FixtureRequest, msft: Any) -> None:
    browser: Client = request.getfixturevalue(who)
    action = CorporateActionFactory.create()
    assert browser.get(path_of(CorporateAction)).status_code == 200
    assert browser.post(path_of(CorporateAction, "add"), values(msft)).status_code == 403
    assert browser.post(path_of(CorporateAction, action.pk, "take-back"), {"reason": "x"}).status_code == 403
    assert browser.get(path_of(CorporateAction, "import")).status_code == 403
    assert CorporateAction.objects.filter(retracted_at=None).count() == 1


def test_a_file_is_previewed_and_then_imported(analyst_browser: Client) -> None:
    preview = upload(analyst_browser, CorporateAction, CSV)
    assert preview.status_code == 200
    assert not CorporateAction.objects.exists()
    assert confirm(analyst_browser, CorporateAction, preview).status_code == 302
    assert list(CorporateAction.objects.order_by("ex_date").values_list("kind", flat=True)) == ["split", "dividend"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (CSV.replace(b"2:1", b"zero"), "is not a split"),
        (CSV.replace(b"MSFT", b"NOBODY"), "No instrument has the symbol NOBODY."),
        (b"symbol,kind\nMSFT,split\n", "the column ex_date is missing"),
    ],
)
def test_a_bad_file_is_refused_in_the_preview(analyst_browser: Client, content: bytes, text: str) -> None:
    preview = upload(analyst_browser, CorporateAction, content)
    assert text in problems_of(preview)
    assert not CorporateAction.objects.exists()
