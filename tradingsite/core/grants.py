"""What an actor may do with a thing it sees: one place, for every front.

`visible_to` decides what is seen (else 404); `permitted` decides what may be done
with it (else 403). Models answer with `grants_for(actor)`.
"""

from typing import Protocol

from django.db.models import TextChoices

from tradingsite.core.actor import Actor
from tradingsite.core.errors import Forbidden


class Grant(TextChoices):
    """What can be given on a row. A portfolio's members hold the first four."""

    VIEW = "view", "View"
    PROPOSE = "propose", "Propose ideas"
    APPROVE = "approve", "Approve ideas"
    TRADE = "trade", "Trade"
    EDIT = "edit", "Edit"


ALL_GRANTS: frozenset[Grant] = frozenset(Grant)


class Grantable(Protocol):
    """A row that knows which grants an actor holds on it."""

    def grants_for(self, actor: Actor) -> frozenset[Grant]: ...


def permitted(actor: Actor, grant: Grant, *, on: Grantable) -> bool:
    """Whether the actor may do `grant` with `on`, which it already sees.

    Superusers and the system itself may do everything; seeing everybody's rows
    (`core.view_all`) alone gives no right to change them.
    """
    if actor.is_unlimited:
        return True
    return grant in on.grants_for(actor)


def require(actor: Actor, grant: Grant, *, on: Grantable) -> None:
    """Raise Forbidden unless `permitted`."""
    if not permitted(actor, grant, on=on):
        raise Forbidden(f"You may not {grant.label.lower()} this.")
