"""How simulated instruments move; pure.

The levels and growths are round numbers in the neighbourhood of what the real shares did from
2020 on, so that a demo looks familiar. They are no data.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """A price that swings around a growing level.

    level: the price at the simulator's beginning; growth: of the level, a year, continuous.
    volatility: annualised deviation of returns; market_share: correlation with the simulated market.
    volume: units traded on an ordinary day.
    """

    level: float = 100.0
    growth: float = 0.06
    volatility: float = 0.25
    market_share: float = 0.5
    volume: float = 5_000_000.0


_KNOWN = {
    "AAPL": Profile(level=75, growth=0.18, volatility=0.27, market_share=0.70, volume=55_000_000),
    "GOOGL": Profile(level=68, growth=0.15, volatility=0.29, market_share=0.65, volume=28_000_000),
    "MSFT": Profile(level=160, growth=0.15, volatility=0.25, market_share=0.72, volume=22_000_000),
    "AMZN": Profile(level=95, growth=0.12, volatility=0.32, market_share=0.62, volume=42_000_000),
    "TSLA": Profile(level=28, growth=0.34, volatility=0.55, market_share=0.50, volume=95_000_000),
    "NVDA": Profile(level=6, growth=0.45, volatility=0.48, market_share=0.60, volume=220_000_000),
    "META": Profile(level=209, growth=0.16, volatility=0.38, market_share=0.58, volume=14_000_000),
    "JPM": Profile(level=140, growth=0.11, volatility=0.24, market_share=0.60, volume=9_500_000),
    "V": Profile(level=190, growth=0.09, volatility=0.22, market_share=0.62, volume=6_500_000),
    "NFLX": Profile(level=33, growth=0.16, volatility=0.40, market_share=0.48, volume=38_000_000),
}


def profile_of(symbol: str) -> Profile:
    """The profile of a familiar share, else an ordinary one."""
    return _KNOWN.get(symbol, Profile())
