"""Which role may call which method: the model permissions, asked in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission

from tradingsite.core.http import api_actor

if TYPE_CHECKING:
    from rest_framework.request import Request

_ACTIONS = {
    "GET": "view",
    "HEAD": "view",
    "OPTIONS": "view",
    "POST": "add",
    "PUT": "change",
    "PATCH": "change",
    "DELETE": "delete",
}


class RolePermission(BasePermission):
    """The caller's role holds the model permission that the method needs.

    A view names its `model`; for an action that needs another permission than its method's
    it says so in `permissions`, as in {"revoke": "accounts.change_apikey"}.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        if request.method not in view.allowed_methods:
            # What nobody can do here is not a question of roles.
            raise MethodNotAllowed(str(request.method))
        return api_actor(request).may(needed_permission(request.method or "", view))


class SignedIn(BasePermission):
    """Whoever has a valid key, whatever the role."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_authenticated)


def needed_permission(method: str, view: Any) -> str:
    """The permission that this method of this view needs."""
    special: dict[str, str] = getattr(view, "permissions", {})
    action = getattr(view, "action", None)
    if action in special:
        return special[action]
    meta = view.model._meta
    return f"{meta.app_label}.{_ACTIONS[method]}_{meta.model_name}" if method in _ACTIONS else "nobody.has_this"
