"""An archive of each test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from marketdata.archive.reading import footers


@pytest.fixture(autouse=True)
def archive(settings: Any, tmp_path: Path) -> Path:
    """The root of the archive, empty; and no footer is known from another test."""
    settings.ARCHIVE_ROOT = str(tmp_path / "archive")
    footers.clear()
    return tmp_path / "archive"
