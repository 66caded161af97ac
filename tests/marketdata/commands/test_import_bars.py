"""`manage.py import_bars`: files in, a summary that adds up, one sentence for what is wrong."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.core.management import call_command
from pyarrow import parquet

from marketdata.ingest import csvfiles
from marketdata.models import BatchStatus, DailyBar, IngestBatch, Instrument, IntradayBar
from tests.marketdata.ingest.bars import DAILY_HEADER, MINUTE_HEADER, daily_rows, intraday_rows, write

pytestmark = pytest.mark.django_db

DAYS = (DAILY_HEADER, "2013-01-02,10,12,9,11,100", "2013-01-03,11,13,10,12.5,200")
MINUTES = (
    MINUTE_HEADER,
    "SPY,2013-10-04T15:59:00Z,49,49.02,48.99,49.01,300",
    "IBM,2013-10-04T15:59:00Z,149,149.02,148.99,149.01,300",
)


class Result:
    """What a run of the command gave."""

    def __init__(self, *arguments: object, timeframe: str = "1d", create: bool = True) -> None:
        out, err = io.StringIO(), io.StringIO()
        self.status: Any = 0
        words = [*map(str, arguments), "--timeframe", timeframe, *(["--create-symbols"] if create else [])]
        try:
            call_command("import_bars", *words, stdout=out, stderr=err)
        except SystemExit as error:
            self.status = error.code
        self.out, self.err = out.getvalue(), err.getvalue()

    @property
    def sentence(self) -> str:
        """The last line of standard error."""
        return self.err.strip().splitlines()[-1]


def test_a_file_is_loaded_under_its_name_and_again_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "spy.csv", *DAYS)
    first, again = Result(path), Result(path, create=False)
    assert (first.status, again.status) == (0, 0)
    assert first.out.splitlines() == [
        "spy.csv: read 2 = inserted 2 + updated 0 + unchanged 0 + rejected 0",
        "  Created 1 instrument: SPY.",
    ]
    assert again.out.splitlines() == ["spy.csv: read 2 = inserted 0 + updated 0 + unchanged 2 + rejected 0"]
    assert Instrument.objects.get().symbol == "SPY"
    assert daily_rows("close") == [("2013-01-02", "11"), ("2013-01-03", "12.5")]


def test_several_files_have_a_total(tmp_path: Path) -> None:
    result = Result(write(tmp_path / "SPY.csv", *DAYS), write(tmp_path / "IBM.csv", *DAYS))
    assert result.out.splitlines()[-1] == "2 files: read 4 = inserted 4 + updated 0 + unchanged 0 + rejected 0"


def test_compressed_files_and_parquet_load_like_csv(tmp_path: Path) -> None:
    text = write(tmp_path / "2013-10-04.csv", *MINUTES)
    packed = tmp_path / "2013-10-04.csv.gz"
    packed.write_bytes(gzip.compress(text.read_bytes()))
    columnar = tmp_path / "2013-10-04.parquet"
    parquet.write_table(pa.csv.read_csv(text), columnar)
    assert "inserted 2 " in Result(text, timeframe="1m").out
    for path in (packed, columnar):
        assert "unchanged 2 " in Result(path, timeframe="1m").out
    assert len(intraday_rows()) == 2


def test_names_of_files_with_dots_are_symbols(tmp_path: Path) -> None:
    assert Result(write(tmp_path / "BRK.B.csv", *DAYS)).status == 0
    assert Instrument.objects.get().symbol == "BRK.B"


def test_the_summary_as_json_adds_up(tmp_path: Path) -> None:
    path = write(tmp_path / "SPY.csv", *DAYS, "2013-01-04,1,2")
    result = Result(path, "--json")
    answer = json.loads(result.out)
    assert answer["total"] == {"read": 3, "inserted": 2, "updated": 0, "unchanged": 0, "rejected": 1}
    [file] = answer["files"]
    assert file["batch"] == IngestBatch.objects.get().pk
    assert file["rejects"] == [
        {"line": 4, "code": "wrong_width", "message": "The line has 3 values; the header has 6."}
    ]


def test_bad_rows_are_named_by_their_line_in_the_file(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    path = write(
        tmp_path / "SPY.csv",
        DAILY_HEADER,
        "2013-01-02,10,12,9,11,100",
        "",
        "2013-01-03,10,9,12,11,100",
        "2013-01-04,10,12,9,NaN,100",
        "2013-01-05,10,12",
        '"2013-01-06","10","12","9","11","100"',
    )
    result = Result(path, "--rejects", rejects)
    assert result.status == 1
    assert "read 5 = inserted 2 + updated 0 + unchanged 0 + rejected 3" in result.out
    assert "  line 4: The high 9 is below the low 12. (high_below_low)" in result.out
    assert result.sentence == "3 of 5 rows were rejected and are not loaded."
    with rejects.open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["line"], row["code"]) for row in rows] == [
        ("4", "high_below_low"),
        ("5", "not_finite"),
        ("6", "wrong_width"),
    ]
    assert {row["file"] for row in rows} == {str(path)}


def test_lines_keep_their_numbers_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvfiles, "BLOCK_BYTES", 64)
    days = [f"2013-01-{day:02},10,12,9,{'x' if day in {7, 29} else 11},100" for day in range(1, 31)]
    result = Result(write(tmp_path / "SPY.csv", DAILY_HEADER, *days))
    assert "  line 8: close is 'x'" in result.out
    assert "  line 30: close is 'x'" in result.out
    assert DailyBar.objects.count() == 28


def test_abort_writes_nothing_at_all_also_not_of_the_good_files(tmp_path: Path) -> None:
    good = write(tmp_path / "SPY.csv", *DAYS)
    bad = write(tmp_path / "IBM.csv", DAILY_HEADER, "2013-01-03,10,9,12,11,100")
    result = Result(good, bad, "--on-error", "abort")
    assert result.status == 1
    assert "line 2: The high 9 is below the low 12." in result.err
    assert result.sentence == "Nothing was loaded."
    assert not DailyBar.objects.exists()
    assert not IngestBatch.objects.exists()
    assert Result(good, "--on-error", "abort").status == 0


def test_a_file_of_which_not_one_row_is_good_fails(tmp_path: Path) -> None:
    result = Result(write(tmp_path / "SPY.csv", DAILY_HEADER, "2013-01-03,10,9,12,11,100"))
    assert (result.status, result.sentence) == (1, "SPY.csv: not one row could be loaded.")


def test_unknown_symbols_are_rejected_unless_they_may_be_created(tmp_path: Path) -> None:
    result = Result(write(tmp_path / "SPY.csv", *DAYS), create=False)
    assert result.status == 1
    assert "No instrument has the symbol SPY. (unknown_symbol)" in result.out
    assert not Instrument.objects.exists()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("SPY.csv", b"", "SPY.csv is empty."),
        ("SPY.csv", b"\n\n\n", "SPY.csv is empty."),
        ("SPY.csv", DAILY_HEADER.encode(), "SPY.csv has a header but no rows."),
        ("SPY.csv", b"\x89PNG\r\n\x1a\n\0\0", "SPY.csv is a PNG picture."),
        ("SPY.csv", b"PK\x03\x04\0\0", "SPY.csv is a zip archive (or an Excel file)."),
        ("SPY.csv", b"PAR1" + bytes(20), "SPY.csv is a Parquet file, which is not what its name says."),
        ("SPY.csv", gzip.compress(b"x", mtime=0), "SPY.csv is compressed with gzip, which is not what its name says."),
        ("SPY.parquet", b"Date,Open\n", "SPY.parquet is plain text, which is not what its name says."),
        ("SPY.parquet", b"PAR1" + bytes(20) + b"PAR1", "SPY.parquet is damaged or no Parquet file: "),
        ("SPY.csv.gz", b"Date,Open\n", "SPY.csv.gz is plain text, which is not what its name says."),
        ("SPY.csv.gz", gzip.compress(b"", mtime=0)[:12], "SPY.csv.gz is damaged: its compressed data end too early"),
        ("SPY.csv", b"Date,\0Open\n", "SPY.csv is a binary file, not text."),
        ("SPY.csv", DAILY_HEADER.encode() + b"\n" * 5000 + b"a\0b", "SPY.csv has NUL bytes, so it is not text."),
        ("SPY.csv", DAILY_HEADER.encode("utf-16"), "SPY.csv is text in UTF-16."),
        ("SPY.csv", b"Date,Open,High,Low\n1,1,1,1\n", "SPY.csv: There is no column for close."),
        ("SPY.csv", b"x" * 1_100_000, "SPY.csv begins with a line of over 1 MB, so it is no CSV file."),
        ("SPY.csv", b"Date,Open,High,Low,Close\n" + b"x" * 1_100_000, "SPY.csv has a line of over 1 MB"),
        (
            "2013-10-04.csv",
            b"date,open,high,low,close\n2013-01-02,1,1,1,1\n",
            "2013-10-04.csv: There is no column of symb",
        ),
    ],
)
def test_a_bad_file_is_one_clear_sentence(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    result = Result(path)
    assert result.status == 1
    assert result.err.startswith(sentence)
    assert len(result.err.splitlines()) == 1
    assert not IngestBatch.objects.exists()


def test_a_file_that_does_not_exist_and_a_folder_are_sentences(tmp_path: Path) -> None:
    assert Result(tmp_path / "SPY.csv").sentence == "SPY.csv does not exist."
    assert Result(tmp_path).sentence == f"{tmp_path.name} has no file that can be read."


def test_a_bad_file_does_not_keep_the_next_one_out(tmp_path: Path) -> None:
    result = Result(tmp_path / "IBM.csv", write(tmp_path / "SPY.csv", *DAYS))
    assert (result.status, result.sentence) == (1, "IBM.csv does not exist.")
    assert DailyBar.objects.count() == 2


def test_a_symbol_of_300_characters_is_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "2013.csv", *DAYS)
    result = Result(path, "--symbol", "A" * 300)
    assert result.status == 2
    assert "is not a symbol" in result.sentence
    assert len(result.sentence) < 200


def test_times_without_a_zone_name_the_option(tmp_path: Path) -> None:
    path = write(tmp_path / "SPY.csv", "timestamp,open,high,low,close", "2013-10-04 11:59,1,1,1,1")
    result = Result(path, timeframe="1m")
    assert result.status == 1
    assert "'2013-10-04 11:59', carry no time zone; name the one they are meant in (--timezone)." in result.sentence
    assert Result(path, "--timezone", "America/New_York", timeframe="1m").status == 0
    assert intraday_rows() == [("SPY", "2013-10-04 15:59")]


@pytest.mark.parametrize(
    "arguments", [["--timezone", "Mars"], ["--symbol", "not a symbol"], ["--timeframe", "1w"], ["--timeframe", "7m"]]
)
def test_options_that_can_not_be_meant_are_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    result = (
        Result(write(tmp_path / "SPY.csv", *DAYS), *arguments, timeframe="1d")
        if "--timeframe" not in arguments
        else Result(write(tmp_path / "SPY.csv", *DAYS), timeframe=arguments[1])
    )
    assert result.status == 2
    assert len(result.err.splitlines()) == 1


YFINANCE = (
    "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits",
    "2013-01-02 00:00:00-05:00,10.000000000000002,12.399999999999999,9.5,11,100,0.0,0.0",
    "2013-07-03 00:00:00-04:00,11,13,10,12.5,200,0.47,2.0",
)


def test_files_of_yfinance_need_to_be_told_how_their_prices_are_adjusted(tmp_path: Path) -> None:
    path = write(tmp_path / "SPY.csv", *YFINANCE)
    result = Result(path)
    assert result.status == 2
    assert "--prices raw (as traded), --prices split (adjusted for splits)" in result.sentence
    assert Result(path, "--prices", "split").status == 0
    assert IngestBatch.objects.get().price_basis == "split"
    assert daily_rows("open", "high", "dividends", "stock_splits") == [
        ("2013-01-02", "10", "12.4", "0", "0"),
        ("2013-07-03", "11", "13", "0.47", "2"),
    ]


def test_files_of_stooq_load(tmp_path: Path) -> None:
    header = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>"
    daily = write(tmp_path / "spy.us.txt", header, "SPY.US,D,20130102,000000,10,12,9,11,100,0")
    minutes = write(tmp_path / "spy_5.txt", header, "SPY.US,5,20131004,155500,10,12,9,11,100,0")
    assert Result(daily, "--prices", "split").status == 0
    assert daily_rows("close") == [("2013-01-02", "11")]
    assert Result(minutes, "--prices", "raw", "--timezone", "UTC", timeframe="5m").status == 0
    assert intraday_rows() == [("SPY.US", "2013-10-04 15:55")]


def test_files_of_alpaca_load(tmp_path: Path) -> None:
    path = write(tmp_path / "SPY.csv", "t,o,h,l,c,v,n,vw", "2013-10-04T15:59:00Z,10,12,9,11,100,7,10.123456")
    assert Result(path, timeframe="1m").status == 0
    assert intraday_rows("trade_count", "vwap") == [("SPY", "2013-10-04 15:59", 7, "10.123456")]


def test_files_written_from_floats_load_with_rounding(tmp_path: Path) -> None:
    path = write(tmp_path / "SPY.csv", DAILY_HEADER, "2013-01-02,49.119999999999997,50,49,49.5,100")
    refused = Result(path)
    assert refused.status == 1
    assert "more than 8 decimals (files written from floats: --round)" in refused.out
    assert Result(path, "--round").status == 0
    assert daily_rows("open") == [("2013-01-02", "49.12")]


def test_floats_of_parquet_are_rounded_without_being_asked(tmp_path: Path) -> None:
    path = tmp_path / "SPY.parquet"
    prices = [49.119999999999997]
    rows = {"date": [date(2013, 1, 2)], **dict.fromkeys(("open", "high", "low", "close"), prices)}
    parquet.write_table(pa.table(rows), path)
    assert Result(path).status == 0
    assert daily_rows("open") == [("2013-01-02", "49.12")]


def test_bars_labelled_by_their_end_get_their_start(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", *MINUTES)
    assert Result(path, "--bar-label", "end", timeframe="15m").status == 0
    assert intraday_rows() == [("IBM", "2013-10-04 15:44"), ("SPY", "2013-10-04 15:44")]


def test_a_compressed_file_that_is_cut_leaves_what_the_summary_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csvfiles, "BLOCK_BYTES", 20_000)
    days = [
        f"{year}-01-{day:02},10,12,9,11.{year}{day},{day * year}" for year in range(1950, 2020) for day in range(1, 29)
    ]
    path = tmp_path / "SPY.csv.gz"
    path.write_bytes(gzip.compress("\n".join([DAILY_HEADER, *days]).encode())[:-2_000])
    result = Result(path)
    batch = IngestBatch.objects.get()
    assert result.status == 1
    assert "SPY.csv.gz is damaged: its compressed data end too early or don't fit." in result.sentence
    assert result.out.startswith(f"SPY.csv.gz: read {batch.read:,} = inserted {batch.inserted:,} +")
    assert batch.status == BatchStatus.FAILED
    assert 0 < batch.inserted == DailyBar.objects.count() < len(days)


@pytest.mark.parametrize("happening", ["truncated", "vanished"])
def test_a_file_that_changes_while_it_is_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happening: str
) -> None:
    days = [f"2013-01-{day:02},10,12,9,11,100" for day in range(1, 31)]
    path = write(tmp_path / "SPY.csv", DAILY_HEADER, *days)
    monkeypatch.setattr(csvfiles, "BLOCK_BYTES", 200)
    blocks = csvfiles.CsvSource._blocks

    def disturbed(source: csvfiles.CsvSource, stream: Any) -> Iterator[bytes]:
        for block in blocks(source, stream):
            yield block
            if happening == "truncated":
                os.truncate(path, 100)
            else:
                raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(csvfiles.CsvSource, "_blocks", disturbed)
    result = Result(path)
    words = {
        "truncated": "has become shorter while it was being read",
        "vanished": "has vanished while it was being read",
    }
    assert result.status == 1
    assert result.sentence.startswith(f"SPY.csv {words[happening]}.")
    batch = IngestBatch.objects.get()
    assert batch.status == BatchStatus.FAILED
    assert batch.inserted == DailyBar.objects.count()
    assert f"inserted {batch.inserted} " in result.out


def test_a_rejects_file_that_can_not_be_written_is_a_sentence_before_anything_is_loaded(tmp_path: Path) -> None:
    result = Result(write(tmp_path / "SPY.csv", *DAYS), "--rejects", tmp_path / "nowhere" / "rejects.csv")
    assert result.status == 1
    assert result.sentence.endswith("No such file or directory.")
    assert not IngestBatch.objects.exists()


def test_bytes_that_are_no_text_are_rejects(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    lines = [
        "symbol,date,open,high,low,close",
        "S\xffY,2013-01-02,1,1,1,1",
        "SPY,2013-01-02,1,1,1,\xe9",
        "SPY,20\xff3,1,1,1,1",
    ]
    path.write_bytes("\n".join([*lines, "SPY,2013-01-03,1,1,1,1"]).encode("latin-1"))
    result = Result(path)
    assert "inserted 1 + updated 0 + unchanged 0 + rejected 3" in result.out
    assert [code in result.out for code in ("invalid_symbol", "not_a_number", "bad_time")] == [True] * 3


def test_other_delimiters_and_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "SPY.csv"
    path.write_bytes("\r\n".join(line.replace(",", ";") for line in DAYS).encode("utf-8-sig"))
    assert Result(path).status == 0
    assert daily_rows("volume") == [("2013-01-02", "100"), ("2013-01-03", "200")]


def test_a_quote_that_is_never_closed_spoils_its_own_line_only(tmp_path: Path) -> None:
    path = write(
        tmp_path / "SPY.csv", DAILY_HEADER, '"2013-01-02,10,12,9,11,100', *DAYS[2:], "2013-01-04,10,12,9,11,100"
    )
    result = Result(path)
    assert "read 3 = inserted 2 + updated 0 + unchanged 0 + rejected 1" in result.out
    assert "  line 2: The line has 1 value; the header has 6. (wrong_width)" in result.out


def test_help_says_what_a_newcomer_needs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        call_command("import_bars", "--help")
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for word in ("--create-symbols", "--on-error", "Exit status", "--prices", "America/New_York"):
        assert word in text


def test_no_bar_of_one_timeframe_becomes_one_of_another(tmp_path: Path) -> None:
    assert Result(write(tmp_path / "x.csv", *MINUTES), timeframe="1h").status == 0
    assert set(IntradayBar.objects.values_list("timeframe", flat=True)) == {"1h"}
