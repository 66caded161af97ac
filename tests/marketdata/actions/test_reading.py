"""CSV files of corporate actions: their headers, their rows, and what is none."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from marketdata.actions.reading import ActionRow, open_actions, parse_row, read_actions
from marketdata.actions.values import ActionValues
from marketdata.models import ActionKind
from tradingsite.core.errors import InvalidInput

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_columns_are_found_by_their_names_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "actions.csv"
    path.write_text(
        "Ex Date,TYPE,Ticker,Ratio,Known_At\n2020-08-31,Split,aapl,4:1,2020-07-30T20:30:00Z\n\n", "utf-8-sig"
    )
    (row,) = open_actions(path).rows
    known = datetime(2020, 7, 30, 20, 30, tzinfo=UTC)
    assert parse_row(row, at=NOW) == ("AAPL", ActionValues(ActionKind.SPLIT, date(2020, 8, 31), 4, 1, known_at=known))


def test_a_dividend_says_amount_currency_pay_date_and_number() -> None:
    texts = {"symbol": "IBM", "kind": "dividend", "ex_date": "2013-02-06", "ratio": "", "amount": "0.85"}
    row = ActionRow(2, {**texts, "currency": "usd", "pay_date": "2013-03-09", "number": "2"})
    assert parse_row(row, at=NOW)[1] == ActionValues(
        ActionKind.DIVIDEND,
        date(2013, 2, 6),
        amount=Decimal("0.85"),
        currency="USD",
        pay_date=date(2013, 3, 9),
        number=2,
    )


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        *[("symbol", "", "required"), ("symbol", "a b", "invalid_symbol"), ("kind", "merger", "invalid_kind")],
        *[("ex_date", "31.8.2020", "invalid_date"), ("ratio", "four", "invalid_ratio"), ("ratio", "", "required")],
        *[("amount", "1e999", "not_of_a_split"), ("amount", "٣", "not_a_number"), ("amount", "nan", "not_a_number")],
        *[("known_at", "2020-07-30T20:30:00", "naive_time"), ("number", "x", "not_a_number")],
        *[("pay_date", "2020-01-01", "pay_before_ex"), ("", "The line has 2 values", "wrong_width")],
    ],
)
def test_what_is_wrong_with_a_row_is_said_by_its_code(column: str, text: str, code: str) -> None:
    texts = {"symbol": "AAPL", "kind": "split", "ex_date": "2020-08-31", "ratio": "4:1", column: text}
    with pytest.raises(InvalidInput) as refusal:
        parse_row(ActionRow(2, texts), at=NOW)
    assert refusal.value.errors[0].code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *[("", "empty"), ("symbol,kind\n", "header"), ("symbol,kind,ex_date,colour\n", "header")],
        *[("symbol,kind,ex_date,symbol\n", "header"), ("symbol,kind,ex_date\n", "no_rows")],
        *[("symbol,kind,ex_date\nA\0,split,2020-01-01\n", "not_text"), ("x" * 20_000, "not_csv")],
    ],
)
def test_what_is_no_file_of_corporate_actions_is_refused(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_actions("actions.csv", text.splitlines(keepends=True))
    assert refusal.value.errors[0].code == code


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_can_not_be_read_is_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="can't be read"):
        open_actions(tmp_path / name)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "actions.csv"
    path.write_bytes(b"symbol,kind,ex_date\n\xff\xfe,split,2020-01-01\n")
    with pytest.raises(InvalidInput, match="UTF-8"):
        open_actions(path)
