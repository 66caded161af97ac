"""The admin: everyone with a role may enter, and sees only their own rows."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.forms import AuthenticationForm
from unfold.sites import UnfoldAdminSite

from accounts.models import User


class DeskAuthenticationForm(AuthenticationForm):
    """A log-in for every active user with a role, not for staff only."""

    def confirm_login_allowed(self, user: Any) -> None:
        if not may_enter(user):
            raise ValidationError("This account has no role yet. Ask an administrator for one.", code="no_role")


class DeskAdminSite(UnfoldAdminSite):
    """Unfold's site with our door."""

    login_form = DeskAuthenticationForm

    def has_permission(self, request: HttpRequest) -> bool:
        return may_enter(request.user)


def may_enter(user: Any) -> bool:
    """Whether the user is active and has a role (or is a superuser)."""
    return isinstance(user, User) and user.is_active and (user.is_superuser or user.groups.exists())


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar's groups."""
    return []
