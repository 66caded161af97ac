"""File formats: CSV, JSON, and XLSX where openpyxl is installed.

A spreadsheet runs text that begins with = + - @ or a tab. Such text is written with an
apostrophe before it, and read back without.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import tablib
from import_export.formats import base_formats

from tradingsite.core.errors import InvalidInput
from tradingsite.core.text import is_storable

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_QUOTED = re.compile(r"'+[=+\-@\t\r]")


def quoted(cell: Any) -> Any:
    """The cell so that no spreadsheet runs it; numbers stay numbers."""
    if not isinstance(cell, str) or not _FORMULA.match(cell) or _is_number(cell):
        return cell
    return f"'{cell}"


def unquoted(cell: Any) -> Any:
    """What was written before `quoted`."""
    return cell[1:] if isinstance(cell, str) and _QUOTED.match(cell) else cell


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite() and not text[:1].isspace()
    except InvalidOperation:
        return False


def checked(dataset: tablib.Dataset, *, most_rows: int) -> tablib.Dataset:
    """The dataset if it has named columns and text that can be stored. Raises InvalidInput."""
    headers = dataset.headers
    if not headers or not all(isinstance(name, str) and name for name in headers):
        raise InvalidInput("The first row must name the columns.")
    if len(set(headers)) < len(headers):
        raise InvalidInput("Two columns have the same name.")
    if len(dataset) > most_rows:
        raise InvalidInput(
            f"The file has {len(dataset):,} rows, and {most_rows:,} are the most here; "
            "load large files with a command or through the API."
        )
    for number, row in enumerate(dataset, 1):
        if any(isinstance(cell, str) and not is_storable(cell) for cell in row):
            raise InvalidInput(f"Row {number} has a character that can't be stored.")
        if any(isinstance(cell, dict | list) for cell in row):
            raise InvalidInput(f"Row {number} has a list or an object where a value belongs.")
        if any(isinstance(cell, float) and not math.isfinite(cell) for cell in row):
            raise InvalidInput(f"Row {number} has a number that is none.")
    return dataset


class QuotedCSV(base_formats.CSV):
    """CSV for spreadsheets."""

    def export_data(self, dataset: tablib.Dataset, **kwargs: Any) -> str:
        return str(super().export_data(_mapped(dataset, quoted), **kwargs))

    def create_dataset(self, in_stream: Any, **kwargs: Any) -> tablib.Dataset:
        return _mapped(super().create_dataset(in_stream, **kwargs), unquoted)


class QuotedXLSX(base_formats.XLSX):
    """XLSX, whose cells can be formulas too."""

    def export_data(self, dataset: tablib.Dataset, **kwargs: Any) -> bytes:
        return bytes(super().export_data(_mapped(dataset, quoted), **kwargs))

    def create_dataset(self, in_stream: Any) -> tablib.Dataset:
        return _mapped(super().create_dataset(in_stream), unquoted)


def _mapped(dataset: tablib.Dataset, change: Any) -> tablib.Dataset:
    rows = tablib.Dataset(headers=dataset.headers)
    rows.extend([change(cell) for cell in row] for row in dataset)
    return rows


FORMATS = [QuotedCSV, *([QuotedXLSX] if base_formats.XLSX.is_available() else []), base_formats.JSON]
