"""What bars were before they changed, and jumps that nothing explains."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from marketdata.models.batch import IngestBatch
from marketdata.models.instrument import Instrument
from tradingsite.core import clock
from tradingsite.core.fields import PriceField, VolumeField
from tradingsite.core.timeframes import Timeframe
from tradingsite.core.visibility import EverybodysQuerySet


class BarRevision(models.Model):
    """The numbers of a bar until a batch changed it, wherever the bar lies, live or sealed.

    They were known from `known_from` (null: from the beginning) to before `known_until`. A bar
    that was not there before the batch has `existed` false and no numbers, so that reverting the
    batch takes it away again.
    """

    instrument = models.ForeignKey(
        Instrument, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    timeframe = models.CharField(max_length=4, choices=Timeframe.choices)
    start = models.DateTimeField(help_text="Start of the bar, UTC; of a daily bar its date's midnight.")
    existed = models.BooleanField(default=True)
    open = PriceField(null=True, blank=True)
    high = PriceField(null=True, blank=True)
    low = PriceField(null=True, blank=True)
    close = PriceField(null=True, blank=True)
    volume = VolumeField(null=True, blank=True)
    vwap = PriceField(null=True, blank=True)
    trade_count = models.PositiveBigIntegerField(null=True, blank=True)
    dividends = PriceField(null=True, blank=True)
    stock_splits = PriceField(null=True, blank=True)
    batch = models.ForeignKey(
        IngestBatch,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="The batch that had written these numbers.",
    )
    changed_by = models.ForeignKey(
        IngestBatch,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        help_text="The batch that changed them.",
    )
    known_from = models.DateTimeField(null=True, blank=True)
    known_until = models.DateTimeField(default=clock.now)

    objects = EverybodysQuerySet["BarRevision"].as_manager()

    class Meta:
        db_table = "bar_revisions"
        verbose_name = "bar revision"
        ordering = ["instrument_id", "timeframe", "start", "id"]
        default_permissions = ("view",)
        indexes = [models.Index(fields=["instrument", "timeframe", "start"], name="bar_revisions_bar")]
        constraints = [
            models.CheckConstraint(
                condition=Q(existed=False, close__isnull=True) | Q(existed=True, close__isnull=False),
                name="bar_revisions_existed",
            ),
            models.CheckConstraint(
                condition=Q(known_from__isnull=True) | Q(known_from__lte=F("known_until")),
                name="bar_revisions_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} {self.timeframe} {self.start:%Y-%m-%d %H:%M} until {self.known_until:%Y-%m-%d %H:%M}"


class Quarantine(models.Model):
    """A jump of an instrument's price that no corporate action explains.

    Until somebody accepts it nothing is filled or valued at the instrument's prices.
    """

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    timeframe = models.CharField(max_length=4, choices=Timeframe.choices)
    start = models.DateTimeField(help_text="Start of the bar that jumped, UTC.")
    close_before = PriceField(help_text="The close before the jump.")
    open_after = PriceField(help_text="The open after it.")
    batch = models.ForeignKey(IngestBatch, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    found_at = models.DateTimeField(default=clock.now, editable=False)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False
    )
    note = models.CharField(max_length=500, blank=True, help_text="Why it was accepted.")

    objects = EverybodysQuerySet["Quarantine"].as_manager()

    class Meta:
        db_table = "quarantines"
        ordering = ["-id"]
        default_permissions = ("view", "change")
        constraints = [
            models.UniqueConstraint(fields=["instrument", "timeframe", "start"], name="quarantines_unique"),
        ]

    def __str__(self) -> str:
        before, after = (f"{price.normalize():f}" for price in (self.close_before, self.open_after))
        return f"{self.instrument} from {before} to {after} on {self.start:%Y-%m-%d}"
