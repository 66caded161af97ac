"""Log-ins over the API: what a person's JSON web tokens hang on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from tradingsite.core import clock
from tradingsite.core.visibility import NOTHING, ScopedQuerySet

if TYPE_CHECKING:
    from tradingsite.core.actor import Actor


class LoginEnd(models.TextChoices):
    """Why a log-in ended before its time."""

    LOGOUT = "logout", "Logged out"
    PASSWORD = "password", "Password changed"
    DEMOTION = "demotion", "Rights taken away"
    DEACTIVATION = "deactivation", "Deactivated"
    REUSE = "reuse", "Refresh token used twice"
    FACTOR = "factor", "Second factor reset"
    EMAIL = "email", "E-mail changed"


class LoginSessionQuerySet(ScopedQuerySet["LoginSession"]):
    """Seen by the user whose they are; through a key that is bound to a portfolio by nobody."""

    def scope(self, actor: Actor) -> Q:
        return Q(user=actor.user_id) if actor.portfolio_id is None else NOTHING


class LoginSession(models.Model):
    """One log-in: its tokens are good while it has not ended. A refresh token is good once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="login_sessions")
    public_id = models.CharField(max_length=32, unique=True, editable=False)
    refresh_id = models.CharField(
        max_length=32, editable=False, help_text="The id of the one refresh token that is still good."
    )
    started_at = models.DateTimeField(default=clock.now, editable=False)
    refreshed_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    end_reason = models.CharField(max_length=12, choices=LoginEnd.choices, blank=True, editable=False)
    address = models.GenericIPAddressField(null=True, editable=False)
    user_agent = models.CharField(max_length=200, blank=True, editable=False)

    #: Kept out of the audit trail.
    secret_columns = frozenset({"refresh_id"})

    objects = LoginSessionQuerySet.as_manager()

    class Meta:
        db_table = "login_sessions"
        verbose_name = "log-in"
        ordering = ["-id"]
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return f"log-in of {self.user} at {self.started_at:%Y-%m-%d %H:%M}"

    def is_alive(self, at: datetime) -> bool:
        """Neither ended nor expired at that moment."""
        return self.ended_at is None and at < self.expires_at
