"""Bars in the form in which they are checked, compared and loaded; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marketdata.ingest.faults import Integers, Mask
from marketdata.ingest.numbers import Numbers
from marketdata.ingest.tables import BarTable

#: Stands for null in digests.
NULL = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Bars:
    """n bars as columns.

    names: the distinct symbols; symbol: int64[n], each bar's index into `names`.
    slot: int64[n], days or minutes since 1970-01-01 UTC, as the table has it.
    numbers: unscaled integers by column name, all of the table's columns.
    """

    table: BarTable
    names: list[str]
    symbol: Integers
    slot: Integers
    numbers: dict[str, Numbers]

    def __len__(self) -> int:
        return len(self.slot)

    def take(self, rows: npt.NDArray[np.intp] | Mask) -> Bars:
        """These bars only."""
        if isinstance(rows, np.ndarray) and rows.dtype == np.bool_ and rows.all():
            return self
        return Bars(
            self.table,
            self.names,
            self.symbol[rows],
            self.slot[rows],
            {name: column.take(rows) for name, column in self.numbers.items()},
        )

    def canonical_bytes(self) -> bytes:
        """The same bytes for the same bars in the same order, however they were cut into chunks.

        A row is 64-bit little-endian integers: the symbol's first 32 bytes padded with zeros,
        the slot, and each number column unscaled, with the smallest integer for null.
        """
        row = np.empty((len(self), 5 + len(self.numbers)), dtype="<i8")
        names = np.array([name.encode() for name in self.names] or [b""], dtype="S32")
        row[:, :4] = names.view("<i8").reshape(-1, 4)[self.symbol]
        row[:, 4] = self.slot
        for position, column in enumerate(self.table.numbers, start=5):
            numbers = self.numbers[column.name]
            row[:, position] = np.where(numbers.missing, NULL, numbers.values)
        return row.tobytes()
