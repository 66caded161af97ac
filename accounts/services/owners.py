"""Whose a new row is."""

from __future__ import annotations

from typing import cast

from accounts.models import User
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Forbidden


def owner_for(actor: Actor, owner: User | None) -> User:
    """The owner of what the actor makes: themselves, or another where the actor is unlimited.

    Raises Forbidden for anybody else's name, ValueError when the software itself names nobody.
    """
    if owner is not None and owner.pk != actor.user_id:
        if not actor.is_unlimited:
            raise Forbidden("You may make this for yourself only.")
        return owner
    if actor.user is None:
        raise ValueError("The software owns nothing: name the owner.")
    return cast(User, actor.user)
