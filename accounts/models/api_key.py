"""API keys: the id and an HMAC are stored, never the key."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models

from tradingsite.core import clock
from tradingsite.core.visibility import OwnedQuerySet


class ApiKey(models.Model):
    """A bot's or notebook's way in: `tsk_<id>_<secret><crc>`, shown once when made."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=100, help_text="What uses the key, as in nightly import.")
    public_id = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False, help_text="HMAC-SHA256 of the key, in hexadecimal.")
    pepper = models.PositiveSmallIntegerField(
        editable=False, help_text="The number of the pepper that made the digest."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    #: Kept out of the audit trail.
    secret_columns = frozenset({"digest", "pepper"})

    objects = OwnedQuerySet["ApiKey"].as_manager()

    class Meta:
        db_table = "api_keys"
        verbose_name = "API key"
        ordering = ["-id"]
        default_permissions = ("view", "add", "change")

    def __str__(self) -> str:
        return f"{self.name} (tsk_{self.public_id})"

    def is_usable(self, at: datetime) -> bool:
        """Neither revoked nor expired at that moment."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)
