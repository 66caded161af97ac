"""Splits and dividends: the one truth that adjustment, positions and dividends read."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from marketdata.models.batch import IngestBatch
from marketdata.models.instrument import Instrument
from tradingsite.core import clock
from tradingsite.core.fields import PriceField
from tradingsite.core.visibility import EverybodysQuerySet


class ActionKind(models.TextChoices):
    SPLIT = "split", "Split"
    DIVIDEND = "dividend", "Dividend"


class CorporateAction(models.Model):
    """A split of `new_shares` for `old_shares`, or a dividend of `amount` a share.

    What turns out wrong is retracted and entered anew, never edited, so that it can be told what
    was known when. `number` tells the actions of one kind and day apart (a regular and a special
    dividend), and is null once retracted, so that there is one of each at a time.
    """

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=ActionKind.choices)
    ex_date = models.DateField(help_text="The first session that trades without it, at the exchange.")
    number = models.PositiveSmallIntegerField(
        null=True, blank=True, default=1, help_text="Which of the day's of its kind; none once retracted."
    )
    new_shares = models.PositiveBigIntegerField(null=True, blank=True, help_text="Of a split: 4 in 4:1.")
    old_shares = models.PositiveBigIntegerField(null=True, blank=True, help_text="Of a split: 1 in 4:1.")
    amount = PriceField(null=True, blank=True, help_text="Of a dividend: cash a share.")
    currency = models.CharField(max_length=3, blank=True, help_text="Of a dividend: ISO 4217, as in USD.")
    pay_date = models.DateField(null=True, blank=True)
    known_at = models.DateTimeField(default=clock.now, help_text="When it became known; not used for what was before.")
    source = models.CharField(max_length=255, blank=True, help_text="Where it comes from.")
    batch = models.ForeignKey(
        IngestBatch, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    recorded_at = models.DateTimeField(default=clock.now, editable=False)
    retracted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = EverybodysQuerySet["CorporateAction"].as_manager()

    class Meta:
        db_table = "corporate_actions"
        verbose_name = "corporate action"
        ordering = ["instrument_id", "ex_date", "id"]
        default_permissions = ("view", "add", "change")
        constraints = [
            models.UniqueConstraint(
                fields=["instrument", "kind", "ex_date", "number"], name="corporate_actions_unique"
            ),
            models.CheckConstraint(
                # A comparison with null is not false: said apart, or a split without its ratio would pass.
                condition=Q(kind="split", amount__isnull=True)
                & Q(new_shares__isnull=False, old_shares__isnull=False)
                & Q(new_shares__gt=0, old_shares__gt=0)
                | Q(kind="dividend", new_shares__isnull=True, old_shares__isnull=True)
                & Q(amount__isnull=False, amount__gt=0),
                name="corporate_actions_kind",
            ),
            models.CheckConstraint(
                condition=Q(retracted_at__isnull=True, number__isnull=False)
                | Q(retracted_at__isnull=False, number__isnull=True),
                name="corporate_actions_number",
            ),
        ]

    def __str__(self) -> str:
        what = f"{self.new_shares}:{self.old_shares}" if self.kind == ActionKind.SPLIT else f"of {self.amount}"
        return f"{self.instrument} {self.kind} {what} on {self.ex_date}"
