"""What a ratio may be, what a split and a dividend may say."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from marketdata.actions.values import ActionValues, check_values, known_by_default, parse_ratio
from marketdata.models import ActionKind
from tradingsite.core.errors import InvalidInput

DAY = date(2020, 8, 31)
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        *[("4:1", (4, 1)), ("4/1", (4, 1)), ("4 for 1", (4, 1)), ("4-for-1", (4, 1)), ("4", (4, 1)), (" 4.0 ", (4, 1))],
        *[("1:10", (1, 10)), ("0.1", (1, 10)), (".1", (1, 10)), ("2:4", (1, 2)), ("3:2", (3, 2)), ("1.5", (3, 2))],
        *[("0.333333", (1, 3)), ("0.33333333", (1, 3)), ("1.015", (203, 200)), ("0.6666667", (2, 3))],
        ("0.33334", (16667, 50000)),
    ],
)
def test_a_ratio_is_new_shares_for_old_ones_in_lowest_terms(text: str, ratio: tuple[int, int]) -> None:
    assert parse_ratio(text) == ratio


@pytest.mark.parametrize(
    "text", ["", "x", "0", "0:1", "4:0", "-4", "4:1:1", "NaN", "inf", "1e3", "٤", "4 :", "9" * 5000, "1_0"]
)
def test_what_is_no_ratio_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_ratio(text)
    assert refusal.value.errors[0].code == "invalid_ratio"


def split(**values: Any) -> ActionValues:
    return ActionValues(**{"kind": ActionKind.SPLIT, "ex_date": DAY, "new_shares": 4, "old_shares": 1, **values})


def dividend(**values: Any) -> ActionValues:
    return ActionValues(**{"kind": ActionKind.DIVIDEND, "ex_date": DAY, "amount": Decimal("0.5"), **values})


def test_good_ones_have_no_fault() -> None:
    assert check_values(split(), at=NOW) == []
    assert check_values(dividend(currency="USD", pay_date=DAY, number=2), at=NOW) == []


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        (split(new_shares=None), "ratio", "required"),
        (split(old_shares=0), "ratio", "invalid_ratio"),
        (split(new_shares=10**9), "ratio", "invalid_ratio"),
        (split(new_shares=1), "ratio", "no_split"),
        (split(new_shares=10_001), "ratio", "ratio_too_large"),
        (split(amount=Decimal(1)), "amount", "not_of_a_split"),
        (split(currency="USD"), "currency", "not_of_a_split"),
        (split(ex_date=date(1899, 12, 31)), "ex_date", "out_of_range"),
        (dividend(amount=None), "amount", "required"),
        (dividend(amount=Decimal(0)), "amount", "not_positive"),
        (dividend(amount=Decimal("NaN")), "amount", "not_positive"),
        (dividend(amount=Decimal("Infinity")), "amount", "not_positive"),
        (dividend(amount=Decimal(10) ** 10), "amount", "too_large"),
        (dividend(amount=Decimal("0.123456789")), "amount", "too_many_digits"),
        (dividend(new_shares=1, old_shares=1), "ratio", "not_of_a_dividend"),
        (dividend(currency="usd"), "currency", "invalid_currency"),
        (dividend(pay_date=date(2020, 8, 30)), "pay_date", "pay_before_ex"),
        (dividend(known_at=datetime(2026, 1, 2, tzinfo=UTC)), "known_at", "in_the_future"),
        (dividend(number=0), "number", "out_of_range"),
    ],
)
def test_what_an_action_can_not_say_is_named(values: ActionValues, field: str, code: str) -> None:
    assert [(error.field, error.code) for error in check_values(values, at=NOW)] == [(field, code)]


def test_an_action_is_known_on_its_ex_date_at_the_latest_and_never_in_the_future() -> None:
    assert known_by_default(DAY, at=NOW) == datetime(2020, 8, 31, tzinfo=UTC)
    assert known_by_default(date(2027, 1, 1), at=NOW) == NOW
