"""`corporate-actions/`: look, enter, take back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from rest_framework.test import APIClient

from marketdata.models import CorporateAction
from tests.answers import assert_problem, results
from tests.factories import CorporateActionFactory, InstrumentFactory

PATH = "/api/v1/corporate-actions"
SPLIT = {"symbol": "aapl", "kind": "split", "ex_date": "2020-08-31", "ratio": "4:1"}


@pytest.fixture(autouse=True)
def aapl(db: None) -> None:
    InstrumentFactory.create(symbol="AAPL")


def test_a_split_is_entered_and_read_back(analyst_api: APIClient, viewer_api: APIClient) -> None:
    made = analyst_api.post(PATH, SPLIT)
    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["symbol"], body["ratio"], body["new_shares"], body["amount"]) == ("AAPL", "4:1", 4, None)
    assert body["known_at"] == "2020-08-31T00:00:00Z"
    assert viewer_api.get(f"{PATH}/{body['id']}").json() == body
    assert results(viewer_api.get(PATH)) == [body]


def test_a_dividend_is_entered(analyst_api: APIClient) -> None:
    values = {"symbol": "AAPL", "kind": "dividend", "ex_date": "2020-08-07", "amount": "0.82", "pay_date": "2020-08-13"}
    body = analyst_api.post(PATH, values).json()
    assert (body["amount"], body["currency"], body["pay_date"], body["ratio"]) == ("0.82", "USD", "2020-08-13", None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        *[
            ({"ratio": "1:1"}, "ratio"),
            ({"ratio": None}, "ratio"),
            ({"ratio": "4 to 1"}, "ratio"),
            ({"ratio": 4}, "ratio"),
        ],
        *[({"symbol": "MSFT"}, "symbol"), ({"kind": "merger"}, "kind"), ({"ex_date": "0001-01-01"}, "ex_date")],
        *[({"pay_date": "2020-01-01"}, "pay_date"), ({"amount": "1"}, "amount"), ({"colour": "red"}, "colour")],
        *[({"known_at": "2020-01-01T10:00"}, "known_at"), ({"number": 0}, "number"), ({"number": 2**63}, "number")],
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    analyst_api: APIClient, change: dict[str, Any], field: str
) -> None:
    assert_problem(analyst_api.post(PATH, {**SPLIT, **change}), 400, field=field)
    assert not CorporateAction.objects.exists()


def test_the_same_split_again_is_a_conflict(analyst_api: APIClient) -> None:
    assert analyst_api.post(PATH, SPLIT).status_code == 201
    assert_problem(analyst_api.post(PATH, SPLIT), 409)
    assert CorporateAction.objects.count() == 1


def test_taking_back_needs_a_reason_and_is_done_once(analyst_api: APIClient) -> None:
    action = analyst_api.post(PATH, SPLIT).json()
    page = f"{PATH}/{action['id']}/retract"
    assert_problem(analyst_api.post(page, {}), 400, field="reason")
    taken_back = analyst_api.post(page, {"reason": "not theirs"})
    assert taken_back.status_code == 200
    assert taken_back.json()["retracted_at"] is not None
    assert_problem(analyst_api.post(page, {"reason": "again"}), 409)
    assert_problem(analyst_api.post(f"{PATH}/{action['id'] + 1}/retract", {"reason": "x"}), 404)


def test_the_list_is_cut_by_symbol_kind_day_and_whether_it_holds(viewer_api: APIClient) -> None:
    msft = InstrumentFactory.create(symbol="MSFT")
    split = CorporateActionFactory.create(instrument=msft, ex_date=dt.date(2003, 2, 18))
    gone = CorporateActionFactory.create(
        instrument=msft, ex_date=dt.date(2003, 2, 18), number=None, retracted_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    )
    dividend = CorporateActionFactory.create(
        instrument=InstrumentFactory.create(symbol="IBM"),
        kind="dividend",
        ex_date=dt.date(2013, 2, 6),
        new_shares=None,
        old_shares=None,
        amount="0.85",
    )
    for query, rows in (
        ("symbol=MSFT", [split, gone]),
        ("symbols=IBM,MSFT&retracted=false", [split, dividend]),
        ("retracted=true", [gone]),
        ("kind=dividend", [dividend]),
        ("start=2013-02-06&end=2013-02-07", [dividend]),
        ("end=2013-02-06", [split, gone]),
    ):
        assert {row["id"] for row in results(viewer_api.get(f"{PATH}?{query}"))} == {row.pk for row in rows}, query
