"""What people set for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from tradingsite.core.fields import PlainJSONField
from tradingsite.core.visibility import ScopedQuerySet

if TYPE_CHECKING:
    from tradingsite.core.actor import Actor


class Theme(models.TextChoices):
    AUTO = "auto", "As the system"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class UserSettingsQuerySet(ScopedQuerySet["UserSettings"]):
    """Seen by the user whose they are."""

    def scope(self, actor: Actor) -> Q:
        return Q(user=actor.user_id)


class UserSettings(models.Model):
    """One user's settings; made with the user."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="settings")
    time_zone = models.CharField(
        max_length=64, default="UTC", help_text="In which times are shown, as in America/New_York. Stored in UTC."
    )
    theme = models.CharField(max_length=5, choices=Theme.choices, default=Theme.AUTO)
    # By name, as with the portfolio of a key: it points up.
    default_portfolio = models.ForeignKey(
        "portfolio.Portfolio",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The one that is shown first.",
    )
    notifications = PlainJSONField(default=dict, blank=True, help_text="What to be told of by e-mail.")

    objects = UserSettingsQuerySet.as_manager()

    class Meta:
        db_table = "user_settings"
        verbose_name = "settings of a user"
        verbose_name_plural = "settings of users"
        ordering = ["user_id"]
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return f"settings of {self.user}"
