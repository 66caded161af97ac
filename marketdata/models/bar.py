"""Bars: open, high, low, close and volume of an interval.

Neither the foreign keys nor an index of their own back the columns `instrument` and `batch`
in the database: the constraint costs half of the bulk load on PostgreSQL, and the unique
constraint, which begins with the instrument, serves look-ups (`docs/databases.md`).
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from marketdata.models.batch import IngestBatch
from marketdata.models.instrument import Instrument
from tradingsite.core.fields import PriceField, VolumeField
from tradingsite.core.timeframes import INTRADAY, Timeframe
from tradingsite.core.visibility import EverybodysQuerySet

INTRADAY_CHOICES = [choice for choice in Timeframe.choices if choice[0] in INTRADAY]


class Bar(models.Model):
    """What daily and intraday bars share. Optional columns are null where no source told them."""

    instrument = models.ForeignKey(
        Instrument, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    open = PriceField()
    high = PriceField()
    low = PriceField()
    close = PriceField()
    volume = VolumeField(null=True, blank=True)
    batch = models.ForeignKey(
        IngestBatch,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="The batch that last wrote the bar.",
    )

    class Meta:
        abstract = True


class DailyBar(Bar):
    """The bar of one session, dated by the exchange's calendar."""

    date = models.DateField(help_text="The session's date at the exchange.")
    dividends = PriceField(null=True, blank=True, help_text="Cash a share with this ex-date, as the source said.")
    stock_splits = PriceField(null=True, blank=True, help_text="Split ratio with this ex-date, as the source said.")

    objects = EverybodysQuerySet["DailyBar"].as_manager()

    class Meta:
        db_table = "daily_data"
        verbose_name = "daily bar"
        ordering = ["instrument_id", "date"]
        default_permissions = ("view", "add", "change")
        constraints = [
            models.UniqueConstraint(fields=["instrument", "date"], name="daily_data_unique"),
            models.CheckConstraint(
                condition=Q(low__lte=F("open"))
                & Q(open__lte=F("high"))
                & Q(low__lte=F("close"))
                & Q(close__lte=F("high")),
                name="daily_data_ohlc",
            ),
            models.CheckConstraint(condition=Q(volume__isnull=True) | Q(volume__gte=0), name="daily_data_volume"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} {self.date}"


class IntradayBar(Bar):
    """A bar within a session; its time is its start, in UTC."""

    timeframe = models.CharField(max_length=4, choices=INTRADAY_CHOICES)
    timestamp = models.DateTimeField(help_text="Start of the interval, UTC.")
    vwap = PriceField(null=True, blank=True, help_text="Volume-weighted average price.")
    trade_count = models.PositiveBigIntegerField(null=True, blank=True)

    objects = EverybodysQuerySet["IntradayBar"].as_manager()

    class Meta:
        db_table = "intraday_data"
        verbose_name = "intraday bar"
        ordering = ["instrument_id", "timeframe", "timestamp"]
        default_permissions = ("view", "add", "change")
        constraints = [
            models.UniqueConstraint(fields=["instrument", "timeframe", "timestamp"], name="intraday_data_unique"),
            models.CheckConstraint(
                condition=Q(low__lte=F("open"))
                & Q(open__lte=F("high"))
                & Q(low__lte=F("close"))
                & Q(close__lte=F("high")),
                name="intraday_data_ohlc",
            ),
            models.CheckConstraint(condition=Q(volume__isnull=True) | Q(volume__gte=0), name="intraday_data_volume"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} {self.timeframe} {self.timestamp:%Y-%m-%d %H:%M}"
