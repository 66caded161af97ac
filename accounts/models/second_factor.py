"""The second factor: one-time passwords by an app, and codes for when it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from tradingsite.core import clock
from tradingsite.core.visibility import ScopedQuerySet

if TYPE_CHECKING:
    from tradingsite.core.actor import Actor


class SecondFactorQuerySet(ScopedQuerySet["SecondFactor"]):
    """Seen by the user whose it is."""

    def scope(self, actor: Actor) -> Q:
        return Q(user=actor.user_id)


class SecondFactor(models.Model):
    """A user's TOTP (RFC 6238); asked for once it is confirmed."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="second_factor")
    secret = models.TextField(editable=False, help_text="Encrypted.")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    last_step = models.BigIntegerField(
        null=True, editable=False, help_text="The time step of the last code that was taken: none is taken twice."
    )
    failures = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="Wrong codes of the app since the last right one."
    )
    refused_until = models.DateTimeField(
        null=True, editable=False, help_text="Until when codes of the app are refused, after too many wrong ones."
    )

    objects = SecondFactorQuerySet.as_manager()

    class Meta:
        db_table = "second_factors"
        verbose_name = "second factor"
        ordering = ["user_id"]
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return f"second factor of {self.user}"


class RecoveryCodeQuerySet(ScopedQuerySet["RecoveryCode"]):
    """Seen by the user whose they are."""

    def scope(self, actor: Actor) -> Q:
        return Q(user=actor.user_id)


class RecoveryCode(models.Model):
    """A code that stands in for the second factor, once; only its digest is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="recovery_codes")
    digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

    #: Kept out of the audit trail.
    secret_columns = frozenset({"digest"})

    objects = RecoveryCodeQuerySet.as_manager()

    class Meta:
        db_table = "recovery_codes"
        verbose_name = "recovery code"
        ordering = ["id"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_codes_once")]

    def __str__(self) -> str:
        return f"recovery code of {self.user}"
