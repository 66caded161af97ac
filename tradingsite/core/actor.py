"""Who is doing something: travels from every front to every service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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


class KeyRights(Protocol):
    """What an API key may do, known since the query that found it: `permission in rights`."""

    @property
    def administers(self) -> bool:
        """Whether the key carries its owner's standing as a superuser, if the owner is one."""

    def __contains__(self, permission: str, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Actor:
    """A user through a front, perhaps with a key; or, without a user, the system itself.

    `label` is the name that stays readable in the audit trail when the user is renamed.
    `rights` are the key's, which are less than its user's; a key without them may nothing.
    `portfolio_id` is set when the key is bound to one portfolio, `login_id` when the user came with
    the web token of a log-in.
    """

    label: str
    front: Front
    user: AbstractUser | None = None
    key_id: str = ""
    rights: KeyRights | None = None
    portfolio_id: int | None = None
    request_id: str = ""
    address: str | None = None
    login_id: str = ""

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
        rights: KeyRights | None = None,
        portfolio_id: int | None = None,
        request_id: str = "",
        address: str | None = None,
        login_id: str = "",
    ) -> Actor:
        """This user through that front."""
        return cls(
            label=user.get_username(),
            front=front,
            user=user,
            key_id=key_id,
            rights=rights,
            portfolio_id=portfolio_id,
            request_id=request_id,
            address=address,
            login_id=login_id,
        )

    @property
    def user_id(self) -> int | None:
        return None if self.user is None else int(self.user.pk)

    @property
    def is_system(self) -> bool:
        return self.user is None

    @property
    def is_unlimited(self) -> bool:
        """The system itself, or a superuser: through a key only by the scope for it, bound to no portfolio."""
        if self.user is None:
            return True
        if self.key_id and (self.rights is None or not self.rights.administers or self.portfolio_id is not None):
            return False
        return self.user.is_active and self.user.is_superuser

    @property
    def sees_everything(self) -> bool:
        """Whether everybody's rows are visible."""
        return self.portfolio_id is None and self.may(VIEW_ALL)

    def may(self, permission: str) -> bool:
        """Whether the actor holds a model permission, as in "portfolio.add_watchlist"."""
        if self.user is None:
            return True
        if self.key_id:
            return self.rights is not None and permission in self.rights
        return self.user.has_perm(permission)

    def require(self, permission: str) -> None:
        """Raise Forbidden unless the actor holds the permission."""
        if not self.may(permission):
            whose = "This key's scopes or its owner's role do" if self.key_id else "Your role does"
            raise Forbidden(f"{whose} not include the permission {permission}.")
