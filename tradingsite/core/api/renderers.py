"""Lists as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer

# What a spreadsheet would take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class CSVRenderer(BaseRenderer):
    """The `results` of a list, one row each, the columns in the serializer's order."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        rows = data.get("results", [data]) if isinstance(data, Mapping) else data or []
        return to_csv(rows, columns=self._columns(rows, renderer_context)).encode()

    def _columns(self, rows: list[Mapping[str, Any]], context: Mapping[str, Any] | None) -> list[str]:
        if rows:
            return list(rows[0])
        view = (context or {}).get("view")
        return list(view.get_serializer().fields) if view is not None else []


def to_csv(rows: Sequence[Mapping[str, Any]], *, columns: list[str]) -> str:
    """Rows as CSV text with a header; nested values as JSON, formulas quoted."""
    out = io.StringIO()
    # RFC 4180's line end; it also makes Python quote a carriage return inside of a cell.
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list):
        return orjson.dumps(value, default=str).decode()
    text = str(value)
    return quote_formula(text) if isinstance(value, str) else text


def quote_formula(text: str) -> str:
    """Text that a spreadsheet would run as a formula, made plain by an apostrophe; numbers stay."""
    if not text.startswith(_FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text
