"""Which column of a file is what, by its name; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import TextChoices

from marketdata.ingest.tables import BarTable
from tradingsite.core.errors import InvalidInput


class Kind(TextChoices):
    """Who writes such headers."""

    PLAIN = "plain", "plain"
    YFINANCE = "yfinance", "yfinance"
    STOOQ = "stooq", "Stooq"
    ALPACA = "alpaca", "Alpaca"


_NAMES = {
    "symbol": ("symbol", "ticker", "instrument", "<ticker>"),
    "moment": ("datetime", "timestamp", "date/time", "date time", "t", "date_time"),
    "date": ("date", "day", "<date>"),
    "time": ("time", "<time>"),
    "open": ("open", "o", "<open>"),
    "high": ("high", "h", "<high>"),
    "low": ("low", "l", "<low>"),
    "close": ("close", "c", "<close>"),
    "volume": ("volume", "vol", "vol.", "v", "<vol>"),
    "dividends": ("dividends", "dividend"),
    "stock_splits": ("stock splits", "stock_splits", "splits", "split"),
    "vwap": ("vwap", "vw"),
    "trade_count": ("trade_count", "trade count", "trades", "n"),
}
_ROLE = {name: role for role, names in _NAMES.items() for name in names}
_ADJUSTED_CLOSE = frozenset({"adj close", "adj_close", "adjclose", "adjusted close", "adjusted_close"})
_ALPACA = frozenset({"t", "o", "h", "l", "c", "v", "n", "vw"})
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Layout:
    """A header that was understood: `columns` says at which position each role stands.

    Roles are `symbol`, `moment` (date and time in one, or the date), `time` (when it has a column
    of its own) and the names of number columns.
    """

    kind: Kind
    columns: dict[str, int]
    notes: list[str] = field(default_factory=list)

    @property
    def rounds(self) -> bool:
        """Whether its writer prints floats, so that their noise is to be rounded away."""
        return self.kind == Kind.YFINANCE

    @property
    def is_often_adjusted(self) -> bool:
        """Whether the writer offers prices of more than one basis, so that a person must say which."""
        return self.kind in {Kind.YFINANCE, Kind.STOOQ}


def recognise(names: Sequence[str], table: BarTable) -> Layout:
    """Understand a header; raises InvalidInput naming what is missing or there twice."""
    cleaned = [clean_name(name) for name in names]
    columns: dict[str, int] = {}
    ignored: list[str] = []
    adjusted = False
    for position, name in enumerate(cleaned):
        role = _ROLE.get(name)
        if name in _ADJUSTED_CLOSE:
            adjusted = True
        elif role is None:
            ignored += [names[position].strip()] if name else []
        elif role in columns:
            raise _twice(role, names[columns[role]], names[position])
        else:
            columns[role] = position
    kind = _kind(set(cleaned), columns, adjusted=adjusted)
    notes = ["The column of adjusted closes was ignored."] if adjusted else []
    _settle_time(columns, names, table)
    _need_all(columns, names)
    known = {"symbol", "moment", "time"} | {column.name for column in table.numbers}
    ignored += [names[columns.pop(role)].strip() for role in list(columns) if role not in known]
    if ignored:
        notes.append(f"Ignored columns: {_listed(ignored)}.")
    return Layout(kind=kind, columns=columns, notes=notes)


def clean_name(name: str) -> str:
    """A column's name as it is compared: no byte order mark, quotes or outer blanks, lower-case."""
    return " ".join(name.replace("\ufeff", "").strip().strip("\"'").split()).lower()


def _kind(names: set[str], columns: dict[str, int], *, adjusted: bool) -> Kind:
    if any(name.startswith("<") for name in names):
        return Kind.STOOQ
    if adjusted or {"dividends", "stock_splits"} <= set(columns):
        return Kind.YFINANCE
    if {"t", "o", "h", "l", "c"} <= names <= _ALPACA | {"s", "symbol"}:
        return Kind.ALPACA
    return Kind.PLAIN


def _settle_time(columns: dict[str, int], names: Sequence[str], table: BarTable) -> None:
    """Leave one `moment`, and `time` only beside a date that needs it."""
    if "moment" in columns and "date" in columns:
        # Both are there: days are dated, moments timed.
        dropped = "moment" if table.is_daily else "date"
        kept = columns.pop("date" if dropped == "moment" else "moment")
        columns.pop(dropped, None)
        columns["moment"] = kept
        columns.pop("time", None)
    elif "date" in columns:
        columns["moment"] = columns.pop("date")
        if table.is_daily:
            columns.pop("time", None)
    elif "moment" in columns:
        columns.pop("time", None)
    elif "time" in columns:
        columns["moment"] = columns.pop("time")


def _need_all(columns: dict[str, int], names: Sequence[str]) -> None:
    wanted = {"moment": "date or timestamp", "open": "open", "high": "high", "low": "low", "close": "close"}
    _need(wanted, columns, names)


def _listed(names: Sequence[str]) -> str:
    short = [name if len(name) <= 40 else name[:40] + "…" for name in names[:_SHOWN]]
    return ", ".join(short) + (" …" if len(names) > _SHOWN else "")


class Vocabulary:
    """Which names of columns (or keys) mean what, and which of these are texts; all others are numbers."""

    def __init__(self, names: Mapping[str, Sequence[str]], *, texts: frozenset[str]) -> None:
        self.texts = texts
        self.roles = {name: role for role, spellings in names.items() for name in spellings}

    def role_of(self, name: str) -> str | None:
        """What a column of this name is, None when it means nothing."""
        return self.roles.get(clean_name(name)) if len(name) <= _LONGEST else None


_LONGEST = 64
_MOMENTS = ("symbol", "moment", "date", "time")
BAR_WORDS = Vocabulary(_NAMES, texts=frozenset(_MOMENTS))
TICK_WORDS = Vocabulary(
    {
        **{role: _NAMES[role] for role in _MOMENTS},
        "price": ("price", "p", "trade_price", "last"),
        "size": ("size", "s", "quantity", "qty", "volume", "amount"),
        "exchange": ("exchange", "x", "venue"),
        "condition": ("condition", "conditions", "sale_condition", "sale condition"),
    },
    texts=frozenset({*_MOMENTS, "exchange", "condition"}),
)


def recognise_ticks(names: Sequence[str]) -> Layout:
    """Understand a header of ticks; raises InvalidInput naming what is missing or there twice."""
    columns: dict[str, int] = {}
    ignored: list[str] = []
    for position, name in enumerate(names):
        role = TICK_WORDS.role_of(name)
        if role is None:
            ignored += [name.strip()] if clean_name(name) else []
        elif role in columns:
            raise _twice(role, names[columns[role]], name)
        else:
            columns[role] = position
    _settle_tick_time(columns)
    wanted = {"moment": "timestamp", "price": "price", "size": "size"}
    _need(wanted, columns, names)
    return Layout(Kind.PLAIN, columns, [f"Ignored columns: {_listed(ignored)}."] if ignored else [])


def _settle_tick_time(columns: dict[str, int]) -> None:
    """Leave one `moment`, and `time` only beside a date that needs it."""
    if "moment" in columns:
        columns.pop("date", None)
        columns.pop("time", None)
    elif "date" in columns:
        columns["moment"] = columns.pop("date")
    elif "time" in columns:
        columns["moment"] = columns.pop("time")


def _twice(role: str, first: str, second: str) -> InvalidInput:
    return InvalidInput.field(
        "header",
        f"Two columns could be the {role}: {first.strip()!r} and {second.strip()!r}. Remove one.",
        code="column_twice",
    )


def _need(wanted: Mapping[str, str], columns: Mapping[str, int], names: Sequence[str]) -> None:
    missing = [words for role, words in wanted.items() if role not in columns]
    if missing:
        found = _listed([name.strip() for name in names])
        raise InvalidInput.field(
            "header",
            f"There is no column for {', '.join(missing)}. The header has: {found}.",
            code="missing_column",
        )
