"""Timeframes and their arithmetic; pure."""

from datetime import datetime, timedelta

from django.db.models import TextChoices

from tradingsite.core.errors import InvalidInput


class Timeframe(TextChoices):
    """The length of a bar. A bar's time is its start."""

    MINUTE_1 = "1m", "1 minute"
    MINUTE_5 = "5m", "5 minutes"
    MINUTE_15 = "15m", "15 minutes"
    MINUTE_30 = "30m", "30 minutes"
    HOUR_1 = "1h", "1 hour"
    HOUR_4 = "4h", "4 hours"
    DAY_1 = "1d", "1 day"
    WEEK_1 = "1w", "1 week"
    MONTH_1 = "1mo", "1 month"

    @property
    def is_intraday(self) -> bool:
        return self in INTRADAY

    @property
    def duration(self) -> timedelta:
        """The length of an intraday bar; days and longer have no fixed one (KeyError)."""
        return _DURATIONS[self]


_DURATIONS = {
    Timeframe.MINUTE_1: timedelta(minutes=1),
    Timeframe.MINUTE_5: timedelta(minutes=5),
    Timeframe.MINUTE_15: timedelta(minutes=15),
    Timeframe.MINUTE_30: timedelta(minutes=30),
    Timeframe.HOUR_1: timedelta(hours=1),
    Timeframe.HOUR_4: timedelta(hours=4),
}
INTRADAY = frozenset(_DURATIONS)

# What other platforms call them (Alpaca's 1Min, yfinance's 60m and 1wk, plain words).
_ALIASES = {
    "1min": Timeframe.MINUTE_1,
    "5min": Timeframe.MINUTE_5,
    "15min": Timeframe.MINUTE_15,
    "30min": Timeframe.MINUTE_30,
    "60m": Timeframe.HOUR_1,
    "60min": Timeframe.HOUR_1,
    "1hour": Timeframe.HOUR_1,
    "240m": Timeframe.HOUR_4,
    "4hour": Timeframe.HOUR_4,
    "d": Timeframe.DAY_1,
    "1day": Timeframe.DAY_1,
    "daily": Timeframe.DAY_1,
    "1wk": Timeframe.WEEK_1,
    "1week": Timeframe.WEEK_1,
    "weekly": Timeframe.WEEK_1,
    "1month": Timeframe.MONTH_1,
    "monthly": Timeframe.MONTH_1,
}


def parse_timeframe(text: str) -> Timeframe:
    """The timeframe that a person or another platform's API means.

    `1M` is a month (as at Alpaca and Binance), `1m` a minute; otherwise case does not matter.
    Raises InvalidInput naming the known ones.
    """
    cleaned = text.strip()
    if cleaned == "1M":
        return Timeframe.MONTH_1
    lowered = cleaned.lower()
    if lowered in Timeframe.values:
        return Timeframe(lowered)
    if lowered in _ALIASES:
        return _ALIASES[lowered]
    raise InvalidInput.field(
        "timeframe",
        f"{text[:40]!r} is not a timeframe; known are {', '.join(Timeframe.values)}.",
        code="invalid_timeframe",
    )


def bar_end(start: datetime, timeframe: Timeframe) -> datetime:
    """The moment an intraday bar that starts then is over (half-open)."""
    return start + timeframe.duration
