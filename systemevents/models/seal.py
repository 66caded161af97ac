"""Seals over the audit trail: append-only, each chained to the one before."""

from __future__ import annotations

from django.db import models

from tradingsite.core import clock
from tradingsite.core.fields import PlainJSONField
from tradingsite.core.visibility import StaffQuerySet


class AuditSeal(models.Model):
    """What some entries of the trail said when they were sealed; `canonical.py` says in which form."""

    number = models.BigIntegerField(primary_key=True, help_text="1 for the first, without gaps.")
    sealed_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveSmallIntegerField(help_text="Of the form in which entries were hashed.")
    ranges = PlainJSONField(help_text="The ids of its entries: first and last of each unbroken run.")
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    entries = models.PositiveIntegerField(help_text="How many entries it covers.")
    closed_through = models.BigIntegerField(
        help_text="Up to this id nothing is waited for any more: an entry that appears there was inserted."
    )
    digest = models.CharField(max_length=64, help_text="SHA-256 over the ids and digests of its entries.")
    fingerprints = models.BinaryField(help_text="The first eight bytes of each entry's digest, to name one.")
    key_name = models.CharField(max_length=16, help_text="Which AUDIT_SEAL_KEY, without telling it.")
    previous = models.CharField(max_length=64, blank=True, help_text="The code of the seal before.")
    code = models.CharField(max_length=64, help_text="HMAC-SHA256 over all of the above.")

    objects = StaffQuerySet["AuditSeal"].as_manager()

    class Meta:
        db_table = "audit_seals"
        verbose_name = "audit seal"
        ordering = ["number"]
        default_permissions = ()
        indexes = [models.Index(fields=["last_id"], name="seal_last")]

    def __str__(self) -> str:
        return f"Seal {self.number}: entries {self.first_id} to {self.last_id}"
