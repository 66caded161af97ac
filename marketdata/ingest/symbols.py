"""The symbol of each row, and what is known about the instruments behind them; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from marketdata.ingest.faults import Faults, Integers, Mask
from marketdata.ingest.headers import Layout
from marketdata.ingest.numbers import missing_of
from marketdata.ingest.options import LoadOptions
from marketdata.ingest.source import BarSource, RawChunk
from marketdata.ingest.times import is_text
from tradingsite.core.errors import InvalidInput
from tradingsite.core.symbols import normalise_symbol

BAD_SYMBOL = -1
# No symbol, time or number is longer.
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Known:
    """What the rules ask about an instrument."""

    can_go_negative: bool = False
    zone: ZoneInfo | None = None


#: The instruments among these symbols; what is not in the answer does not exist.
Lookup = Callable[[Sequence[str]], Mapping[str, Known]]


class SymbolReader:
    """Numbers the symbols of one source in the order in which they come; `names` has them.

    Raises InvalidInput when there is neither a column of symbols nor a name for all rows.
    """

    def __init__(self, *, options: LoadOptions, source: BarSource, layout: Layout, lookup: Lookup) -> None:
        self.notes: list[str] = []
        self.names: list[str] = []
        self._options = options
        self._layout = layout
        self._lookup = lookup
        self._symbol = self._only_symbol(source)
        self._numbers: dict[str, int] = {}
        self._known: dict[str, Known | None] = {}

    def read(self, chunk: RawChunk, faults: Faults) -> Integers:
        """Each row's number in the list of names; 0 where it is bad, which is a fault of the row."""
        count = chunk.rows.num_rows
        position = self._layout.columns.get("symbol")
        if position is None:
            spellings: list[str | None] = [self._symbol]
            where: npt.NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        else:
            spellings, where = distinct_texts(plain(chunk.rows.column(position)))
        numbers = np.empty(len(spellings), dtype=np.int64)
        problems: dict[int, tuple[str, str]] = {}
        for index, spelling in enumerate(spellings):
            numbers[index], problem = self._number(spelling)
            if problem is not None:
                problems[index] = problem
        self._look_up()
        for index in range(len(spellings)):
            if index not in problems and self._known[self.names[numbers[index]]] is None:
                problems[index] = ("unknown_symbol", f"No instrument has the symbol {self.names[numbers[index]]}.")
        for index, (code, message) in problems.items():
            faults.add(where == index, code, message)
        symbols: Integers = numbers[where] if count else np.zeros(0, dtype=np.int64)
        return np.where(symbols == BAD_SYMBOL, 0, symbols)

    def known(self, number: int) -> Known | None:
        """What is known of the instrument with this number; None when it does not exist."""
        return self._known[self.names[number]] if self.names else None

    def can_go_negative(self, symbols: Integers) -> Mask:
        """Whether prices of zero and below are possible, for each row."""
        known = [self._known[name] for name in self.names]
        negative = np.array([bool(one and one.can_go_negative) for one in known] or [False])
        mask: Mask = negative[symbols]
        return mask

    def _only_symbol(self, source: BarSource) -> str | None:
        """The symbol of all rows, where there is no column for it."""
        named = self._options.symbol
        if "symbol" in self._layout.columns:
            if named is not None:
                self.notes.append(f"The symbols are taken from their column; {named} was not used.")
            return None
        if named is None and source.symbol_hint is None:
            raise InvalidInput.field(
                "symbol",
                "There is no column of symbols, and the name of the source is not a symbol: name it (--symbol).",
                code="symbol_missing",
            )
        return normalise_symbol(named or source.symbol_hint or "")

    def _number(self, spelling: str | None) -> tuple[int, tuple[str, str] | None]:
        if spelling is None or not spelling.strip():
            return BAD_SYMBOL, ("missing_symbol", "The symbol is missing.")
        try:
            name = normalise_symbol(spelling)
        except InvalidInput as error:
            return BAD_SYMBOL, ("invalid_symbol", error.detail)
        if name not in self._numbers:
            self._numbers[name] = len(self.names)
            self.names.append(name)
        return self._numbers[name], None

    def _look_up(self) -> None:
        fresh = self.names[len(self._known) :]
        if not fresh:
            return
        found = self._lookup(fresh)
        otherwise = Known() if self._options.create_symbols else None
        self._known.update({name: found.get(name, otherwise) for name in fresh})


def plain(column: pa.Array) -> pa.Array:
    """The column without a dictionary around it, and text in the usual layout."""
    if pa.types.is_dictionary(column.type):
        column = _shortened(column).dictionary_decode()
    return column.cast(pa.string()) if pa.types.is_string_view(column.type) else column


def _shortened(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """Without texts that mean nothing here and, written once, fill the memory when each row gets its own."""
    words = column.dictionary
    if not is_text(words) and not pa.types.is_binary(words.type):
        return column
    is_long = pc.greater(pc.binary_length(words), _LONGEST)
    if not pc.any(is_long).as_py():
        return column
    return pa.DictionaryArray.from_arrays(column.indices, pc.if_else(is_long, pa.scalar("?" * 40, words.type), words))


def distinct_texts(column: pa.Array) -> tuple[list[str | None], Integers]:
    """The distinct texts of a column and each row's index among them."""
    encoded = pc.dictionary_encode(column)
    where = encoded.indices.cast(pa.int64()).fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    values = encoded.dictionary
    if is_text(values):
        # Read without a check for UTF-8, so it may be any bytes.
        binary = values.cast(pa.large_binary() if pa.types.is_large_string(values.type) else pa.binary())
        texts: list[str | None] = [None if v is None else v.decode("utf-8", "replace") for v in binary.to_pylist()]
    else:
        texts = [None if v is None else str(v) for v in values.to_pylist()]
    return [*texts, None] if missing_of(encoded.indices).any() else texts, where
