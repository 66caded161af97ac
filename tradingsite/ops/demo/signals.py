"""The demo's signals: moving averages that crossed within the last year."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from accounts.models import User
from marketdata.models import DailyBar
from trading.models import SignalType
from trading.services.signals import Levels, record_signal
from tradingsite.core.actor import Actor
from tradingsite.core.decimals import round_decimal
from tradingsite.ops.demo.crossings import FAST, SLOW, Crossing, find_crossings
from tradingsite.ops.demo.instruments import SIMULATED
from tradingsite.ops.demo.parts import SIGNALS, find_made, mark_made

#: How far from the entry the stop lies; the target is twice as far.
RISK = Decimal("0.04")
_YEAR = dt.timedelta(days=365)
_CENTS = 2
# 16:30 in New York, when the close is known, in winter and in summer.
_AFTER_CLOSE = dt.time(21, 30, tzinfo=dt.UTC)


def make_signals(actor: Actor, owners: list[User], *, at: dt.datetime) -> int:
    """Signals of the last year, the symbols dealt out to the owners in turn; once. Answers how many."""
    if find_made(SIGNALS) or not owners:
        return 0
    made = 0
    for turn, symbol in enumerate(SIMULATED):
        bars = DailyBar.objects.filter(instrument__symbol=symbol, instrument__is_simulated=True)
        crossings = find_crossings(list(bars.order_by("date").values_list("date", "close")))
        for crossing in crossings:
            generated_at = dt.datetime.combine(crossing.date, _AFTER_CLOSE)
            if at - _YEAR <= generated_at <= at:
                record_crossing(
                    actor, owners[turn % len(owners)], symbol=symbol, crossing=crossing, generated_at=generated_at
                )
                made += 1
    mark_made(actor, SIGNALS, count=made)
    return made


def record_crossing(actor: Actor, owner: User, *, symbol: str, crossing: Crossing, generated_at: dt.datetime) -> None:
    """The signal that follows from a crossing: with it, stop on the other side, confidence by the distance."""
    side = 1 if crossing.is_upward else -1
    stretch = abs(crossing.close / crossing.slow - 1)
    verb = "above" if crossing.is_upward else "below"
    record_signal(
        actor=actor,
        owner=owner,
        symbol=symbol,
        date=crossing.date,
        signal_type=SignalType.BUY if crossing.is_upward else SignalType.SELL,
        generated_at=generated_at,
        signal_value=round_decimal(crossing.fast / crossing.slow - 1, 6),
        confidence=round_decimal(50 + min(stretch * 400, Decimal(40)), 2),
        levels=Levels(
            entry_price=crossing.close,
            target_price=round_decimal(crossing.close * (1 + 2 * RISK * side), _CENTS),
            stop_loss=round_decimal(crossing.close * (1 - RISK * side), _CENTS),
        ),
        regime="trending" if stretch > RISK else "ranging",
        reasons=[
            f"The {FAST}-day average ({crossing.fast:.2f}) crossed {verb} the {SLOW}-day one ({crossing.slow:.2f}).",
            f"The close is {stretch * 100:.1f} % from the {SLOW}-day average.",
        ],
    )
