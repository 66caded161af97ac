"""Ways to become a user: an invitation by staff, or a registration that an e-mail confirms."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from accounts.models.fields import EmailAddressField, UsernameField
from tradingsite.core import clock
from tradingsite.core.fields import PlainJSONField
from tradingsite.core.visibility import OwnedQuerySet, StaffQuerySet


class Invitation(models.Model):
    """A way in for one person, with the roles they will have; its token is stored as a digest."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="invitations", help_text="Who invites."
    )
    email = EmailAddressField("e-mail", help_text="Where the invitation is sent.")
    roles = PlainJSONField(default=list, blank=True, help_text="Names of roles. Empty: viewer.")
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    accepted_at = models.DateTimeField(null=True, blank=True, editable=False)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    #: Kept out of the audit trail.
    secret_columns = frozenset({"token_digest"})

    objects = OwnedQuerySet.as_manager()

    class Meta:
        db_table = "invitations"
        verbose_name = "invitation"
        ordering = ["-id"]
        default_permissions = ("view", "add", "change")

    def __str__(self) -> str:
        return f"invitation of {self.email}"


class Registration(models.Model):
    """Somebody who asked to become a user and has not confirmed the e-mail yet."""

    email = EmailAddressField("e-mail")
    username = UsernameField(max_length=150)
    password = models.CharField(max_length=128, editable=False, help_text="Its Argon2id hash.")
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(editable=False)

    #: Kept out of the audit trail.
    secret_columns = frozenset({"token_digest"})

    objects = StaffQuerySet["Registration"].as_manager()

    class Meta:
        db_table = "registrations"
        verbose_name = "registration"
        ordering = ["-id"]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"registration of {self.email}"
