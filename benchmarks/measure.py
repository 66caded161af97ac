"""Seconds and memory, measured alike by every benchmark."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path


def timed(function: Callable[[], object]) -> float:
    """How many seconds one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def peak_megabytes() -> float:
    """The most memory that this process ever held."""
    # Not ru_maxrss where there is a choice: a child starts with its parent's.
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
