"""Where bars came from."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from tradingsite.core import clock
from tradingsite.core.timeframes import Timeframe
from tradingsite.core.visibility import EverybodysQuerySet


class PriceBasis(models.TextChoices):
    """How the prices of a source are adjusted."""

    RAW = "raw", "Raw, as traded"
    SPLIT = "split", "Adjusted for splits"
    ALL = "all", "Adjusted for splits and dividends"


class BatchKind(models.TextChoices):
    """What a batch is of."""

    BARS = "bars", "Bars"
    TICKS = "ticks", "Ticks"
    ACTIONS = "actions", "Corporate actions"


class BatchStatus(models.TextChoices):
    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    FAILED = "failed", "Failed"


class IngestBatch(models.Model):
    """One load of bars, ticks or corporate actions from one source, with counts that add up.

    read = inserted + updated + unchanged + rejected, at every moment: each chunk's counts
    are committed with its bars, so that a batch that was killed says what it loaded.
    """

    source = models.CharField(max_length=255, help_text="The file's name, or what else the bars came from.")
    kind = models.CharField(max_length=8, choices=BatchKind.choices, default=BatchKind.BARS)
    timeframe = models.CharField(max_length=4, choices=Timeframe.choices, blank=True, help_text="Of bars.")
    price_basis = models.CharField("prices", max_length=8, choices=PriceBasis.choices, default=PriceBasis.RAW)
    status = models.CharField(max_length=10, choices=BatchStatus.choices, default=BatchStatus.RUNNING)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_constraint=False
    )
    started_at = models.DateTimeField(default=clock.now, editable=False)
    finished_at = models.DateTimeField(null=True)
    read = models.PositiveBigIntegerField(default=0)
    inserted = models.PositiveBigIntegerField(default=0)
    updated = models.PositiveBigIntegerField(default=0)
    unchanged = models.PositiveBigIntegerField(default=0)
    rejected = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 over the accepted rows, in hexadecimal.")
    error = models.TextField(blank=True, help_text="Why the batch failed.")
    is_derived = models.BooleanField(
        "derived", default=False, help_text="No source said these bars: they were made of shorter ones."
    )
    reverted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = EverybodysQuerySet["IngestBatch"].as_manager()

    class Meta:
        db_table = "ingest_batches"
        verbose_name = "ingest batch"
        verbose_name_plural = "ingest batches"
        ordering = ["-id"]
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(read=F("inserted") + F("updated") + F("unchanged") + F("rejected")),
                name="ingest_batches_add_up",
            )
        ]

    def __str__(self) -> str:
        return f"batch {self.pk} of {self.source}"
