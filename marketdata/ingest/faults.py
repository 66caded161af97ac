"""Which rows of a chunk are bad, and why; pure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from marketdata.ingest.summary import Reject

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

SHOWN = 40


class Faults:
    """The first fault found of each bad row of one chunk.

    `bad` is a mask over the chunk's rows. Messages are made for bad rows only.
    """

    def __init__(self, count: int) -> None:
        self.bad: Mask = np.zeros(count, dtype=np.bool_)
        self._found: dict[int, tuple[str, str]] = {}

    def add(self, rows: Mask, code: str, message: str | Callable[[int], str]) -> None:
        """Note a fault of the rows of the mask that have none yet; `message` may be asked row by row."""
        fresh = rows & ~self.bad
        if not fresh.any():
            return
        self.bad |= fresh
        for row in np.flatnonzero(fresh).tolist():
            self._found[row] = (code, message if isinstance(message, str) else message(row))

    def count(self, code: str) -> int:
        """How many rows have this fault."""
        return sum(found == code for found, _ in self._found.values())

    def rejects(self, lines: Integers) -> list[Reject]:
        """The bad rows in the order of the source; `lines` says where each row stands."""
        return [Reject(int(lines[row]), *self._found[row]) for row in sorted(self._found)]


def shown(column: pa.Array, row: int) -> str:
    """A raw value as a message can show it: quoted, and cut when it is long."""
    value = column[row]
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        # Read without a check for UTF-8, so it may be any bytes.
        text = value.as_buffer().to_pybytes().decode("utf-8", "replace") if value.is_valid else ""
    else:
        text = str(value.as_py())
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")


def rows_of(count: int, indexes: int | npt.NDArray[np.integer]) -> Mask:
    """A mask over `count` rows with these set."""
    mask = np.zeros(count, dtype=np.bool_)
    mask[indexes] = True
    return mask
