"""What can be asked for bars, and what is answered; pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import orjson

from tradingsite.core.errors import InvalidInput
from tradingsite.core.symbols import normalise_symbol
from tradingsite.core.timeframes import Timeframe

if TYPE_CHECKING:
    from marketdata.bars.series import Series

DEFAULT_LIMIT = 1000
MAX_LIMIT = 100_000
MAX_SYMBOLS = 500


class TradingHours(StrEnum):
    """Which bars within a day: of the exchange's sessions only, or what was traded before and after them too."""

    EXTENDED = "extended"
    REGULAR = "regular"


class Adjustment(StrEnum):
    """What prices are adjusted for: as if today's splits, dividends or both had always been."""

    RAW = "raw"
    SPLIT = "split"
    DIVIDEND = "dividend"
    ALL = "all"

    @property
    def for_splits(self) -> bool:
        return self in (Adjustment.SPLIT, Adjustment.ALL)

    @property
    def for_dividends(self) -> bool:
        return self in (Adjustment.DIVIDEND, Adjustment.ALL)


@dataclass(frozen=True, slots=True)
class BarKey:
    """Where a bar stands in the answer's order: its symbol, then its start."""

    symbol: str
    start: datetime


@dataclass(frozen=True, slots=True)
class BarQuery:
    """Bars of these symbols (normalised, each once) that start from `start` to before `end`.

    Without `start` from each symbol's earliest bar on, without `end` until now. `limit` counts
    rows, `after` is the last row of the page before. Rows are ordered by symbol, then by time,
    the latest first where `descending`. `hours` matters to intraday bars of instruments with a calendar.
    With `asof` only bars that were over by then are answered, adjusted by what was known then.
    """

    symbols: tuple[str, ...]
    timeframe: Timeframe
    start: datetime | None = None
    end: datetime | None = None
    limit: int = DEFAULT_LIMIT
    after: BarKey | None = None
    descending: bool = False
    hours: TradingHours = TradingHours.EXTENDED
    adjustment: Adjustment = Adjustment.RAW
    asof: datetime | None = None


@dataclass(frozen=True, slots=True)
class SymbolBars:
    """The bars of one symbol, in the answer's order."""

    symbol: str
    series: Series

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of sessions without any bar, half-open, UTC."""

    symbol: str
    start: datetime
    end: datetime

    def as_dict(self) -> dict[str, str]:
        return {"symbol": self.symbol, "start": utc_text(self.start), "end": utc_text(self.end)}


@dataclass(frozen=True, slots=True)
class Unadjusted:
    """A dividend that the prices before it could not be adjusted for, and why: a stable code."""

    symbol: str
    ex_date: date
    amount: str
    reason: str

    def as_dict(self) -> dict[str, str]:
        return {
            "symbol": self.symbol,
            "ex_date": self.ex_date.isoformat(),
            "amount": self.amount,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class BarPage:
    """One page of the answer; `gaps` are those of the whole asked range, the same on every page.

    `parts` are of one symbol each, in the order of symbols, none of them empty. `unadjusted` is None
    where no adjustment was asked for.
    """

    parts: Sequence[SymbolBars]
    gaps: Sequence[Gap]
    next_key: BarKey | None
    unadjusted: Sequence[Unadjusted] | None = None

    @property
    def complete(self) -> bool:
        return not self.gaps

    @property
    def next_page_token(self) -> str | None:
        return None if self.next_key is None else encode_page_token(self.next_key)


def utc_text(moment: datetime) -> str:
    """A moment as every answer writes it: 2013-01-02T14:30:00Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def encode_page_token(key: BarKey) -> str:
    """The key as opaque text."""
    text = orjson.dumps([key.symbol, utc_text(key.start)])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def decode_page_token(text: str, *, symbols: Sequence[str]) -> BarKey:
    """The key in a token that a query for these symbols gave. Raises InvalidInput (invalid_page_token)."""
    try:
        value: Any = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        symbol, start = value
        key = BarKey(normalise_symbol(symbol), datetime.fromisoformat(start).astimezone(UTC))
    except (binascii.Error, ValueError, TypeError, AttributeError, OverflowError, InvalidInput):
        key = None
    if key is None or key.symbol not in symbols:
        raise InvalidInput.field(
            "page_token", "This page token is not one of this query's.", code="invalid_page_token"
        ) from None
    return key
