"""API keys: the id and an HMAC are stored, never the key."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from tradingsite.core import clock
from tradingsite.core.fields import MoneyField, PlainJSONField
from tradingsite.core.visibility import OwnedQuerySet

if TYPE_CHECKING:
    from accounts.scopes import KeyRights
    from tradingsite.core.actor import Actor


class ApiKeyQuerySet(OwnedQuerySet["ApiKey"]):
    """Seen by the owner; a key that is bound to a portfolio sees itself only."""

    def scope(self, actor: Actor) -> Q:
        own = super().scope(actor)
        return own if actor.portfolio_id is None else own & Q(public_id=actor.key_id)


class ApiKey(models.Model):
    """A bot's or notebook's way in: `tsk_<id>_<secret><crc>`, shown once when made."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=100, help_text="What uses the key, as in nightly import.")
    public_id = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False, help_text="HMAC-SHA256 of the key, in hexadecimal.")
    pepper = models.PositiveSmallIntegerField(
        editable=False, help_text="The number of the pepper that made the digest."
    )
    scopes = PlainJSONField(null=True, blank=True, help_text="Empty: the owner's rights, but administration.")
    allowed_addresses = PlainJSONField(
        null=True, blank=True, help_text="Networks that it works from, as in 10.0.0.0/8. Empty: from anywhere."
    )
    # By name: the one foreign key that points up. The database keeps it whole; no module is imported.
    portfolio = models.ForeignKey(
        "portfolio.Portfolio",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The only portfolio that it sees. Empty: all that its owner sees.",
    )
    symbols = PlainJSONField(null=True, blank=True, help_text="The symbols that it may trade. Empty: all.")
    daily_notional = MoneyField(
        null=True, blank=True, help_text="What it may trade a day, in the portfolio's currency. Empty: no limit."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    rotated_to = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, editable=False, related_name="+", help_text="The key that follows."
    )
    overlap_until = models.DateTimeField(
        null=True, editable=False, help_text="When a rotated key ends in favour of the one that follows."
    )
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    #: What the key may do now; there when the key was found by its text.
    rights: KeyRights | None = None

    #: Kept out of the audit trail.
    secret_columns = frozenset({"digest", "pepper"})

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        db_table = "api_keys"
        verbose_name = "API key"
        ordering = ["-id"]
        default_permissions = ("view", "add", "change")

    def __str__(self) -> str:
        return f"{self.name} (tsk_{self.public_id})"

    @property
    def ends_at(self) -> datetime | None:
        """When it stops working by itself: it expires, or its rotation is over; None for never."""
        ends = [moment for moment in (self.expires_at, self.overlap_until) if moment is not None]
        return min(ends, default=None)

    def is_usable(self, at: datetime) -> bool:
        """Neither revoked, nor expired, nor rotated away at that moment."""
        return self.revoked_at is None and (self.ends_at is None or at < self.ends_at)

    def state(self, at: datetime) -> str:
        """In a word: active, rotating, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        if not self.is_usable(at):
            return "expired"
        return "active" if self.rotated_to_id is None else "rotating"

    def may_come_from(self, address: str | None) -> bool:
        """Whether calls from this address are let in; from an unknown one only where no network is named."""
        if self.allowed_addresses is None:
            return True
        if address is None:
            return False
        comes_from = ip_address(address)
        return any(comes_from in ip_network(network) for network in self.allowed_addresses)
