"""JSON in each of its layouts, good and hostile, however it falls into blocks."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.ingest import jsonfiles
from marketdata.ingest.files import Form, open_body, open_file
from marketdata.ingest.jsonscan import scan
from tests.marketdata.ingest.sources import read, write
from tradingsite.core.errors import InvalidInput

A = {"symbol": "A", "t": "x", "o": "1.25"}
B = {"symbol": "B", "t": "y", "o": "2"}
ROWS = '[{"symbol":"A","t":"x","o":1.25},{"symbol":"B","t":"y","o":2}]'
BY_SYMBOL = '{"complete":true,"gaps":[{"symbol":"Z"}],"bars":{"A":[{"t":"x","o":1.25}],"C":[],"B":[{"t":"y","o":2}]}}'
COLUMNS = '{"symbol":["A","B"],"t":["x","y"],"note":["a","b"],"o":[1.25,2]}'
LINES = '{"symbol":"A","t":"x","o":1.25}\n\n{"symbol":"B","t":"y","o":2}'


def refused(folder: Path, content: str | bytes, form: Form = Form.JSON) -> InvalidInput:
    path = write(folder, "body", content)
    with pytest.raises(InvalidInput) as caught:
        read(open_body(path, name="api", form=form, size=path.stat().st_size))
    return caught.value


@pytest.mark.parametrize("block", [5, 17, 40, 4_000_000])
@pytest.mark.parametrize("text", [ROWS, f'{{"x": {{"a": [1]}}, "bars": {ROWS}, "n": null}}', BY_SYMBOL, COLUMNS])
def test_each_layout_is_read_however_it_falls_into_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, block: int
) -> None:
    monkeypatch.setattr(jsonfiles, "BLOCK_BYTES", block)
    assert read(write(tmp_path, "a.json", text)) == ([A, B], [1, 2], [])


@pytest.mark.parametrize("block", [5, 40, 4_000_000])
def test_lines_are_numbered_as_an_editor_shows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(jsonfiles, "BLOCK_BYTES", block)
    assert read(write(tmp_path, "a.ndjson", LINES)) == ([A, B], [1, 3], [])


@pytest.mark.parametrize("number", ["0.1", "145.11", "99999999.12345678", "123456789012345", "0.000000001", "-0.05"])
@pytest.mark.parametrize("layout", ['[{"o":%s}]', '[{"o":"%s"}]', '{"o":[%s]}'])
def test_numbers_keep_each_digit(tmp_path: Path, number: str, layout: str) -> None:
    rows, _, _ = read(write(tmp_path, "a.json", layout % number))
    assert Decimal(rows[0]["o"]) == Decimal(number)


@pytest.mark.parametrize(
    "number", ["12345678901234567890123456789", "1e400", "1E-7", "0." + "3" * 30, "1" * 5000, "1.5e3"]
)
@pytest.mark.parametrize("layout", ['[{"o":%s}]', '{"o":[%s]}'])
def test_numbers_that_arrow_would_mangle_come_as_they_are_written(tmp_path: Path, number: str, layout: str) -> None:
    assert read(write(tmp_path, "a.json", layout % number)) == ([{"o": number}], [1], [])


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ('{"o":NaN}', "not_finite"),
        ('{"o":-Infinity}', "not_finite"),
        ('{"o":1,"o":2}', "key_twice"),
        ('{"x":1,"x":2}', "key_twice"),
        ('{"symbol":"\\ud800"}', "bad_text"),
        ('{"symbol":"a\\u0000"}', "bad_text"),
        ('{"\\u0000":1}', "bad_text"),
        ('{"o":[1]}', "wrong_type"),
        ('{"o":{"a":1}}', "wrong_type"),
        ('{"o":true}', "wrong_type"),
        ('{"symbol":5}', "wrong_type"),
        ('{"t":false}', "wrong_type"),
        ('{"o":01}', "not_json"),
        ('{"o":+1}', "not_json"),
        ('{"o":1', "not_json"),
        ("[1]", "not_an_object"),
        ("5", "not_an_object"),
        ('{"v":1}', "unexpected_key"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "too_deep"),
    ],
)
def test_a_bad_line_is_refused_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str, code: str
) -> None:
    first = '{"symbol":"A","t":"x","o":1}\n'
    monkeypatch.setattr(jsonfiles, "BLOCK_BYTES", len(first))
    rows, lines, broken = read(write(tmp_path, "a.ndjson", f"{first}{row}\n{first}"))
    assert lines == [1, 3]
    assert rows[0] == rows[1] == {"symbol": "A", "t": "x", "o": "1"}
    assert broken == [(2, code)]


def test_a_line_that_is_not_utf_8_is_refused_alone(tmp_path: Path) -> None:
    rows, lines, broken = read(write(tmp_path, "a.ndjson", b'{"o":1}\n{"symbol":"\xff"}\n'))
    assert (rows, lines, broken) == ([{"o": "1"}], [1], [(2, "bad_text")])


@pytest.mark.parametrize(
    "text",
    [
        *("[", "{", '{"bars":', '{"bars":[{"o":1}', '{"bars":{"A":[{"o":1}]', '{"o":[1', '{"o":[1]', '[{"o":1}'),
        *("[]", "{}", '{"bars":[]}', '{"bars":{}}', '{"bars":5}', '{"o":[]}', '{"next":null}'),
        *('[{"o":1}]x', '[{"o":1}][', '{"bars":{"A":5}}', '{"bars":[{"o":1}],"o":[1]}', '{"o":[1],"o":[2]}'),
        *('{"o":[1,2],"c":[1]}', "{o:[1]}", '{"o" [1]}', '{"o":[1] "c":[1]}', '{"a\nb":[1]}', '{"x":"unclosed'),
        *("[" * 100_000, '{"a":' * 50_000, '[{"o":' + "[" * 100_000 + "]" * 100_000 + "}]"),
        *('[{"symbol":"' + "x" * 10_000_000 + '"}]', '{"' + "x" * 10_000 + '":[1]}'),
        '{"' + '":[],"'.join(f"o{number}" for number in range(600)) + '":[]}',
    ],
)
def test_a_document_that_is_none_is_one_sentence(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, text).detail.startswith("The body ")


@pytest.mark.parametrize("text", [ROWS, BY_SYMBOL, COLUMNS])
def test_a_document_that_is_cut_anywhere_is_refused(tmp_path: Path, text: str) -> None:
    for length in range(1, len(text)):
        refused(tmp_path, text[:length])


@pytest.mark.parametrize("text", ['[{"o":1},{"o":2},]', '[{"o":1},,{"o":2}]', '{"o":[1,,2]}', '{"o":[1,2,]}'])
def test_a_comma_too_many_is_a_broken_row(tmp_path: Path, text: str) -> None:
    rows, _, broken = read(write(tmp_path, "a.json", text))
    assert [row["o"] for row in rows] == ["1", "2"]
    assert [code for _, code in broken] == ["not_json"]


def test_a_broken_value_of_a_column_takes_its_row_out_of_all(tmp_path: Path) -> None:
    text = '{"symbol":["A","B","C"],"o":[1,{},3],"c":[1,2,[]]}'
    assert read(write(tmp_path, "a.json", text)) == (
        [{"symbol": "A", "o": "1", "c": "1"}],
        [1],
        [(2, "wrong_type"), (3, "wrong_type")],
    )


def test_keys_may_come_later_within_the_first_block(tmp_path: Path) -> None:
    rows, _, broken = read(write(tmp_path, "a.ndjson", '{"o":1}\n{"o":2,"v":5}\n'))
    assert (rows, broken) == ([{"o": "1"}, {"o": "2", "v": "5"}], [])


def test_many_symbols_with_a_row_each_are_one_chunk(tmp_path: Path) -> None:
    text = json.dumps({"bars": {f"S{number}": [{"t": "x", "o": 1}] for number in range(300)}})
    path = write(tmp_path, "a.json", text)
    assert len(list(open_file(path).chunks())) == 1


texts = st.text(alphabet='a"\\{}[],: \u00e9', max_size=8)
values = st.one_of(texts, st.integers(0, 99), st.none(), st.lists(texts, max_size=3))


@given(elements=st.lists(st.dictionaries(texts, values, max_size=3), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_elements_are_parted_where_json_parts_them(elements: list[dict[str, object]]) -> None:
    text = json.dumps(elements)[1:].encode()
    found = scan(text)
    assert found.end == len(text) - 1
    parts, start = [], 0
    for comma in [*found.commas.tolist(), found.end]:
        parts.append(json.loads(text[start:comma]))
        start = comma + 1
    assert parts == elements
