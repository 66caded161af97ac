"""What can be looked at and traded."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from marketdata.calendars import ALWAYS, FX
from tradingsite.core import clock
from tradingsite.core.fields import MoneyField, PriceField, QuantityField, SymbolField
from tradingsite.core.visibility import EverybodysQuerySet


class AssetClass(models.TextChoices):
    EQUITY = "equity", "Equity"
    ETF = "etf", "ETF"
    INDEX = "index", "Index"
    FUTURE = "future", "Future"
    SPREAD = "spread", "Spread"
    OPTION = "option", "Option"
    BOND = "bond", "Bond"
    FX = "fx", "FX"
    CRYPTO = "crypto", "Crypto"


#: Asset classes whose prices can be zero or below (oil in April 2020, calendar spreads).
CAN_GO_NEGATIVE = frozenset({AssetClass.FUTURE, AssetClass.SPREAD})

# Whose hours are the same everywhere: there is no exchange to name.
_CALENDARS: dict[str, str] = {AssetClass.FX: FX, AssetClass.CRYPTO: ALWAYS}


class Instrument(models.Model):
    """One instrument; other apps name it by its symbol, never by foreign key.

    Without calendar and currency it can be looked at but not traded.
    """

    symbol = SymbolField(unique=True, help_text="Upper-case, as in AAPL, BRK.B, ^GSPC, EUR/USD.")
    company_name = models.CharField("name", max_length=200, blank=True)
    asset_class = models.CharField(max_length=10, choices=AssetClass.choices, default=AssetClass.EQUITY)
    exchange = models.CharField(max_length=32, blank=True, help_text="As in NASDAQ, NYSE, CME.")
    calendar = models.CharField(
        max_length=32, blank=True, help_text="The exchange calendar of its sessions, as in XNYS; 24/7 for crypto."
    )
    currency = models.CharField(max_length=3, blank=True, help_text="ISO 4217, as in USD.")
    time_zone = models.CharField(max_length=64, blank=True, help_text="IANA name, as in America/New_York.")
    sector = models.CharField(max_length=100, blank=True)
    industry = models.CharField(max_length=100, blank=True)
    market_cap = MoneyField(null=True, blank=True, help_text="In the instrument's currency.")
    tick_size = PriceField(null=True, blank=True, help_text="Smallest price step.")
    quantity_step = QuantityField(null=True, blank=True, help_text="Smallest quantity step.")
    lot_size = QuantityField(default=1, validators=[MinValueValidator(0)], help_text="Units in one lot.")
    multiplier = QuantityField(default=1, help_text="Money a price point moves one unit by.")
    is_simulated = models.BooleanField("simulated", default=False, help_text="Its prices come from the simulator.")
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = EverybodysQuerySet["Instrument"].as_manager()

    class Meta:
        db_table = "metadata"
        verbose_name = "instrument"
        ordering = ["symbol"]
        default_permissions = ("view", "add", "change")
        constraints = [
            models.CheckConstraint(condition=Q(lot_size__gt=0), name="metadata_lot_size"),
            models.CheckConstraint(condition=Q(multiplier__gt=0), name="metadata_multiplier"),
            models.CheckConstraint(condition=Q(tick_size__isnull=True) | Q(tick_size__gt=0), name="metadata_tick_size"),
            models.CheckConstraint(
                condition=Q(quantity_step__isnull=True) | Q(quantity_step__gt=0), name="metadata_quantity_step"
            ),
        ]

    def __str__(self) -> str:
        return str(self.symbol)

    @property
    def session_calendar(self) -> str:
        """The calendar of its sessions: its own, else that of currencies or of what never closes; else empty."""
        return self.calendar or _CALENDARS.get(self.asset_class, "")

    @property
    def is_tradable(self) -> bool:
        """Active, with a calendar and a currency."""
        return self.is_active and bool(self.calendar) and bool(self.currency)
