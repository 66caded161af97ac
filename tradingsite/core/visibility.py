"""What an actor sees: `Model.objects.visible_to(actor)`, the one place of isolation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models
from django.db.models import Q

from tradingsite.core.fields import refuse_arithmetic

if TYPE_CHECKING:
    from tradingsite.core.actor import Actor

ModelT = TypeVar("ModelT", bound=models.Model)

NOTHING = Q(pk__in=())


class ScopedQuerySet(models.QuerySet[ModelT]):
    """A queryset that can be cut down to what an actor sees."""

    def visible_to(self, actor: Actor) -> Self:
        """The rows that exist as far as this actor can tell."""
        if actor.sees_everything:
            return self
        return self.filter(self.scope(actor))

    def scope(self, actor: Actor) -> Q:
        """The condition that cuts; subclasses say it. Never asked for who sees everything."""
        raise NotImplementedError

    def update(self, **values: Any) -> int:
        """Django's, refusing arithmetic on decimals (`core.fields.refuse_arithmetic`)."""
        for name, value in values.items():
            refuse_arithmetic(self.model._meta.get_field(name), value)
        return super().update(**values)


class EverybodysQuerySet(ScopedQuerySet[ModelT]):
    """Rows that belong to nobody: whoever's role lets them see the table sees all of it."""

    def scope(self, actor: Actor) -> Q:
        return Q()


class StaffQuerySet(ScopedQuerySet[ModelT]):
    """Rows about the platform: seen with `core.view_all` only."""

    def scope(self, actor: Actor) -> Q:
        return NOTHING


class OwnedQuerySet(ScopedQuerySet[ModelT]):
    """Rows seen by their owner."""

    def scope(self, actor: Actor) -> Q:
        return Q(owner=actor.user_id)
