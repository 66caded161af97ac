"""Seeing a bar twice, across chunks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marketdata.ingest.duplicates import DAYS_A_PAGE, MINUTES_A_PAGE, SeenBars

bars = st.tuples(st.integers(0, 3), st.integers(-3000, 3000))


@given(st.lists(st.lists(bars, max_size=30), max_size=5), st.sampled_from([MINUTES_A_PAGE, DAYS_A_PAGE]))
def test_it_finds_exactly_the_bars_that_were_there_before(chunks: list[list[tuple[int, int]]], page: int) -> None:
    seen = SeenBars(page)
    before: set[tuple[int, int]] = set()
    for chunk in chunks:
        expected = []
        for bar in chunk:
            expected.append(bar in before)
            before.add(bar)
        symbols = np.array([symbol for symbol, _ in chunk], dtype=np.int64)
        slots = np.array([slot for _, slot in chunk], dtype=np.int64)
        assert seen.again(symbols, slots).tolist() == expected


def test_a_million_dense_minutes_take_less_than_a_megabyte() -> None:
    seen = SeenBars(MINUTES_A_PAGE)
    slots = np.arange(1_000_000, dtype=np.int64)
    assert not seen.again(np.zeros_like(slots), slots).any()
    assert seen._bits.nbytes < 1_000_000
    assert seen.again(np.zeros_like(slots), slots).all()
