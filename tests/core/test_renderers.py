"""Lists as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingsite.core.api.renderers import CSVRenderer, quote_formula, to_csv


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-x", "@sum", "\tx", "\rx", "=cmd|' /C calc'!A0"])
def test_a_formula_is_quoted(text: str) -> None:
    assert quote_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-1.5", "+3", "-1e5", "SPY", "a=b", ""])
def test_numbers_and_plain_text_stay(text: str) -> None:
    assert quote_formula(text) == text


def test_values_are_written_plainly() -> None:
    rows = [{"a": None, "b": True, "c": [1, "x"], "d": "1.50", "e": 'say "hi", twice'}]
    assert to_csv(rows, columns=list("abcde")) == 'a,b,c,d,e\r\n,true,"[1,""x""]",1.50,"say ""hi"", twice"\r\n'


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1), min_size=1))
def test_what_is_written_reads_back_and_no_cell_begins_a_formula(texts: list[str]) -> None:
    written = to_csv([{"text": text} for text in texts], columns=["text"])
    cells = [row[0] for row in csv.reader(io.StringIO(written, newline=""))][1:]
    assert [cell.removeprefix("'") for cell in cells] == [text.removeprefix("'") for text in texts]
    assert not any(cell[:1] in "=@\t\r" for cell in cells)


def test_a_page_becomes_its_rows() -> None:
    assert CSVRenderer().render({"results": [{"id": 1}, {"id": 2}], "next_cursor": "x"}) == b"id\r\n1\r\n2\r\n"
