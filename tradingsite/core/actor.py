"""Who is doing something: travels from every front to every service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import TextChoices

from tradingsite.core.errors import Forbidden

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser

VIEW_ALL = "core.view_all"


class Front(TextChoices):
    """Through which door something was done."""

    API = "api", "API"
    ADMIN = "admin", "Admin"
    COMMAND = "command", "Command"
    JOB = "job", "Job"


@dataclass(frozen=True, slots=True)
class Actor:
    """A user through a front, perhaps with a key; or, without a user, the system itself.

    `label` is the name that stays readable in the audit trail when the user is renamed.
    `portfolio_id` is set when the key is bound to one portfolio.
    """

    label: str
    front: Front
    user: AbstractUser | None = None
    key_id: str = ""
    portfolio_id: int | None = None
    request_id: str = ""
    address: str | None = None

    @classmethod
    def system(cls, name: str, *, front: Front = Front.COMMAND) -> Actor:
        """The software itself, run by an operator who has the machine: sees and may do everything."""
        return cls(label=f"system:{name}", front=front)

    @classmethod
    def of(
        cls,
        user: AbstractUser,
        *,
        front: Front,
        key_id: str = "",
        request_id: str = "",
        address: str | None = None,
    ) -> Actor:
        """This user through that front."""
        return cls(
            label=user.get_username(),
            front=front,
            user=user,
            key_id=key_id,
            request_id=request_id,
            address=address,
        )

    @property
    def user_id(self) -> int | None:
        return None if self.user is None else int(self.user.pk)

    @property
    def is_system(self) -> bool:
        return self.user is None

    @property
    def is_unlimited(self) -> bool:
        """The system itself, or a superuser without a key."""
        if self.user is None:
            return True
        return not self.key_id and self.user.is_active and self.user.is_superuser

    @property
    def sees_everything(self) -> bool:
        """Whether everybody's rows are visible."""
        return self.portfolio_id is None and self.may(VIEW_ALL)

    def may(self, permission: str) -> bool:
        """Whether the actor holds a model permission, as in "portfolio.add_watchlist"."""
        return self.user is None or self.user.has_perm(permission)

    def require(self, permission: str) -> None:
        """Raise Forbidden unless the actor holds the permission."""
        if not self.may(permission):
            raise Forbidden(f"Your role does not include the permission {permission}.")
