"""What became of an input; pure but for the batch it names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradingsite.core.errors import DeskError, FieldError, InvalidInput

if TYPE_CHECKING:
    from marketdata.models import IngestBatch

#: How many rejects a summary keeps; a sink gets all of them.
REJECTS_KEPT = 100


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was not loaded: where it stands, a stable code, one sentence."""

    line: int
    code: str
    message: str


RejectSink = Callable[[Sequence[Reject]], None]


@dataclass(slots=True)
class Counts:
    """What became of rows: read = inserted + updated + unchanged + rejected, always."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

    @property
    def read(self) -> int:
        return self.inserted + self.updated + self.unchanged + self.rejected

    @property
    def accepted(self) -> int:
        """Rows that are now in the database as the source has them."""
        return self.inserted + self.updated + self.unchanged

    def add(self, other: Counts) -> None:
        self.inserted += other.inserted
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.rejected += other.rejected

    def as_dict(self) -> dict[str, int]:
        """The five numbers under their names."""
        return {
            "read": self.read,
            "inserted": self.inserted,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
        }


@dataclass(slots=True)
class LoadSummary:
    """What became of one source's rows.

    `rejects` are the first 100; `notes` are sentences for the person who loads (a column that was
    ignored, instruments that were created). `batch` is the committed record of the load. `spans`
    are the first and the last moment of each symbol's accepted ticks, in microseconds since 1970.
    """

    source: str
    counts: Counts = field(default_factory=Counts)
    rejects: list[Reject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    batch: IngestBatch | None = None
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def read(self) -> int:
        return self.counts.read

    @property
    def inserted(self) -> int:
        return self.counts.inserted

    @property
    def updated(self) -> int:
        return self.counts.updated

    @property
    def unchanged(self) -> int:
        return self.counts.unchanged

    @property
    def rejected(self) -> int:
        return self.counts.rejected

    def as_dict(self) -> dict[str, Any]:
        """The summary for a program: JSON types only."""
        return {
            "source": self.source,
            "batch": None if self.batch is None else self.batch.pk,
            **self.counts.as_dict(),
            "notes": list(self.notes),
            "rejects": [
                {"line": reject.line, "code": reject.code, "message": reject.message} for reject in self.rejects
            ],
        }


class PricesNotNamed(InvalidInput):
    """The source is of a kind that is adjusted often, and nobody said how this one is."""

    code = "prices_not_named"
    title = "Say how the prices are adjusted"


class RowsRefused(InvalidInput):
    """Some rows are bad and the caller wanted all or nothing: nothing was written.

    read: rows in the source; rejected: how many are bad; rejects: the first 100 of them.
    """

    code = "rows_refused"
    title = "Some rows are bad, so nothing was loaded"

    def __init__(self, detail: str, *, read: int, rejected: int, rejects: Sequence[Reject]) -> None:
        super().__init__(
            detail, errors=[FieldError(f"row {reject.line}", reject.code, reject.message) for reject in rejects]
        )
        self.read = read
        self.rejected = rejected
        self.rejects = list(rejects)


class IngestFailed(DeskError):
    """The load broke off; `summary` names exactly what stays loaded, its batch says failed."""

    status = 400
    code = "ingest_failed"
    title = "The load broke off"

    def __init__(self, detail: str, *, summary: LoadSummary) -> None:
        super().__init__(detail)
        self.summary = summary
