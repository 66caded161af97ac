"""Reading who has a second factor, and of whom TOTP_REQUIRED demands one."""

from __future__ import annotations

from django.conf import settings

from accounts.models import RecoveryCode, SecondFactor, User
from tradingsite.core.actor import VIEW_ALL

#: Who holds one of these is staff, of whom TOTP_REQUIRED=staff demands a second factor.
STAFF_RIGHTS = (VIEW_ALL, "accounts.add_user", "accounts.change_user")


def has_second_factor(user: User) -> bool:
    """Whether a log-in of this user asks for a code."""
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).exists()


def recovery_codes_left(user: User) -> int:
    """How many recovery codes the user has not used."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def lacks_second_factor(user: User) -> bool:
    """Whether TOTP_REQUIRED demands a second factor of this user, who has none; no query where it demands none."""
    return _is_second_factor_demanded(user) and not has_second_factor(user)


def _is_second_factor_demanded(user: User) -> bool:
    if settings.TOTP_REQUIRED == "staff":
        return user.is_superuser or any(user.has_perm(right) for right in STAFF_RIGHTS)
    # A word that the system check refuses demands it of everybody.
    return settings.TOTP_REQUIRED != "nobody"
