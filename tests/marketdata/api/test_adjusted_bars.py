"""`GET bars?adjustment=`: prices as if today's splits and dividends had always been."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Role, User
from marketdata.models import CorporateAction, DailyBar, IngestBatch, Instrument
from marketdata.services.corporate_actions import retract_corporate_action
from tests.answers import assert_problem
from tests.factories import CorporateActionFactory, DailyBarFactory, InstrumentFactory, IntradayBarFactory
from tests.marketdata.api.bars import ask
from tests.marketdata.ingest.bars import load
from tradingsite.core.actor import Actor

MONDAY = dt.date(2020, 8, 31)
ANNOUNCED = dt.datetime(2020, 7, 30, 20, 30, tzinfo=dt.UTC)


@pytest.fixture
def aapl(db: None) -> Instrument:
    return InstrumentFactory.create(symbol="AAPL")


def bar(instrument: Instrument, day: str, close: str, volume: str = "1000", **more: Any) -> DailyBar:
    price = Decimal(close)
    return DailyBarFactory.create(
        instrument=instrument,
        date=dt.date.fromisoformat(day),
        **{"open": price, "high": price, "low": price, "close": price, "volume": Decimal(volume), **more},
    )


def split(instrument: Instrument, day: dt.date = MONDAY, new: int = 4, **more: Any) -> CorporateAction:
    more = {"known_at": ANNOUNCED, **more}
    return CorporateActionFactory.create(instrument=instrument, ex_date=day, new_shares=new, old_shares=1, **more)


def dividend(instrument: Instrument, day: str, amount: str, **more: Any) -> CorporateAction:
    return CorporateActionFactory.create(
        instrument=instrument,
        kind="dividend",
        ex_date=dt.date.fromisoformat(day),
        **{"new_shares": None, "old_shares": None, "amount": Decimal(amount), "currency": "USD", **more},
    )


def closes(api: APIClient, adjustment: str, symbol: str = "AAPL", **more: Any) -> list[float]:
    answer = ask(api, {"symbols": symbol, "adjustment": adjustment, **more})
    assert answer.status_code == 200, answer.content
    return [row["c"] for row in answer.json()["bars"][symbol]]


@pytest.fixture
def week(aapl: Instrument) -> Instrument:
    """AAPL around its split of four for one: 500 before, 125 after; a dividend of 5 on the Friday before."""
    bar(aapl, "2020-08-27", "500")
    bar(aapl, "2020-08-28", "495")
    bar(aapl, "2020-08-31", "125", "4000")
    bar(aapl, "2020-09-01", "126", "4000")
    split(aapl)
    dividend(aapl, "2020-08-28", "5")
    return aapl


def test_each_adjustment_does_its_own(viewer_api: APIClient, week: Instrument) -> None:
    assert closes(viewer_api, "raw") == [500, 495, 125, 126]
    assert closes(viewer_api, "split") == [125, 123.75, 125, 126]
    assert closes(viewer_api, "dividend") == [495, 495, 125, 126]
    assert closes(viewer_api, "all") == [123.75, 123.75, 125, 126]
    answer = ask(viewer_api, {"symbols": "AAPL", "adjustment": "all"}).json()
    assert [row["v"] for row in answer["bars"]["AAPL"]] == [4000, 4000, 4000, 4000]
    assert answer["unadjusted"] == []
    assert "unadjusted" not in ask(viewer_api, {"symbols": "AAPL"}).json()


def test_a_range_before_the_split_and_each_page_are_adjusted_alike(viewer_api: APIClient, week: Instrument) -> None:
    assert closes(viewer_api, "split", end="2020-08-28") == [125]
    assert closes(viewer_api, "split", sort="desc", limit=3) == [126, 125, 123.75]
    first = ask(viewer_api, {"symbols": "AAPL", "adjustment": "all", "limit": 1}).json()
    more = {"limit": 1, "page_token": first["next_page_token"]}
    assert closes(viewer_api, "all", **more) == [123.75]


def test_a_week_across_a_split_is_of_one_kind(viewer_api: APIClient, aapl: Instrument) -> None:
    bar(aapl, "2020-09-01", "400")
    bar(aapl, "2020-09-02", "100")
    split(aapl, dt.date(2020, 9, 2))
    (row,) = ask(viewer_api, {"symbols": "AAPL", "adjustment": "split", "timeframe": "1w"}).json()["bars"]["AAPL"]
    assert (row["o"], row["h"], row["l"], row["c"], row["v"]) == (100, 100, 100, 100, 5000)
    (month,) = ask(viewer_api, {"symbols": "AAPL", "adjustment": "split", "timeframe": "1mo"}).json()["bars"]["AAPL"]
    assert month["h"] == 100


def test_intraday_bars_are_cut_in_the_middle_of_the_night(viewer_api: APIClient, aapl: Instrument) -> None:
    for start in ("2020-08-28T22:00", "2020-08-29T00:30", "2020-08-31T08:00", "2020-08-31T13:30"):
        IntradayBarFactory.create(
            instrument=aapl,
            timestamp=dt.datetime.fromisoformat(f"{start}+00:00"),
            **dict.fromkeys(("open", "high", "low", "close"), Decimal(100)),
        )
    split(aapl)
    assert closes(viewer_api, "split", timeframe="1m") == [25, 25, 100, 100]
    assert closes(viewer_api, "split", timeframe="1h")[:2] == [25, 25]


def test_without_a_calendar_the_day_begins_at_midnight_of_the_exchange(viewer_api: APIClient, aapl: Instrument) -> None:
    Instrument.objects.update(calendar="")
    for start in ("2020-08-31T03:59", "2020-08-31T04:00"):
        IntradayBarFactory.create(
            instrument=aapl,
            timestamp=dt.datetime.fromisoformat(f"{start}+00:00"),
            **dict.fromkeys(("open", "high", "low", "close"), Decimal(100)),
        )
    split(aapl)
    assert closes(viewer_api, "split", timeframe="1m") == [25, 100]


def test_a_dividend_of_intraday_bars_alone_takes_the_last_close_before(viewer_api: APIClient, aapl: Instrument) -> None:
    for start, close in (("2020-08-28T19:00", 90), ("2020-08-28T19:59", 100), ("2020-08-31T13:30", 95)):
        IntradayBarFactory.create(
            instrument=aapl,
            timestamp=dt.datetime.fromisoformat(f"{start}+00:00"),
            **dict.fromkeys(("open", "high", "low", "close"), Decimal(close)),
        )
    dividend(aapl, "2020-08-31", "5")
    assert closes(viewer_api, "dividend", timeframe="1m") == [85.5, 95, 95]


def test_a_split_in_the_future_adjusts_nothing_yet(viewer_api: APIClient, aapl: Instrument) -> None:
    bar(aapl, "2020-08-28", "495")
    split(aapl)
    assert closes(viewer_api, "split", asof="2020-08-30T12:00:00Z") == [495]
    assert closes(viewer_api, "split", asof="2020-08-31T12:00:00Z") == [123.75]


def test_what_is_taken_back_adjusts_nothing(viewer_api: APIClient, week: Instrument, system: Actor) -> None:
    retract_corporate_action(actor=system, action=CorporateAction.objects.get(kind="split"), reason="no")
    assert closes(viewer_api, "split") == [500, 495, 125, 126]


def test_a_dividend_that_can_not_adjust_is_named(viewer_api: APIClient, week: Instrument) -> None:
    dividend(week, "2020-09-01", "125")
    dividend(week, "2020-08-28", "1", number=2, currency="EUR")
    answer = ask(viewer_api, {"symbols": "AAPL", "adjustment": "all"})
    assert answer.json()["unadjusted"] == [
        {"symbol": "AAPL", "ex_date": "2020-08-28", "amount": "1", "reason": "other_currency"},
        {"symbol": "AAPL", "ex_date": "2020-09-01", "amount": "125", "reason": "not_below_close"},
    ]
    named = "AAPL 2020-08-28, AAPL 2020-09-01"
    for form in ("json", "json-columns", "csv", "arrow", "parquet"):
        columns = ask(viewer_api, {"symbols": "AAPL", "adjustment": "all", "format": form})
        assert columns["Bars-Unadjusted"] == named
    assert "Bars-Unadjusted" not in ask(viewer_api, {"symbols": "AAPL", "adjustment": "split"})
    assert [row["c"] for row in answer.json()["bars"]["AAPL"]] == [123.75, 123.75, 125, 126]
    later = ask(viewer_api, {"symbols": "AAPL", "adjustment": "all", "start": "2020-09-01"}).json()
    assert later["unadjusted"] == [], "it changes nothing that is asked for"


def test_what_its_source_adjusted_is_never_adjusted_twice(viewer_api: APIClient, aapl: Instrument) -> None:
    then = dt.datetime(2014, 1, 1, tzinfo=dt.UTC)
    by_split = IngestBatch.objects.create(source="yahoo", timeframe="1d", price_basis="split", started_at=then)
    by_all = IngestBatch.objects.create(source="yahoo", timeframe="1d", price_basis="all", started_at=then)
    bar(aapl, "2013-01-02", "100", batch=by_split)
    bar(aapl, "2013-01-03", "100", batch=by_all)
    bar(aapl, "2013-01-04", "100")
    split(aapl, dt.date(2013, 6, 3), 2, known_at=then)
    dividend(aapl, "2013-01-07", "10")
    assert closes(viewer_api, "split") == [100, 100, 50]
    assert closes(viewer_api, "all") == [90, 100, 45]
    # A split after they were loaded is nobody's but ours.
    split(aapl, MONDAY)
    assert closes(viewer_api, "split") == [25, 25, 12.5]


def test_the_close_before_a_dividend_is_taken_as_it_was_paid(viewer_api: APIClient, aapl: Instrument) -> None:
    later = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
    batch = IngestBatch.objects.create(source="yahoo", timeframe="1d", price_basis="split", started_at=later)
    bar(aapl, "2020-08-27", "125", batch=batch)
    dividend(aapl, "2020-08-28", "5")
    split(aapl)
    # 125 after the split were 500 when 5 were paid.
    assert closes(viewer_api, "all") == [123.75]


# The real AAPL: the sessions before and of each split, as they were traded

AAPL = """Date,Open,High,Low,Close,Volume
2000-06-20,98.5,103.94,98.38,101,4353700
2000-06-21,50.5,56.94,50.31,55.56,8735600
2005-02-25,89.62,89.91,88.19,88.97,15696091
2005-02-28,44.67,45.14,43.96,44.84,21957556
2014-06-06,650,651.25,644.48,645.57,12116671
2014-06-09,92.69,93.88,91.75,93.7,72875948
2020-08-28,504,505.77,498.31,499.23,44109029
2020-08-31,127.67,131,126.25,129.04,210024091
"""
SPLITS = {"2000-06-21": 2, "2005-02-28": 2, "2014-06-09": 7, "2020-08-31": 4}


@pytest.fixture
def real(db: None) -> Instrument:
    load(AAPL, symbol="AAPL")
    instrument = Instrument.objects.get(symbol="AAPL")
    for day, new in SPLITS.items():
        split(instrument, dt.date.fromisoformat(day), new)
    return instrument


@pytest.mark.parametrize("timeframe", ["1d", "1w", "1mo"])
def test_four_splits_leave_no_jump(viewer_api: APIClient, real: Instrument, timeframe: str) -> None:
    jumps = {}
    for adjustment in ("raw", "split"):
        answer = ask(viewer_api, {"symbols": "AAPL", "adjustment": adjustment, "timeframe": timeframe}).json()
        rows = answer["bars"]["AAPL"]
        jumps[adjustment] = [
            abs(after["o"] / before["c"] - 1) for before, after in pairwise(rows) if after["t"][:4] == before["t"][:4]
        ] + [row["h"] / row["l"] - 1 for row in rows]
    assert max(jumps["raw"]) > 0.7
    assert max(jumps["split"]) < 0.25


def test_the_example_of_the_documentation_is_what_is_answered(viewer_api: APIClient, real: Instrument) -> None:
    """docs/adjustment.md, by hand."""
    text = (Path(__file__).parents[3] / "docs" / "adjustment.md").read_text()
    assert closes(viewer_api, "split", start="2014-06-06", end="2014-06-10") == [23.05607143, 23.425]
    assert closes(viewer_api, "split", start="2000-06-20", end="2000-06-21") == [0.90178571]
    DailyBarFactory.create(
        instrument=real, date=dt.date(2014, 5, 7), **dict.fromkeys(("open", "high", "low", "close"), Decimal("592.33"))
    )
    dividend(real, "2014-05-08", "3.29")
    assert closes(viewer_api, "all", start="2014-05-07", end="2014-05-08") == [21.03714286]
    for number in ("23.05607143", "0.90178571", "21.03714286"):
        assert number in text


# As of a time


def test_as_of_a_time_only_what_was_over_and_known_counts(viewer_api: APIClient, week: Instrument) -> None:
    assert closes(viewer_api, "raw", asof="2020-08-28T19:59:59Z") == [500]
    assert closes(viewer_api, "raw", asof="2020-08-28T20:00:00Z") == [500, 495]
    # From the ex-date on the prices before are in the new shares, if that was known.
    assert closes(viewer_api, "split", asof="2020-08-31T20:00:00Z") == [125, 123.75, 125]
    CorporateAction.objects.filter(kind="split").update(known_at=dt.datetime(2020, 9, 1, tzinfo=dt.UTC))
    assert closes(viewer_api, "split", asof="2020-08-31T20:00:00Z") == [500, 495, 125]
    assert closes(viewer_api, "split", asof="2999-01-01") == [125, 123.75, 125, 126]
    assert closes(viewer_api, "raw", asof="2020-08-30", timeframe="1w") == [495]
    assert closes(viewer_api, "raw", asof="2020-08-31", timeframe="1mo") == []


@pytest.mark.parametrize("timeframe", ["1m", "4h", "1d", "1w", "1mo"])
@pytest.mark.parametrize("asof", ["1900-01-01", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("start", ["0001-01-01", "9999-12-31"])
def test_no_moment_is_too_far_away(
    viewer_api: APIClient, week: Instrument, timeframe: str, asof: str, start: str
) -> None:
    asked = {"symbols": "AAPL", "adjustment": "all", "timeframe": timeframe, "asof": asof, "start": start}
    assert ask(viewer_api, asked).status_code == 200


def test_as_of_a_time_the_latest_page_is_full(viewer_api: APIClient, week: Instrument) -> None:
    assert closes(viewer_api, "raw", asof="2020-09-01T12:00:00Z", sort="desc", limit=2) == [125, 495]


def test_as_of_a_time_an_action_is_as_it_was_on_record_then(viewer_api: APIClient, aapl: Instrument) -> None:
    bar(aapl, "2020-08-28", "400")
    day = dt.timedelta(days=1)
    corrected = dt.datetime(2020, 9, 10, tzinfo=dt.UTC)
    split(aapl, new=2, number=None, recorded_at=ANNOUNCED, retracted_at=corrected)
    split(aapl, new=4, recorded_at=corrected)
    assert closes(viewer_api, "split", asof=(corrected - day).isoformat()) == [200]
    assert closes(viewer_api, "split", asof=(corrected + day).isoformat()) == [100]
    assert closes(viewer_api, "split") == [100]
    # Before anything was on record, what is known by now to have been known then.
    CorporateAction.objects.filter(number=None).update(recorded_at=corrected - day)
    assert closes(viewer_api, "split", asof="2020-09-01T00:00:00Z") == [100]


# Limits


def test_numbers_that_have_no_place_are_an_error_and_no_failure(viewer_api: APIClient, aapl: Instrument) -> None:
    bar(aapl, "2020-08-28", "100", volume="900000000000")
    for number, day in enumerate((MONDAY, dt.date(2020, 9, 1), dt.date(2020, 9, 2))):
        CorporateActionFactory.create(instrument=aapl, ex_date=day, new_shares=10_000, old_shares=1, number=number + 1)
    assert_problem(ask(viewer_api, {"symbols": "AAPL", "adjustment": "split"}), 400, field="adjustment")


def test_who_may_not_see_corporate_actions_sees_no_adjusted_prices(
    owner: User, api_of: Callable[[User], APIClient], week: Instrument
) -> None:
    from django.contrib.auth.models import Permission

    role = Role.objects.create(name="bars only")
    role.permissions.set(Permission.objects.filter(codename__in=["view_dailybar", "view_instrument"]))
    owner.groups.set([role])
    api = api_of(owner)
    assert closes(api, "raw") == [500, 495, 125, 126]
    assert_problem(ask(api, {"symbols": "AAPL", "adjustment": "split"}), 403)


def test_many_symbols_take_as_many_queries_as_one(
    viewer_api: APIClient, django_assert_max_num_queries: Any, week: Instrument
) -> None:
    names = ["AAPL"]
    for _ in range(3):
        other = InstrumentFactory.create()
        bar(other, "2020-08-28", "100")
        split(other)
        names.append(other.symbol)
    ask(viewer_api, {"symbols": "AAPL", "adjustment": "all"})
    with django_assert_max_num_queries(8 + 5 * len(names)):
        ask(viewer_api, {"symbols": ",".join(names), "adjustment": "all"})
