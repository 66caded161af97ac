"""Who somebody is, as `auth/me/` and `auth/login/` answer it."""

from __future__ import annotations

from typing import Any

from accounts.api.serializers import ApiKeySerializer
from accounts.models import ApiKey, User
from accounts.selectors import permissions_of_actor
from tradingsite.core.actor import Actor


def who(actor: Actor, user: User, key: ApiKey | None) -> dict[str, Any]:
    """The user, what they may do, and the key by which they came, if it was one."""
    return {
        "id": user.pk,
        "username": user.username,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "roles": sorted(user.groups.values_list("name", flat=True)),
        "permissions": permissions_of_actor(actor),
        "sees_everything": actor.sees_everything,
        "api_key": None if key is None else ApiKeySerializer(key).data,
    }
