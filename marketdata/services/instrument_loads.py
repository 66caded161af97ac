"""Instruments from rows of text: files of metadata; each row through `save_instrument`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from django.db import transaction

from marketdata.ingest.options import OnError
from marketdata.ingest.summary import REJECTS_KEPT, LoadSummary, Reject, RowsRefused
from marketdata.models import Instrument
from marketdata.services.instruments import EDITABLE, find_instruments, save_instrument
from tradingsite.core.actor import Actor
from tradingsite.core.errors import DeskError, InvalidInput
from tradingsite.core.symbols import normalise_symbol
from tradingsite.core.text import is_storable
from tradingsite.core.transactions import in_transaction

#: What the API's and the admin's exports have beside; the software keeps it.
IGNORED = frozenset({"id", "is_tradable", "created_at", "updated_at"})
MOST_ROWS = 200_000
_NUMBERS = frozenset({"market_cap", "tick_size", "quantity_step", "lot_size", "multiplier"})
_FLAGS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
_NUMERALS = frozenset("0123456789.+-eE")


@dataclass(frozen=True, slots=True)
class MetadataRow:
    """A row of a source: where it stands, and what it says by column."""

    line: int
    values: Mapping[str, Any]


def read_metadata(path: Path) -> list[MetadataRow]:
    """The rows of a CSV file, or of a JSON file with a list of objects. Raises InvalidInput with a sentence."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise _refused(path, f"can't be read: {error.strerror or error}", "unreadable") from None
    except UnicodeDecodeError:
        raise _refused(path, "is not text in UTF-8", "not_text") from None
    if "\0" in text:
        raise _refused(path, "has NUL bytes, so it is not text", "not_text")
    rows = _json_rows(path, text) if path.suffix.lower() == ".json" else _csv_rows(path, text)
    if not rows:
        raise _refused(path, "has no rows", "no_rows")
    if len(rows) > MOST_ROWS:
        raise _refused(path, f"has more than {MOST_ROWS:,} rows", "too_many_rows")
    return rows


def _csv_rows(path: Path, text: str) -> list[MetadataRow]:
    reader = csv.reader(text.splitlines(keepends=True))
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_columns(path, header)
        rows = []
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if len(values) != len(header):
                raise _refused(
                    path, f"has {len(values)} values in line {reader.line_num} and {len(header)} columns", "wrong_width"
                )
            rows.append(MetadataRow(reader.line_num, dict(zip(header, values, strict=True))))
    except csv.Error as error:
        raise _refused(path, f"is no CSV file: {error}", "not_csv") from None
    return rows


def _json_rows(path: Path, text: str) -> list[MetadataRow]:
    try:
        found = orjson.loads(text)
    except ValueError:
        raise _refused(path, "is no JSON", "not_json") from None
    if isinstance(found, dict):
        found = found.get("results")
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise _refused(path, "is no list of objects", "not_a_list")
    _check_columns(path, dict.fromkeys(name for row in found for name in row))
    return [MetadataRow(number, row) for number, row in enumerate(found, start=1)]


def _check_columns(path: Path, names: Iterable[str]) -> None:
    columns = list(names)
    unknown = [name for name in columns if name not in EDITABLE and name not in IGNORED]
    if "symbol" not in columns or unknown or len(set(columns)) < len(columns):
        wrong = f"has a column {unknown[0][:40]!r}" if unknown else "needs a column symbol, and each column once"
        raise _refused(path, f"{wrong}; known are {', '.join(EDITABLE)}", "header")


def _refused(path: Path, what: str, code: str) -> InvalidInput:
    return InvalidInput.field("file", f"{path.name} {what}.", code=code)


@in_transaction
def load_metadata(
    *, actor: Actor, source: str, rows: Sequence[MetadataRow], on_error: OnError = OnError.REJECT
) -> LoadSummary:
    """Make or change the instruments that the rows name, all in one transaction; the same again changes nothing.

    An empty value leaves what is stored alone. A bad row is left out and named, or with `OnError.ABORT`
    nothing is written (RowsRefused). Raises Forbidden without marketdata.add_instrument and change_instrument.
    """
    actor.require("marketdata.add_instrument")
    actor.require("marketdata.change_instrument")
    summary = LoadSummary(source=source)
    rejects: list[Reject] = []
    seen: dict[str, int] = {}
    for row in rows:
        try:
            symbol = normalise_symbol(str(row.values.get("symbol") or ""))
            if symbol in seen:
                raise InvalidInput.field("symbol", f"{symbol} stands in line {seen[symbol]} already.", code="duplicate")
            seen[symbol] = row.line
            with transaction.atomic():
                _save(actor, summary, symbol, _parsed(row.values))
        except DeskError as error:
            rejects.append(Reject(row.line, error.errors[0].code if error.errors else error.code, error.detail))
    summary.counts.rejected = len(rejects)
    summary.rejects = rejects[:REJECTS_KEPT]
    if rejects and on_error == OnError.ABORT:
        raise RowsRefused(
            f"{source}: {len(rejects):,} of {len(rows):,} rows are bad, so nothing was loaded. "
            f"The first is line {rejects[0].line}: {rejects[0].message}",
            read=len(rows),
            rejected=len(rejects),
            rejects=summary.rejects,
        )
    return summary


def _save(actor: Actor, summary: LoadSummary, symbol: str, values: dict[str, Any]) -> None:
    stored: Instrument | None = find_instruments([symbol]).get(symbol)
    saved = save_instrument(actor=actor, values={**values, "symbol": symbol}, instrument=stored)
    if stored is None:
        summary.counts.inserted += 1
    elif saved.updated_at != stored.updated_at:
        summary.counts.updated += 1
    else:
        summary.counts.unchanged += 1


def _parsed(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the row says of the columns that people set; empty ones say nothing."""
    parsed: dict[str, Any] = {}
    for name, value in values.items():
        if name in IGNORED or name == "symbol" or value is None or value == "":
            continue
        if isinstance(value, dict | list):
            raise InvalidInput.field(name, f"{name} is a text, a number or a flag.")
        text = str(value).strip()
        if not is_storable(text):
            raise InvalidInput.field(name, f"{name} has a character that can't be stored.", code="not_text")
        if name in _NUMBERS:
            parsed[name] = _decimal(name, text)
        elif name.startswith("is_"):
            if text.lower() not in _FLAGS:
                raise InvalidInput.field(name, f"{name}: {text[:40]!r} is not true or false.", code="invalid_flag")
            parsed[name] = _FLAGS[text.lower()]
        elif text:
            parsed[name] = text
    return parsed


def _decimal(name: str, text: str) -> Decimal:
    # Decimal() itself also takes Arabic digits, underscores and blanks.
    if len(text) <= 40 and set(text) <= _NUMERALS:
        try:
            return Decimal(text)
        except ArithmeticError:
            pass
    raise InvalidInput.field(name, f"{name}: {text[:40]!r} is not a number.", code="not_a_number")
