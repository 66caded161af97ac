"""Signals: what a model or a person said about a symbol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from portfolio.models import Portfolio
from portfolio.models.portfolio import OwnedOrSharedQuerySet, grants_of_owned_or_shared
from tradingsite.core import clock
from tradingsite.core.fields import PlainJSONField, PriceField, SymbolField
from tradingsite.core.timeframes import Timeframe

if TYPE_CHECKING:
    from tradingsite.core.actor import Actor
    from tradingsite.core.grants import Grant


class SignalType(models.TextChoices):
    BUY = "BUY", "Buy"
    SELL = "SELL", "Sell"
    HOLD = "HOLD", "Hold"


class Signal(models.Model):
    """One signal, kept as it was given."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="signals")
    portfolio = models.ForeignKey(
        Portfolio,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="signals",
        help_text="Shares the signal with the portfolio's members.",
    )
    symbol = SymbolField()
    date = models.DateField(help_text="The session that the signal is for.")
    timeframe = models.CharField(max_length=4, choices=Timeframe.choices, default=Timeframe.DAY_1)
    generated_at = models.DateTimeField(default=clock.now, help_text="When the signal was made, UTC.")
    signal_type = models.CharField("signal", max_length=4, choices=SignalType.choices)
    signal_value = PriceField(null=True, blank=True, help_text="The model's raw output.")
    confidence = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="0 to 100.",
    )
    entry_price = PriceField(null=True, blank=True)
    target_price = PriceField(null=True, blank=True)
    stop_loss = PriceField(null=True, blank=True)
    regime = models.CharField(max_length=40, blank=True, help_text="The market's state, as in trending, ranging.")
    reasons = PlainJSONField(default=list, blank=True, help_text="A list of sentences.")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = OwnedOrSharedQuerySet["Signal"].as_manager()

    class Meta:
        db_table = "signal_history"
        verbose_name = "signal"
        ordering = ["-id"]
        default_permissions = ("view", "add")
        constraints = [
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__gte=0, confidence__lte=100),
                name="signal_history_confidence",
            )
        ]
        indexes = [
            models.Index(fields=["owner", "symbol", "-date"], name="signal_owner_symbol"),
            models.Index(fields=["portfolio", "symbol", "-date"], name="signal_portfolio_symbol"),
        ]

    def __str__(self) -> str:
        return f"{self.signal_type} {self.symbol} {self.date}"

    def grants_for(self, actor: Actor) -> frozenset[Grant]:
        return grants_of_owned_or_shared(self.owner_id, self.portfolio, actor)
