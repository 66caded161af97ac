"""How often something may happen: "600/min"; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SECONDS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "day": 86400}
_RATE = re.compile(r"([1-9][0-9]{0,8})\s*/\s*([a-z]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """`limit` times in each window of `seconds`."""

    limit: int
    seconds: int


def parse_rate(text: str) -> Rate | None:
    """The rate in "600/min"; None for "0", which sets no limit. Raises ValueError on anything else."""
    if text == "0":
        return None
    match = _RATE.fullmatch(text.lower())
    if match is None or match.group(2) not in _SECONDS:
        raise ValueError(f"{text[:40]!r} is not a rate")
    return Rate(int(match.group(1)), _SECONDS[match.group(2)])
