"""A partition as commands tell of it."""

from __future__ import annotations

from typing import Any

from marketdata.archive.catalog import span_of
from marketdata.models import ArchivePartition


def as_dict(partition: ArchivePartition) -> dict[str, Any]:
    """The manifest's line for a program: JSON types only; `path` is below ARCHIVE_ROOT."""
    return {
        "id": partition.pk,
        "kind": partition.kind,
        "timeframe": partition.timeframe,
        "span": str(span_of(partition)),
        "first_day": partition.first_day.isoformat(),
        "last_day": partition.last_day.isoformat(),
        "version": partition.version,
        "status": partition.status,
        "path": partition.path,
        "rows": partition.rows,
        "size": partition.size,
        "sha256": partition.sha256,
        "digest": partition.digest,
        "sealed_at": partition.sealed_at.isoformat(),
    }
