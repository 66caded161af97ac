"""Ticks: single trades as an exchange reported them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from marketdata.models.batch import IngestBatch
from marketdata.models.instrument import Instrument
from tradingsite.core.fields import PriceField, VolumeField
from tradingsite.core.visibility import EverybodysQuerySet


class Tick(models.Model):
    """One trade; the live buffer of days not yet sealed.

    Several trades at the same microsecond are told apart by `sequence`, which counts them from 0
    in the order in which the source has them. Foreign keys are as bars have them.
    """

    instrument = models.ForeignKey(
        Instrument, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    timestamp = models.DateTimeField(help_text="When it was traded, UTC, to the microsecond.")
    sequence = models.PositiveIntegerField(default=0, help_text="Its place among the trades of that microsecond.")
    price = PriceField()
    size = VolumeField(help_text="Units traded; bars add it up as volume.")
    exchange = models.CharField(max_length=16, blank=True, help_text="Where, as the source calls it.")
    condition = models.CharField(max_length=32, blank=True, help_text="The exchange's codes of the trade.")
    batch = models.ForeignKey(
        IngestBatch,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="The batch that last wrote the tick.",
    )

    objects = EverybodysQuerySet["Tick"].as_manager()

    class Meta:
        db_table = "ticks"
        ordering = ["instrument_id", "timestamp", "sequence"]
        default_permissions = ("view", "add")
        constraints = [
            models.UniqueConstraint(fields=["instrument", "timestamp", "sequence"], name="ticks_unique"),
            models.CheckConstraint(condition=Q(size__gte=0), name="ticks_size"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} {self.timestamp:%Y-%m-%d %H:%M:%S.%f} #{self.sequence}"
