"""What loads have in common, whatever their rows are; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from marketdata.ingest.faults import Integers
from marketdata.ingest.source import RawChunk
from marketdata.ingest.summary import Reject


class Loadable(Protocol):
    """Rows after the rules: `symbol` is each row's index into `names`."""

    @property
    def names(self) -> list[str]: ...

    @property
    def symbol(self) -> Integers: ...

    def __len__(self) -> int: ...

    def canonical_bytes(self) -> bytes:
        """The same bytes for the same rows in the same order, however they were cut into chunks."""


RowsT = TypeVar("RowsT", bound=Loadable)


@dataclass(frozen=True, slots=True)
class CheckedChunk(Generic[RowsT]):
    """A chunk after the rules: the good rows, and every other row with its reason."""

    rows: RowsT
    rejects: list[Reject]


class ChunkReader(Protocol[RowsT]):
    """Reads one source from start to end; `notes` are sentences about its header."""

    @property
    def notes(self) -> Sequence[str]: ...

    def read(self, chunk: RawChunk) -> CheckedChunk[RowsT]:
        """Parse and check one chunk."""
