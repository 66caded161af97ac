"""Seeing a bar twice in one input, however long the input is; pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from marketdata.ingest.faults import Integers, Mask

# Slots on one page: a day of minutes, or some years of days. A page takes an eighth in bytes.
MINUTES_A_PAGE = 1440
DAYS_A_PAGE = 1024
_KEY = 1 << 40


class SeenBars:
    """The bars of an input so far: one bit a slot, on pages of a symbol and a stretch of time.

    A day of minute bars of a symbol takes 180 bytes, so that 5,000,000 bars take about 3 MB.
    """

    def __init__(self, slots_a_page: int) -> None:
        self._slots = slots_a_page
        self._pages: dict[int, int] = {}
        self._bits: npt.NDArray[np.uint8] = np.zeros((64, (slots_a_page + 7) // 8), dtype=np.uint8)

    def again(self, symbols: npt.NDArray[np.int64], slots: Integers) -> Mask:
        """The mask of bars that were there before, in this call or an earlier one; notes all of them.

        symbols: a small number for each symbol, the same in every call; slots: days or minutes.
        """
        if not len(slots):
            return np.zeros(0, dtype=np.bool_)
        page, slot = np.divmod(slots, self._slots)
        keys, where = np.unique(symbols * _KEY + page + _KEY // 2, return_inverse=True)
        rows = np.fromiter((self._page(key) for key in keys.tolist()), dtype=np.int64, count=len(keys))
        place = rows[where.reshape(-1)] * self._slots + slot
        repeated = np.ones(len(slots), dtype=np.bool_)
        repeated[_first_of_each(place)] = False
        cell = (place // self._slots, slot >> 3)
        bit = np.left_shift(1, slot & 7).astype(np.uint8)
        repeated |= (self._bits[cell] & bit) != 0
        np.bitwise_or.at(self._bits, cell, bit)
        return repeated

    def _page(self, key: int) -> int:
        number = self._pages.setdefault(key, len(self._pages))
        if number == len(self._bits):
            self._bits = np.concatenate([self._bits, np.zeros_like(self._bits)])
        return number


def _first_of_each(values: Integers) -> npt.NDArray[np.intp] | slice:
    """Where each distinct value stands first."""
    if np.all(values[1:] > values[:-1]):
        return slice(None)
    return np.unique(values, return_index=True)[1]
