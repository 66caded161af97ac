"""What a source yields, as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from marketdata.ingest.files import open_file
from marketdata.ingest.source import BarSource


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(source: BarSource | Path) -> tuple[list[dict[str, Any]], list[int], list[tuple[int, str]]]:
    """All rows as text, their lines, and line and code of what is broken."""
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    broken: list[tuple[int, str]] = []
    for chunk in open_file(source).chunks() if isinstance(source, Path) else source.chunks():
        rows += [
            {name: _text(value) for name, value in row.items() if value is not None} for row in chunk.rows.to_pylist()
        ]
        lines += chunk.lines.tolist()
        broken += [(reject.line, reject.code) for reject in chunk.broken]
    return rows, lines, broken


def _text(value: Any) -> str:
    """Decimals that Arrow keeps with 20 places, as people write them."""
    text = str(value)
    return text.rstrip("0").rstrip(".") if "." in text and not isinstance(value, str) else text
