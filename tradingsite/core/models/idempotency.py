"""What was answered to a request that may come again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from tradingsite.core import clock
from tradingsite.core.fields import PlainJSONField
from tradingsite.core.visibility import ScopedQuerySet

if TYPE_CHECKING:
    from tradingsite.core.actor import Actor

#: How long an answer is kept.
KEPT = timedelta(hours=24)


def expiry() -> datetime:
    """When what is answered now is forgotten."""
    return clock.now() + KEPT


class IdempotencyKeyQuerySet(ScopedQuerySet["IdempotencyKey"]):
    """Everybody's own."""

    def scope(self, actor: Actor) -> Q:
        return Q(user=actor.user_id)


class IdempotencyKey(models.Model):
    """An `Idempotency-Key` with what was asked and what was answered, committed with the effect."""

    # Made here, not by the database: its INSERT asks for no id back and can so carry a time limit.
    digest = models.CharField(
        max_length=64,
        primary_key=True,
        help_text="SHA-256 over the user, the portfolio that their API key is bound to, and the text of the key.",
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    path = models.CharField(max_length=255, help_text="What it was sent to, for people; cut when it is longer.")
    fingerprint = models.CharField(
        max_length=64, help_text="SHA-256 over the method, the path with its query, the kind of body and the body."
    )
    status_code = models.PositiveSmallIntegerField(
        default=0, help_text="Of the answer; 0 in a claim, which nobody sees."
    )
    headers = PlainJSONField(default=dict, help_text="Those of the answer that belong to what it says.")
    answer = models.BinaryField(default=bytes, help_text="The body of the answer.")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(default=expiry, editable=False)

    objects = IdempotencyKeyQuerySet.as_manager()

    class Meta:
        db_table = "idempotency_keys"
        verbose_name = "idempotency key"
        ordering = ["digest"]
        default_permissions = ()
        indexes = [models.Index(fields=["expires_at"], name="idempotency_expiry")]

    def __str__(self) -> str:
        return f"{self.digest[:12]} on {self.path}"
