"""Log-ins that failed: what the lockout counts."""

from __future__ import annotations

from django.db import models

from tradingsite.core.visibility import StaffQuerySet


class LoginFailures(models.Model):
    """Failed log-ins in a row under one name from one place; gone with a good one.

    The name is kept as a digest: people type passwords where the name belongs, and a name that
    nobody has must look like one that somebody has.
    """

    name_digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the user name.")
    place = models.CharField(max_length=40, editable=False, help_text="The address; of IPv6 its network.")
    failures = models.PositiveIntegerField(default=0, editable=False)
    last_failed_at = models.DateTimeField(editable=False, db_index=True)
    locked_until = models.DateTimeField(null=True, editable=False)

    objects = StaffQuerySet["LoginFailures"].as_manager()

    class Meta:
        db_table = "login_failures"
        verbose_name = "failed log-ins"
        verbose_name_plural = "failed log-ins"
        ordering = ["-id"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["name_digest", "place"], name="login_failures_once")]

    def __str__(self) -> str:
        return f"{self.failures} failed log-ins from {self.place}"
