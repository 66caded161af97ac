"""Reading market data: one question, one answer, wherever the bars lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from marketdata.bars.actions import find_adjusters
from marketdata.bars.coverage import Coverage, LatestBar, find_coverage, read_latest
from marketdata.bars.gaps import find_gaps
from marketdata.bars.pages import maker_for, read_page
from marketdata.bars.query import Adjustment, BarPage, BarQuery, Unadjusted
from marketdata.models import Instrument, Quarantine
from marketdata.services.instruments import find_instruments
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import FieldError, UnknownSymbol
from tradingsite.core.timeframes import INTRADAY, Timeframe
from tradingsite.core.transactions import read_snapshot

#: Timeframes whose bars are stored.
STORED = (Timeframe.DAY_1, *sorted(INTRADAY, key=list(Timeframe).index))


def get_bars(*, actor: Actor, query: BarQuery) -> BarPage:
    """One page of the bars that the query asks for, and what is missing in its whole range.

    Bars that are not stored in the asked timeframe are made of shorter ones, after those are adjusted. Raises
    Forbidden without the permission to view that timeframe's bars, and for adjusted ones corporate actions;
    UnknownSymbol naming the symbols that nobody has; InvalidInput where an adjusted number has no place.
    """
    actor.require("marketdata.view_intradaybar" if query.timeframe.is_intraday else "marketdata.view_dailybar")
    at = clock.now()
    if query.asof is not None:
        at = min(at, query.asof)
    query = replace(query, end=min(query.end, at) if query.end is not None else at)
    unadjusted: list[Unadjusted] | None = None
    with read_snapshot():
        instruments = _all_of(query.symbols)
        makers = {symbol: maker_for(query, instruments[symbol], at=at) for symbol in query.symbols}
        if query.adjustment != Adjustment.RAW:
            actor.require("marketdata.view_corporateaction")
            adjusters = find_adjusters(query, instruments, makers, at=at)
            makers = {symbol: replace(maker, adjust=adjusters[symbol]) for symbol, maker in makers.items()}
            unadjusted = [dividend for symbol in sorted(adjusters) for dividend in adjusters[symbol].unadjusted]
        parts, next_key = read_page(query, makers)
        shelves = {symbol: maker.shelf for symbol, maker in makers.items()}
        gaps = find_gaps(query, instruments, shelves, at=at)
    return BarPage(parts=parts, gaps=gaps, next_key=next_key, unadjusted=unadjusted)


def get_latest_bars(*, actor: Actor, symbols: Sequence[str], timeframe: Timeframe) -> list[LatestBar]:
    """The last bar of each symbol, over or not, in the order of symbols; errors as of `get_bars`."""
    actor.require("marketdata.view_intradaybar" if timeframe.is_intraday else "marketdata.view_dailybar")
    at = clock.now()
    query = BarQuery(symbols=tuple(symbols), timeframe=timeframe, end=at)
    with read_snapshot():
        instruments = _all_of(symbols)
        makers = [maker_for(query, instruments[symbol], at=at) for symbol in sorted(symbols)]
        return [read_latest(maker, at=at) for maker in makers]


def get_coverage(*, actor: Actor, symbols: Sequence[str], timeframes: Sequence[Timeframe] = STORED) -> list[Coverage]:
    """What is stored of each symbol, by timeframe; errors as of `get_bars`."""
    actor.require("marketdata.view_dailybar")
    if any(timeframe.is_intraday for timeframe in timeframes):
        actor.require("marketdata.view_intradaybar")
    with read_snapshot():
        return find_coverage(_all_of(symbols), timeframes, at=clock.now())


def _all_of(symbols: Sequence[str]) -> Mapping[str, Instrument]:
    instruments = find_instruments(symbols)
    unknown = [symbol for symbol in symbols if symbol not in instruments]
    if unknown:
        raise UnknownSymbol(
            f"No instrument has the symbol {', '.join(unknown[:10])}{' …' if len(unknown) > 10 else ''}.",
            errors=[FieldError("symbols", "unknown_symbol", f"No instrument has the symbol {s}.") for s in unknown],
        )
    return instruments


def is_quarantined(symbol: str) -> bool:
    """Whether a jump of the instrument waits for somebody to accept it: until then nothing is filled or valued."""
    return Quarantine.objects.filter(instrument__symbol=symbol, accepted_at__isnull=True).exists()
