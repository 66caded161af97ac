"""People who log in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.crypto import salted_hmac

from accounts.models.fields import EmailAddressField, UsernameField
from tradingsite.core.visibility import ScopedQuerySet

if TYPE_CHECKING:
    from tradingsite.core.actor import Actor

USERNAME_PATTERN = r"^[a-z0-9][a-z0-9._@+-]*\Z"


class UserQuerySet(ScopedQuerySet["User"]):
    """Everybody sees themselves; `core.view_all` sees all."""

    def scope(self, actor: Actor) -> Q:
        return Q(pk=actor.user_id)


class UserManager(DjangoUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]  # built at run time
    """Django's manager, speaking user names and e-mails in their normal form."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str | None:
        return email.strip().lower() if email and email.strip() else None

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username=User.normalize_username(username or ""))  # type: ignore[no-any-return]  # as above


class User(AbstractUser):
    """A person or a bot's account. Users are deactivated, never deleted."""

    _SESSION_SALT: ClassVar[str] = "accounts.User.session"

    username = UsernameField(
        max_length=150,
        unique=True,
        validators=[RegexValidator(USERNAME_PATTERN, "Use a-z, 0-9 and . _ @ + -, beginning with a letter or digit.")],
        help_text="Small letters, digits and . _ @ + -",
        error_messages={"unique": "A user with that name exists."},
    )
    # Null, not empty, where there is none: a unique column may hold many nulls on every engine.
    email = EmailAddressField(
        "e-mail",
        unique=True,
        null=True,
        blank=True,
        error_messages={"unique": "A user with that e-mail exists."},
    )

    session_epoch = models.PositiveIntegerField(
        default=0, editable=False, help_text="Counted up to end every session of the admin at once."
    )

    objects = UserManager()  # type: ignore[misc]  # narrower than AbstractUser's

    class Meta:
        db_table = "users"
        verbose_name = "user"
        ordering = ["username"]
        default_permissions = ("view", "add", "change")

    @classmethod
    def normalize_username(cls, username: str) -> str:
        return super().normalize_username(username).strip().lower()

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        # Django's, of the password, which the admin's sessions carry; ours counts the epoch in.
        value = f"{self.password}:{self.session_epoch}"
        return salted_hmac(self._SESSION_SALT, value, secret=secret, algorithm="sha256").hexdigest()
