"""The bars of one symbol as exact columns: what resampling and adjusting work on; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Moments = npt.NDArray[np.datetime64]
Flags = npt.NDArray[np.bool_]

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class Series:
    """n bars of one symbol in the order of time, each once.

    start: datetime64[us], UTC. Prices: int64, unscaled, 8 decimals: 12.34 is 1234000000.
    volume: int64, unscaled, 6 decimals, 0 where `no_volume` says that nobody knows it.
    """

    start: Moments
    open: Integers
    high: Integers
    low: Integers
    close: Integers
    volume: Integers
    no_volume: Flags

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: Flags | slice) -> Series:
        """These bars only."""
        return Series(
            start=self.start[rows],
            open=self.open[rows],
            high=self.high[rows],
            low=self.low[rows],
            close=self.close[rows],
            volume=self.volume[rows],
            no_volume=self.no_volume[rows],
        )


def joined(parts: Sequence[Series]) -> Series:
    """The parts one after another. Raises IndexError without any."""
    if len(parts) == 1:
        return parts[0]
    columns = {field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(parts[0])}
    return Series(**columns)
