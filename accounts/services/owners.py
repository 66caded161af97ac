"""Whose a new row is."""

from __future__ import annotations

from typing import cast

from accounts.models import User
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Forbidden


def owner_for(actor: Actor, owner: User | None, *, within: object | None = None) -> User:
    """The owner of what the actor makes: themselves, or another where the actor is unlimited.

    `within` is the portfolio that the row belongs to, if any. Raises Forbidden for anybody else's
    name, or when a key that is bound to one portfolio makes a row outside of it; ValueError when
    the software itself names nobody.
    """
    if actor.portfolio_id is not None and within is None:
        raise Forbidden("This key is bound to one portfolio: name it.")
    if owner is not None and owner.pk != actor.user_id:
        if not actor.is_unlimited:
            raise Forbidden("You may make this for yourself only.")
        return owner
    if actor.user is None:
        raise ValueError("The software owns nothing: name the owner.")
    return cast(User, actor.user)
