"""Roles: Django's groups under the word that people use."""

from django.contrib.auth.models import Group


class Role(Group):
    """A named set of permissions; the built-in ones are the table in `accounts/roles.py`."""

    class Meta:
        proxy = True
        verbose_name = "role"
        default_permissions = ("view", "add", "change")
