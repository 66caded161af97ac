"""Decimals come back as they went in, on every engine, or are refused on every engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.db.models import Case, F, Q, Sum, Value, When
from hypothesis import HealthCheck, example, given, settings

from marketdata.models import DailyBar
from portfolio.models import PortfolioCash, PortfolioPosition
from tests.factories import (
    DailyBarFactory,
    PortfolioCashFactory,
    PortfolioFactory,
    PortfolioPositionFactory,
    SignalFactory,
)
from tests.strategies import decimals_of
from trading.models import Signal
from tradingsite.core.fields import MoneyField, PriceField

pytestmark = pytest.mark.django_db

SIXTEEN_DIGITS = Decimal("123456789012.3456")
SIXTEEN_DIGITS_OF_A_PRICE = Decimal("12345678.12345678")
TOO_MANY_PLACES = Decimal("0.00005")  # a balance has four
REFUSED = [
    SIXTEEN_DIGITS,
    TOO_MANY_PLACES,
    Decimal("1e15"),
    Decimal("1e400"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("-Infinity"),
    float("nan"),
    0.1 + 0.2,
]

through_the_database = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def assert_it_comes_back(row: models.Model, column: str, value: Decimal) -> None:
    setattr(row, column, value)
    row.save()
    rows = type(row)._default_manager.filter(pk=row.pk)
    assert rows.values_list(column, flat=True).get() == value
    # Equal to the database too, not only after rounding on the way out.
    assert rows.filter(**{column: value}).exists()
    assert not rows.filter(Q(**{f"{column}__lt": value}) | Q(**{f"{column}__gt": value})).exists()


@through_the_database
@given(value=decimals_of(digits=18, places=8))
@example(value=Decimal("9999999.12345678"))
@example(value=Decimal("9999999999.99999"))
@example(value=Decimal("0.00000001"))
@example(value=Decimal("-37.63"))
def test_a_price_comes_back(db: None, value: Decimal) -> None:
    assert_it_comes_back(SignalFactory.create(), "signal_value", value)


@through_the_database
@given(value=decimals_of(digits=18, places=8))
def test_a_quantity_comes_back(db: None, value: Decimal) -> None:
    assert_it_comes_back(PortfolioPositionFactory.create(cost=0), "quantity", value)


@through_the_database
@given(value=decimals_of(digits=18, places=6, positive=True))
@example(value=Decimal("999999999.123456"))
def test_a_volume_comes_back(db: None, value: Decimal) -> None:
    assert_it_comes_back(DailyBarFactory.create(date=dt.date(2020, 1, 2)), "volume", value)


@through_the_database
@given(value=decimals_of(digits=18, places=4))
@example(value=Decimal("99999999999.1234"))
@example(value=Decimal("99999999999999"))
def test_money_comes_back(db: None, value: Decimal) -> None:
    assert_it_comes_back(PortfolioCashFactory.create(), "balance", value)


def save(row: PortfolioCash, value: Any) -> None:
    row.balance = value
    row.save()


def save_one_column(row: PortfolioCash, value: Any) -> None:
    row.balance = value
    row.save(update_fields=["balance"])


def create(row: PortfolioCash, value: Any) -> None:
    PortfolioCash.objects.create(portfolio=row.portfolio, currency="EUR", balance=value)


def bulk_create(row: PortfolioCash, value: Any) -> None:
    PortfolioCash.objects.bulk_create([PortfolioCash(portfolio=row.portfolio, currency="EUR", balance=value)])


def update(row: PortfolioCash, value: Any) -> None:
    PortfolioCash.objects.filter(pk=row.pk).update(balance=value)


def bulk_update(row: PortfolioCash, value: Any) -> None:
    row.balance = value
    PortfolioCash.objects.bulk_update([row], ["balance"])


def update_or_create(row: PortfolioCash, value: Any) -> None:
    PortfolioCash.objects.update_or_create(pk=row.pk, defaults={"balance": value})


def update_in_a_case(row: PortfolioCash, value: Any) -> None:
    case = Case(When(pk=row.pk, then=Value(value, output_field=MoneyField())), default=F("balance"))
    PortfolioCash.objects.update(balance=case)


WAYS = [save, save_one_column, create, bulk_create, update, bulk_update, update_or_create, update_in_a_case]


@pytest.mark.parametrize("value", REFUSED, ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_what_an_engine_would_corrupt_is_refused_on_every_way_in(
    way: Callable[[PortfolioCash, Any], None], value: Any
) -> None:
    row = PortfolioCashFactory.create(balance=Decimal(7))
    with pytest.raises(ValidationError), transaction.atomic():
        way(row, value)
    assert list(PortfolioCash.objects.values_list("balance", flat=True)) == [Decimal(7)]


@pytest.mark.parametrize("way", WAYS)
def test_fifteen_digits_are_taken_on_every_way_in(way: Callable[[PortfolioCash, Any], None]) -> None:
    row = PortfolioCashFactory.create(balance=Decimal(7))
    way(row, Decimal("12345678901.2345"))
    assert PortfolioCash.objects.filter(balance=Decimal("12345678901.2345")).count() == 1


@pytest.mark.parametrize("value", REFUSED, ids=str)
def test_validation_says_so_first(value: Any) -> None:
    cash = PortfolioCash(portfolio=PortfolioFactory.create(), currency="USD", balance=value)
    with pytest.raises(ValidationError) as refused:
        cash.full_clean()
    assert set(refused.value.error_dict) == {"balance"}


@pytest.mark.parametrize(
    "expression",
    [
        F("balance") + Decimal("0.1"),
        F("balance") * 2,
        Decimal(1) - F("balance"),
        Value(Decimal("0.1")),
        Value(0.1),
        Sum("balance"),
        Case(When(balance__gt=0, then=F("balance") - 1), default=F("balance")),
    ],
    ids=str,
)
def test_the_database_never_calculates_with_decimals(expression: Any) -> None:
    row = PortfolioCashFactory.create()
    with pytest.raises(TypeError, match="in Python"):
        PortfolioCash.objects.filter(pk=row.pk).update(balance=expression)
    row.balance = expression
    with pytest.raises(TypeError, match="in Python"), transaction.atomic():
        row.save()


def test_one_column_can_still_be_copied_into_another() -> None:
    position = PortfolioPositionFactory.create(cost=Decimal("112.5"))
    PortfolioPosition.objects.update(realised_pnl=F("cost"))
    position.refresh_from_db()
    assert position.realised_pnl == Decimal("112.5")


def test_a_thousand_small_amounts_added_in_python_make_an_exact_sum() -> None:
    cash = PortfolioCashFactory.create(balance=Decimal(0))
    for _ in range(100):
        cash.refresh_from_db()
        cash.balance += Decimal("0.1")
        cash.save()
    assert PortfolioCash.objects.filter(balance=Decimal(10)).exists()


@pytest.mark.parametrize(
    "value", [SIXTEEN_DIGITS_OF_A_PRICE, Decimal("1e400"), Decimal("0.000000001"), Decimal("1e10")]
)
def test_a_look_up_that_the_engines_would_answer_differently_is_refused(value: Decimal) -> None:
    with pytest.raises(ValidationError):
        Signal.objects.filter(signal_value__gte=value).exists()


def test_trailing_zeros_do_not_count_in_a_look_up() -> None:
    SignalFactory.create(signal_value=Decimal("1.5"))
    assert Signal.objects.filter(signal_value=Decimal("1.50000000000000000000")).exists()


def test_zero_has_no_sign_and_a_null_stays_null() -> None:
    signal = SignalFactory.create(signal_value=Decimal("-0.0"), entry_price=None)
    signal.refresh_from_db()
    assert signal.signal_value == 0
    assert signal.entry_price is None


def test_the_columns_are_exact_decimals_where_the_engine_has_them() -> None:
    expected = {"sqlite": "decimal", "postgresql": "numeric(18, 8)", "mysql": "numeric(18, 8)"}[connection.vendor]
    assert PriceField().db_type(connection) == expected


def test_bars_keep_exact_prices_in_bulk() -> None:
    template = DailyBarFactory.create()
    prices = [Decimal("0.0001") + Decimal(step).scaleb(-8) for step in range(50)]
    DailyBar.objects.bulk_create(
        DailyBar(
            instrument=template.instrument,
            date=template.date + dt.timedelta(days=1 + step),
            open=price,
            high=price,
            low=price,
            close=price,
        )
        for step, price in enumerate(prices)
    )
    assert sorted(DailyBar.objects.exclude(pk=template.pk).values_list("close", flat=True)) == prices
