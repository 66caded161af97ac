"""Rows made up for the tests of files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from marketdata.archive.layout import Dataset
from marketdata.archive.rows import ArchiveRows, Words
from marketdata.archive.schema import columns_of
from marketdata.ingest.numbers import Numbers

START = 1_381_152_600_000_000


def some_rows(counts: Mapping[str, int], *, dataset: Dataset | None = None, seed: int = 1) -> ArchiveRows:
    """So many rows of each symbol, in order, with every value that a column can hold now and then."""
    dataset = dataset or Dataset("bars", "1m")
    columns = columns_of(dataset)
    random = np.random.default_rng(seed)
    names = sorted(counts)
    total = sum(counts.values())
    time = np.concatenate([START + np.arange(counts[name]) * 60_000_000 for name in names])
    numbers = {}
    for column in columns.numbers:
        values = random.integers(-(10**18) + 1, 10**18, total)
        missing = np.zeros(total, dtype=np.bool_) if column.is_required else random.random(total) < 0.3
        numbers[column.name] = Numbers(np.where(missing, 0, values), missing)
    words = ["", "Ω", "NYSE", "@ T,x"]
    return ArchiveRows(
        dataset,
        Words(np.repeat(np.arange(len(names)), [counts[name] for name in names]), names),
        time,
        np.arange(total) % 3 if columns.has_sequence else np.zeros(total, dtype=np.int64),
        numbers,
        {name: Words(random.integers(0, len(words), total), words) for name in columns.texts},
    )


def listed(rows: ArchiveRows) -> list[tuple[Any, ...]]:
    """The rows as Python values, null where nothing is."""
    columns = [
        rows.symbol.padded(32).tolist(),
        rows.time.tolist(),
        rows.sequence.tolist(),
        *(
            [None if gone else value for value, gone in zip(n.values.tolist(), n.missing.tolist(), strict=True)]
            for n in rows.numbers.values()
        ),
        *(words.padded(128).tolist() for words in rows.texts.values()),
    ]
    return list(zip(*columns, strict=True))
