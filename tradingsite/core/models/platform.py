"""Permissions that belong to the platform, not to one table."""

from django.db import models


class Platform(models.Model):
    """Carries the platform's permissions; it has no table and no rows."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_all", "Can see everybody's rows")]

    def __str__(self) -> str:
        return "platform"
