from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingsite.core.errors import InvalidInput
from tradingsite.core.symbols import PATTERN, normalise_symbol, split_symbols


@pytest.mark.parametrize(
    ("typed", "symbol"),
    [
        ("aapl", "AAPL"),
        (" brk.b\n", "BRK.B"),
        ("^gspc", "^GSPC"),
        ("$tick", "$TICK"),
        ("eur/usd", "EUR/USD"),
        ("es=f", "ES=F"),
        ("btc-usd", "BTC-USD"),
        ("x:btc_usd&", "X:BTC_USD&"),
        ("700", "700"),
        ("a" * 32, "A" * 32),
    ],
)
def test_a_symbol_is_trimmed_and_upper_case(typed: str, symbol: str) -> None:
    assert normalise_symbol(typed) == symbol


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        ".A",
        "-A",
        "A B",
        "A,B",
        "A\nB",
        "A" * 33,
        "A" * 300,
        "AÄ",
        "ſpy",
        "\u212aO",
        "A\x00",
        "=1+1",
        "@A",
        "<b>",
    ],
)
def test_what_can_not_be_a_symbol_is_refused_with_a_short_sentence(typed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        normalise_symbol(typed)
    assert len(refused.value.detail) < 200
    assert refused.value.errors[0].code == "invalid_symbol"


@given(symbol=st.from_regex(PATTERN, fullmatch=True))
def test_a_normal_form_is_its_own_normal_form(symbol: str) -> None:
    assert normalise_symbol(symbol) == symbol
    assert normalise_symbol(f" {symbol.lower()}\t") == symbol


@given(typed=st.text(max_size=40))
def test_any_text_is_normalised_or_refused(typed: str) -> None:
    try:
        symbol = normalise_symbol(typed)
    except InvalidInput:
        return
    assert symbol.isascii()
    assert normalise_symbol(symbol) == symbol


def test_a_list_keeps_its_order_and_each_symbol_once() -> None:
    assert split_symbols(" spy, ibm,SPY,,aapl ") == ["SPY", "IBM", "AAPL"]
    assert split_symbols("") == []


def test_one_bad_symbol_refuses_the_list() -> None:
    with pytest.raises(InvalidInput):
        split_symbols("SPY,not one")
