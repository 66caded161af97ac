"""Where the elements of a long JSON array end, found in numpy; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_QUOTE, _OPEN, _CLOSE, _COMMA = 1, 2, 3, 4
_KINDS = np.zeros(256, dtype=np.uint8)
for _characters, _kind in ((b'"', _QUOTE), (b"{[", _OPEN), (b"}]", _CLOSE), (b",", _COMMA)):
    _KINDS[list(_characters)] = _kind
_ESCAPED = re.compile(rb"\\.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Scan:
    """Of bytes that begin with an element of an array (or a member of an object).

    commas: int64, where commas stand between elements; end: where the array's own bracket closes, -1 when it
    does not; depth: how deep brackets are nested in it.
    """

    commas: npt.NDArray[np.int64]
    end: int
    depth: int


def scan(text: bytes) -> Scan:
    """Find the commas and the end; brackets are counted, not matched by kind."""
    if b"\\" in text:
        # As long as before, so that positions stay; an escaped quote is none.
        text = _ESCAPED.sub(b"__", text)
    kinds = _KINDS[np.frombuffer(text, dtype=np.uint8)]
    where = np.flatnonzero(kinds)
    kinds = kinds[where]
    is_quote = kinds == _QUOTE
    outside = ~(np.logical_xor.accumulate(is_quote) | is_quote) if len(kinds) else np.zeros(0, dtype=np.bool_)
    where, kinds = where[outside], kinds[outside]
    depth = np.cumsum((kinds == _OPEN).astype(np.int32) - (kinds == _CLOSE).astype(np.int32))
    closed = np.flatnonzero(depth < 0)
    end = -1
    if len(closed):
        end = int(where[closed[0]])
        where, kinds, depth = where[: closed[0]], kinds[: closed[0]], depth[: closed[0]]
    commas = where[(kinds == _COMMA) & (depth == 0)]
    return Scan(commas.astype(np.int64), end, int(depth.max(initial=0)))
