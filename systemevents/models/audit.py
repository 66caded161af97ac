"""Who did what to what: append-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from tradingsite.core import clock
from tradingsite.core.actor import Front
from tradingsite.core.fields import PlainJSONField
from tradingsite.core.visibility import ScopedQuerySet

if TYPE_CHECKING:
    from tradingsite.core.actor import Actor


class AuditLogQuerySet(ScopedQuerySet["AuditLog"]):
    """Everybody sees what they did themselves; `core.view_all` sees all; a key bound to a portfolio what it did."""

    def scope(self, actor: Actor) -> Q:
        own = Q(actor=actor.user_id)
        return own if actor.portfolio_id is None else own & Q(key_id=actor.key_id)


class AuditLog(models.Model):
    """One thing that was done, written in the same transaction as the thing itself."""

    occurred_at = models.DateTimeField("when", default=clock.now, editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="The user; empty when the software itself acted.",
    )
    actor_label = models.CharField("who", max_length=200, help_text="The actor's name at that time.")
    key_id = models.CharField("API key", max_length=16, blank=True, help_text="The public id of the key used.")
    front = models.CharField("through", max_length=10, choices=Front.choices)
    action = models.CharField(max_length=60, help_text="What was done, as in watchlist.symbol_added.")
    object_type = models.CharField(max_length=60, blank=True, help_text="The table of the object.")
    object_id = models.CharField(max_length=64, blank=True)
    object_label = models.CharField("object", max_length=200, blank=True)
    before = PlainJSONField(null=True, help_text="The changed columns as they were.")
    after = PlainJSONField(null=True, help_text="The changed columns as they are now.")
    request_id = models.CharField(max_length=64, blank=True)
    address = models.GenericIPAddressField(null=True)

    objects = AuditLogQuerySet.as_manager()

    class Meta:
        db_table = "audit_logs"
        verbose_name = "audit entry"
        verbose_name_plural = "audit trail"
        ordering = ["-id"]
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["actor", "-id"], name="audit_actor"),
            models.Index(fields=["object_type", "object_id", "-id"], name="audit_object"),
            models.Index(fields=["action", "-id"], name="audit_action"),
            models.Index(fields=["occurred_at"], name="audit_when"),
            models.Index(fields=["actor_label", "-id"], name="audit_who"),
            models.Index(fields=["key_id", "-id"], name="audit_key"),
            models.Index(fields=["request_id"], name="audit_request"),
            models.Index(fields=["address", "-id"], name="audit_address"),
            models.Index(fields=["front", "-id"], name="audit_front"),
            models.Index(fields=["object_id", "-id"], name="audit_object_id"),
            models.Index(fields=["actor", "action", "-id"], name="audit_own_action"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_label} {self.action} {self.object_label}".strip()
