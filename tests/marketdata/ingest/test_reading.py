"""The rules that every bar keeps, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from marketdata.ingest.options import BarLabel, LoadOptions
from marketdata.ingest.reading import BarReader
from marketdata.ingest.rules import slot_text
from marketdata.ingest.summary import PricesNotNamed
from marketdata.ingest.symbols import Known
from marketdata.ingest.tables import bar_table
from tests.marketdata.ingest.bars import table
from tradingsite.core.errors import InvalidInput
from tradingsite.core.timeframes import Timeframe

NOW = datetime(2020, 6, 1, 12, 0, tzinfo=UTC)
KNOWN = {"SPY": Known(zone=ZoneInfo("America/New_York")), "CL": Known(can_go_negative=True)}
DAILY = "symbol,date,open,high,low,close,volume\n"
MINUTE = "symbol,timestamp,open,high,low,close,volume\n"


def look_up(symbols: Sequence[str]) -> Mapping[str, Known]:
    return {symbol: KNOWN[symbol] for symbol in symbols if symbol in KNOWN}


def read(
    text: str, timeframe: Timeframe, options: LoadOptions | None = None
) -> tuple[list[str], list[tuple[int, str]]]:
    """The good bars' times, and line and code of each other row."""
    source = table(text)
    reader: BarReader | None = None
    times: list[str] = []
    rejects: list[tuple[int, str]] = []
    for chunk in source.chunks():
        reader = reader or BarReader(
            table=bar_table(timeframe),
            options=options or LoadOptions(),
            source=source,
            first=chunk,
            lookup=look_up,
            now=NOW,
        )
        checked = reader.read(chunk)
        times += [slot_text(checked.rows, row) for row in range(len(checked.rows))]
        rejects += [(reject.line, reject.code) for reject in checked.rejects]
    return times, rejects


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("SPY,2013-01-03,10,9,11,10,1", "high_below_low"),
        ("SPY,2013-01-03,13,12,9,11,1", "open_outside"),
        ("SPY,2013-01-03,10,12,9,8.99,1", "close_outside"),
        ("SPY,2013-01-03,10,12,9,NaN,1", "not_finite"),
        ("SPY,2013-01-03,10,12,9,,1", "missing_price"),
        ("SPY,2013-01-03,0,12,0,11,1", "not_positive"),
        ("SPY,2013-01-03,10,12,-9,11,1", "not_positive"),
        ("SPY,2013-01-03,10,12,9,11,-1", "negative_volume"),
        ("SPY,2013-01-03,10,12,9,11,much", "not_a_number"),
        ("XYZ,2013-01-03,10,12,9,11,1", "unknown_symbol"),
        (",2013-01-03,10,12,9,11,1", "missing_symbol"),
        ("Ünknown,2013-01-03,10,12,9,11,1", "invalid_symbol"),
        ("A" * 300 + ",2013-01-03,10,12,9,11,1", "invalid_symbol"),
        ("SPY,1899-12-31,10,12,9,11,1", "time_out_of_range"),
        ("SPY,2200-01-01,10,12,9,11,1", "time_out_of_range"),
        ("SPY,2020-06-03,10,12,9,11,1", "in_future"),
        ("SPY,2013-01-02,10,12,9,11,1", "duplicate"),
        ("spy,2013-01-02,10,12,9,11,1", "duplicate"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_code_and_the_good_ones_stay(row: str, code: str) -> None:
    text = f"{DAILY}SPY,2013-01-02,10,12,9,11,1\n{row}\nSPY,2013-01-04,10,12,9,11,1"
    assert read(text, Timeframe.DAY_1) == (["2013-01-02", "2013-01-04"], [(2, code)])


def test_prices_of_futures_and_spreads_may_be_zero_or_below() -> None:
    text = f"{DAILY}CL,2020-04-20,1,2,-40.32,-37.63,1\nSPY,2020-04-20,1,2,-40.32,-37.63,1"
    assert read(text, Timeframe.DAY_1) == (["2020-04-20"], [(2, "not_positive")])


def test_todays_and_tomorrows_daily_bars_are_no_future() -> None:
    text = f"{DAILY}SPY,2020-06-01,10,12,9,11,1\nSPY,2020-06-02,10,12,9,11,1"
    assert read(text, Timeframe.DAY_1)[1] == []


def test_intraday_bars_start_on_a_minute_and_not_in_the_future() -> None:
    text = (
        f"{MINUTE}SPY,2020-05-29T15:59:00Z,10,12,9,11,1\nSPY,2020-05-29T15:59:30Z,10,12,9,11,1\n"
        "SPY,2020-06-02T12:01:00Z,10,12,9,11,1"
    )
    assert read(text, Timeframe.MINUTE_1) == (["2020-05-29 15:59 UTC"], [(2, "not_aligned"), (3, "in_future")])


def test_bars_labelled_by_their_end_are_shifted_to_their_start() -> None:
    text = f"{MINUTE}SPY,2020-05-29T14:00:00Z,10,12,9,11,1"
    times, _ = read(text, Timeframe.MINUTE_5, LoadOptions(bar_label=BarLabel.END))
    assert times == ["2020-05-29 13:55 UTC"]


def test_the_instruments_zone_tells_the_date_of_a_moment() -> None:
    text = f"{DAILY}SPY,2013-01-02T05:00:00Z,10,12,9,11,1\nCL,2013-01-02T05:00:00Z,10,12,9,11,1"
    assert read(text, Timeframe.DAY_1) == (["2013-01-02"], [(2, "not_midnight")])


def test_times_without_a_zone_are_one_error_that_names_the_option() -> None:
    text = f"{MINUTE}SPY,2020-05-29T15:59,10,12,9,11,1\nSPY,2020-05-29T15:58,10,12,9,11,1"
    with pytest.raises(InvalidInput, match=r"'2020-05-29T15:59', carry no time zone; .*--timezone"):
        read(text, Timeframe.MINUTE_1)
    assert read(text, Timeframe.MINUTE_1, LoadOptions(time_zone="America/New_York"))[0][0] == "2020-05-29 19:59 UTC"


def test_a_single_time_without_a_zone_is_a_reject() -> None:
    text = f"{MINUTE}SPY,2020-05-29T15:59Z,10,12,9,11,1\nSPY,2020-05-29T15:58,10,12,9,11,1"
    assert read(text, Timeframe.MINUTE_1) == (["2020-05-29 15:59 UTC"], [(2, "time_zone_missing")])


@pytest.mark.parametrize("header", ["Date,Open,High,Low,Close,Adj_Close", "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>"])
def test_files_that_may_be_adjusted_need_to_be_told(header: str) -> None:
    text = f"{header}\n2013-01-02,10,12,9,11,5"
    with pytest.raises(PricesNotNamed, match="--prices raw"):
        read(text, Timeframe.DAY_1, LoadOptions(symbol="SPY"))


def test_without_any_symbol_there_is_one_clear_error() -> None:
    with pytest.raises(InvalidInput, match="--symbol"):
        read("date,open,high,low,close\n2013-01-02,10,12,9,11", Timeframe.DAY_1)


def test_an_unknown_time_zone_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="'Mars/Olympus' is not a time zone"):
        read(f"{MINUTE}SPY,2020-05-29T15:59,10,12,9,11,1", Timeframe.MINUTE_1, LoadOptions(time_zone="Mars/Olympus"))


def test_weekly_bars_are_refused_because_they_are_made_from_daily_ones() -> None:
    with pytest.raises(InvalidInput, match="made from daily ones"):
        bar_table(Timeframe.WEEK_1)
