"""Reading market data: one question, one answer, wherever the bars lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from marketdata.bars.gaps import find_gaps
from marketdata.bars.query import BarPage, BarQuery
from marketdata.bars.reading import read_columns
from marketdata.models import Instrument
from marketdata.services.instruments import find_instruments
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.errors import FieldError, InvalidInput, UnknownSymbol
from tradingsite.core.timeframes import Timeframe
from tradingsite.core.transactions import read_snapshot

_RESAMPLED = frozenset({Timeframe.WEEK_1, Timeframe.MONTH_1})


def get_bars(*, actor: Actor, query: BarQuery) -> BarPage:
    """One page of the bars that the query asks for, and what is missing in its whole range.

    Raises Forbidden without the permission to view that timeframe's bars, UnknownSymbol naming
    the symbols that nobody has, InvalidInput (timeframe_not_stored) for weeks and months.
    """
    actor.require("marketdata.view_intradaybar" if query.timeframe.is_intraday else "marketdata.view_dailybar")
    if query.timeframe in _RESAMPLED:
        raise InvalidInput.field(
            "timeframe",
            f"Bars of {query.timeframe.label} are not stored; ask for 1d or a shorter timeframe.",
            code="timeframe_not_stored",
        )
    at = clock.now()
    query = replace(query, end=min(query.end, at) if query.end is not None else at)
    with read_snapshot():
        instruments = _all_of(query.symbols)
        columns, next_key = read_columns(query, instruments)
        gaps = find_gaps(query, instruments, at=at)
    return BarPage(bars=columns, gaps=gaps, next_key=next_key)


def _all_of(symbols: Sequence[str]) -> Mapping[str, Instrument]:
    instruments = find_instruments(symbols)
    unknown = [symbol for symbol in symbols if symbol not in instruments]
    if unknown:
        raise UnknownSymbol(
            f"No instrument has the symbol {', '.join(unknown[:10])}{' …' if len(unknown) > 10 else ''}.",
            errors=[FieldError("symbols", "unknown_symbol", f"No instrument has the symbol {s}.") for s in unknown],
        )
    return instruments
