"""The manifest of the archive: which file holds which days, and where in it a symbol lies.

What is not on the manifest does not exist for readers, whatever lies in the folder.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from marketdata.models.bar import INTRADAY_CHOICES
from marketdata.models.instrument import Instrument
from tradingsite.core import clock
from tradingsite.core.visibility import EverybodysQuerySet


class ArchiveKind(models.TextChoices):
    BARS = "bars", "Bars"
    TICKS = "ticks", "Ticks"


class PartitionStatus(models.TextChoices):
    """A partition is current until another holds its days; then its file is kept, or removed as a duplicate."""

    CURRENT = "current", "Current"
    SUPERSEDED = "superseded", "Superseded"
    REDUNDANT = "redundant", "Redundant"
    REMOVED = "removed", "Removed"


class ArchivePartition(models.Model):
    """One sealed file: all rows of a kind and timeframe that start from `first_day` to `last_day` (UTC).

    The days of current partitions of a kind and timeframe never overlap. `path` is below
    ARCHIVE_ROOT; the file of a superseded one is kept below `superseded/` there. A redundant one's
    rows are all in the partition that a compaction made of it: its file goes after the grace period.
    """

    kind = models.CharField(max_length=5, choices=ArchiveKind.choices)
    timeframe = models.CharField(max_length=4, choices=INTRADAY_CHOICES, blank=True, help_text="Empty for ticks.")
    first_day = models.DateField()
    last_day = models.DateField()
    version = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=10, choices=PartitionStatus.choices, default=PartitionStatus.CURRENT)
    # Null unless current: unique on every engine, as a conditional constraint would not be.
    current_key = models.CharField(max_length=64, null=True, unique=True, editable=False)
    path = models.CharField(max_length=200, unique=True)
    rows = models.PositiveBigIntegerField()
    size = models.PositiveBigIntegerField(help_text="Bytes of the file.")
    sha256 = models.CharField("SHA-256", max_length=64, help_text="Of the file.")
    footer_size = models.PositiveBigIntegerField(help_text="Bytes of the file's end that say what is where in it.")
    footer_sha256 = models.CharField("SHA-256 of the footer", max_length=64)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the rows, whatever file they lie in.")
    schema_version = models.PositiveSmallIntegerField()
    sealed_at = models.DateTimeField(default=clock.now)
    superseded_at = models.DateTimeField(null=True, blank=True)
    superseded_by = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects = EverybodysQuerySet["ArchivePartition"].as_manager()

    class Meta:
        db_table = "archive_partitions"
        verbose_name = "archive partition"
        ordering = ["kind", "timeframe", "first_day", "version"]
        default_permissions = ("view", "add")
        indexes = [models.Index(fields=["status", "kind", "timeframe", "first_day"], name="archive_partitions_current")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "timeframe", "first_day", "last_day", "version"], name="archive_partitions_version"
            ),
            models.CheckConstraint(condition=Q(first_day__lte=F("last_day")), name="archive_partitions_days"),
            models.CheckConstraint(
                condition=Q(status="current", current_key__isnull=False, superseded_at__isnull=True)
                | (~Q(status="current") & Q(current_key__isnull=True, superseded_at__isnull=False)),
                name="archive_partitions_status",
            ),
        ]

    def __str__(self) -> str:
        return str(self.path)


class ArchiveRowGroup(models.Model):
    """Where an instrument's rows lie in a partition's file: in this row group, from this row of it on.

    Finds a symbol's bytes without opening a footer, and answers what the archive covers.
    """

    partition = models.ForeignKey(ArchivePartition, on_delete=models.CASCADE, related_name="row_groups")
    instrument = models.ForeignKey(
        Instrument, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    group = models.PositiveIntegerField(help_text="Number of the row group in the file, from 0.")
    offset = models.PositiveBigIntegerField(help_text="The first of its rows in the group, from 0.")
    rows = models.PositiveBigIntegerField()
    first = models.DateTimeField(help_text="Time of its first row.")
    last = models.DateTimeField(help_text="Time of its last row.")

    objects = EverybodysQuerySet["ArchiveRowGroup"].as_manager()

    class Meta:
        db_table = "archive_row_groups"
        verbose_name = "archive row group"
        ordering = ["partition_id", "group", "offset"]
        default_permissions = ()
        indexes = [models.Index(fields=["instrument", "partition"], name="archive_row_groups_instrument")]
        constraints = [
            models.UniqueConstraint(fields=["partition", "group", "offset"], name="archive_row_groups_place"),
            models.CheckConstraint(condition=Q(first__lte=F("last"), rows__gt=0), name="archive_row_groups_range"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} in group {self.group} of {self.partition}"
