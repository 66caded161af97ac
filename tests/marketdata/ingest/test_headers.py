"""Which column is what, by its name."""

import pytest

from marketdata.ingest.headers import Kind, recognise
from marketdata.ingest.tables import bar_table
from tradingsite.core.errors import InvalidInput
from tradingsite.core.timeframes import Timeframe

DAILY = bar_table(Timeframe.DAY_1)
INTRADAY = bar_table(Timeframe.MINUTE_1)


@pytest.mark.parametrize(
    ("header", "kind", "roles"),
    [
        ("Date,Open,High,Low,Close,Volume", Kind.PLAIN, "moment open high low close volume"),
        ("\ufeffDATE, Open ,HIGH,low,Close,Vol", Kind.PLAIN, "moment open high low close volume"),
        ("ticker,day,o,h,l,c,v", Kind.PLAIN, "symbol moment open high low close volume"),
        ("Date,Open,High,Low,Close,Adj Close,Volume", Kind.YFINANCE, "moment open high low close volume"),
        (
            "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits",
            Kind.YFINANCE,
            "moment open high low close volume dividends stock_splits",
        ),
        (
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
            Kind.STOOQ,
            "symbol moment open high low close volume",
        ),
    ],
)
def test_it_knows_the_usual_headers_of_daily_bars(header: str, kind: Kind, roles: str) -> None:
    layout = recognise(header.split(","), DAILY)
    assert layout.kind == kind
    assert set(layout.columns) == set(roles.split())


@pytest.mark.parametrize(
    ("header", "kind", "roles"),
    [
        ("t,o,h,l,c,v,n,vw", Kind.ALPACA, "moment open high low close volume trade_count vwap"),
        ("symbol,timestamp,open,high,low,close,volume", Kind.PLAIN, "symbol moment open high low close volume"),
        ("Datetime,Open,High,Low,Close,Adj Close,Volume", Kind.YFINANCE, "moment open high low close volume"),
        (
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
            Kind.STOOQ,
            "symbol moment time open high low close volume",
        ),
        ("date,time,open,high,low,close", Kind.PLAIN, "moment time open high low close"),
        ("time,open,high,low,close", Kind.PLAIN, "moment open high low close"),
    ],
)
def test_it_knows_the_usual_headers_of_intraday_bars(header: str, kind: Kind, roles: str) -> None:
    layout = recognise(header.split(","), INTRADAY)
    assert layout.kind == kind
    assert set(layout.columns) == set(roles.split())


def test_a_file_with_both_has_days_dated_and_minutes_timed() -> None:
    header = ["date", "timestamp", "open", "high", "low", "close"]
    assert recognise(header, DAILY).columns["moment"] == 0
    assert recognise(header, INTRADAY).columns["moment"] == 1


def test_columns_are_found_in_any_order() -> None:
    assert recognise(["close", "low", "high", "open", "date"], DAILY).columns == {
        "close": 0,
        "low": 1,
        "high": 2,
        "open": 3,
        "moment": 4,
    }


def test_it_says_which_columns_it_ignores() -> None:
    layout = recognise(["date", "open", "high", "low", "close", "adj close", "Comment"], DAILY)
    assert layout.notes == ["The column of adjusted closes was ignored.", "Ignored columns: Comment."]


def test_it_names_missing_columns_and_what_there_is() -> None:
    with pytest.raises(InvalidInput, match=r"no column for date or timestamp, high\. The header has: open, low, close"):
        recognise(["open", "low", "close"], DAILY)


def test_it_refuses_two_columns_that_could_be_the_same() -> None:
    with pytest.raises(InvalidInput, match="Two columns could be the close: 'Close' and 'c'"):
        recognise(["Date", "Open", "High", "Low", "Close", "c"], DAILY)


def test_a_file_without_header_is_refused_with_what_stands_there() -> None:
    with pytest.raises(InvalidInput, match=r"The header has: 2013-01-02, 49\.1"):
        recognise(["2013-01-02", "49.1", "49.2", "49.0", "49.1"], DAILY)
