"""Rows of text into actions: CSV files and uploads; what a row must say, and what is wrong with one."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from marketdata.actions.values import ActionValues, check_values, parse_ratio
from marketdata.models.corporate_action import ActionKind
from tradingsite.core.api.moments import parse_date, parse_moment
from tradingsite.core.errors import InvalidInput
from tradingsite.core.symbols import normalise_symbol

COLUMNS = ("symbol", "kind", "ex_date", "ratio", "amount", "currency", "pay_date", "known_at", "number")
MOST_ROWS = 200_000
_REQUIRED = frozenset({"symbol", "kind", "ex_date"})
_LONGEST_LINE = 10_000
_SPELLINGS = {
    "ticker": "symbol",
    "type": "kind",
    "action": "kind",
    "date": "ex_date",
    "exdate": "ex_date",
    "split": "ratio",
    "dividend": "amount",
    "value": "amount",
    "paydate": "pay_date",
    "payment_date": "pay_date",
}
_NUMERALS = frozenset("0123456789.+-eE")


@dataclass(frozen=True, slots=True)
class ActionRow:
    """A row of a source: where it stands, and what it says by column."""

    line: int
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ActionSource:
    """Rows of one source, in its order."""

    name: str
    rows: tuple[ActionRow, ...]


def open_actions(path: Path) -> ActionSource:
    """The rows of a CSV file. Raises InvalidInput with a sentence when it is none of corporate actions."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return read_actions(path.name, stream)
    except OSError as error:
        raise InvalidInput.field(
            "file", f"{path.name} can't be read: {error.strerror or error}.", code="unreadable"
        ) from None
    except UnicodeDecodeError:
        raise InvalidInput.field("file", f"{path.name} is not text in UTF-8.", code="not_text") from None


def read_actions(name: str, lines: Iterable[str]) -> ActionSource:
    """The rows of CSV text; its first line names the columns. Raises InvalidInput."""
    reader = csv.reader(_short(name, lines))
    try:
        header = next(reader, None)
        if not header:
            raise InvalidInput.field("file", f"{name} is empty.", code="empty")
        columns = headers(name, header)
        rows: list[ActionRow] = []
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if len(rows) == MOST_ROWS:
                raise InvalidInput.field("file", f"{name} has more than {MOST_ROWS:,} rows.", code="too_many_rows")
            texts = dict(zip(columns, values, strict=False))
            if len(values) != len(columns):
                texts = {"": f"The line has {len(values)} values; the header has {len(columns)}."}
            rows.append(ActionRow(reader.line_num, texts))
    except csv.Error as error:
        raise InvalidInput.field("file", f"{name} is no CSV file: {error}.", code="not_csv") from None
    if not rows:
        raise InvalidInput.field("file", f"{name} has a header but no rows.", code="no_rows")
    return ActionSource(name, tuple(rows))


def headers(name: str, header: Iterable[str]) -> list[str]:
    """The columns that a header names, in its order. Raises InvalidInput for unknown, missing or doubled ones."""
    columns = [_column(text) for text in header]
    unknown = [text for text in columns if text not in COLUMNS]
    missing = sorted(_REQUIRED - set(columns))
    if unknown or missing or len(set(columns)) < len(columns):
        wrong = (
            f"it has a column {unknown[0][:40]!r}"
            if unknown
            else f"the column {missing[0]} is missing"
            if missing
            else "it has a column twice"
        )
        raise InvalidInput.field(
            "file",
            f"{name} is no file of corporate actions: {wrong}. Its columns are {', '.join(COLUMNS)}.",
            code="header",
        )
    return columns


def _column(text: str) -> str:
    name = text.strip().lower().replace(" ", "_").replace("-", "_")
    return _SPELLINGS.get(name, name)


def _short(name: str, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if len(line) > _LONGEST_LINE:
            raise InvalidInput.field("file", f"{name} has a line of over 10,000 characters.", code="not_csv")
        # The csv module stops at NUL on some versions of Python, and takes it on others.
        if "\0" in line:
            raise InvalidInput.field("file", f"{name} has NUL bytes, so it is not text.", code="not_text")
        yield line


def parse_row(row: ActionRow, *, at: datetime) -> tuple[str, ActionValues]:
    """The symbol and the action that a row says. Raises InvalidInput whose `errors` name what is wrong."""
    texts = {name: text.strip() for name, text in row.texts.items()}
    if "" in texts:
        raise InvalidInput.field("line", texts[""], code="wrong_width")
    for name in ("symbol", "kind", "ex_date"):
        if not texts.get(name):
            raise InvalidInput.field(name, f"{name} is missing.", code="required")
    symbol = normalise_symbol(texts["symbol"])
    values = _values(texts)
    if errors := check_values(values, at=at):
        raise InvalidInput(" ".join(error.message for error in errors), errors=errors)
    return symbol, values


def _values(texts: Mapping[str, str]) -> ActionValues:
    kind = texts["kind"].lower()
    if kind not in ActionKind.values:
        raise InvalidInput.field("kind", f"{texts['kind'][:40]!r} is not split or dividend.", code="invalid_kind")
    ratio, amount, number = texts.get("ratio"), texts.get("amount"), texts.get("number")
    new, old = parse_ratio(ratio) if ratio else (None, None)
    return ActionValues(
        kind=ActionKind(kind),
        ex_date=parse_date(texts["ex_date"], field="ex_date"),
        new_shares=new,
        old_shares=old,
        amount=_decimal(amount, "amount") if amount else None,
        currency=texts.get("currency", "").upper(),
        pay_date=_date(texts.get("pay_date")),
        known_at=_moment(texts.get("known_at")),
        number=_count(number) if number else None,
    )


def _date(text: str | None) -> date | None:
    return parse_date(text, field="pay_date") if text else None


def _moment(text: str | None) -> datetime | None:
    return parse_moment(text, field="known_at") if text else None


def _decimal(text: str, field: str) -> Decimal:
    # Decimal() itself also takes Arabic digits, underscores and blanks.
    if len(text) <= 40 and set(text) <= _NUMERALS:
        try:
            return Decimal(text)
        except ArithmeticError:
            pass
    raise InvalidInput.field(field, f"{text[:40]!r} is not a number.", code="not_a_number")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise InvalidInput.field("number", f"{text[:40]!r} is not a whole number.", code="not_a_number")
    return int(text)
