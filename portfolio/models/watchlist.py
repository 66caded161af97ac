"""Lists of symbols that somebody keeps an eye on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from portfolio.models.portfolio import OwnedOrSharedQuerySet, Portfolio, grants_of_owned_or_shared
from tradingsite.core import clock
from tradingsite.core.fields import NameKeyField, SymbolField
from tradingsite.core.visibility import ScopedQuerySet

if TYPE_CHECKING:
    from tradingsite.core.actor import Actor
    from tradingsite.core.grants import Grant


class Watchlist(models.Model):
    """A named list of symbols; with a portfolio it is shared with the portfolio's members."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="watchlists")
    portfolio = models.ForeignKey(
        Portfolio,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="watchlists",
        help_text="Shares the list with the portfolio's members.",
    )
    name = models.CharField(max_length=100)
    name_key = NameKeyField()
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = OwnedOrSharedQuerySet["Watchlist"].as_manager()

    class Meta:
        db_table = "watchlists"
        ordering = ["owner_id", "name", "id"]
        constraints = [models.UniqueConstraint(fields=["owner", "name_key"], name="watchlists_name")]

    def __str__(self) -> str:
        return self.name

    def grants_for(self, actor: Actor) -> frozenset[Grant]:
        return grants_of_owned_or_shared(self.owner_id, self.portfolio, actor)


class WatchlistItemQuerySet(ScopedQuerySet["WatchlistItem"]):
    """Seen with their list."""

    def scope(self, actor: Actor) -> Q:
        return Q(watchlist__in=Watchlist.objects.all().visible_to(actor))


class WatchlistItem(models.Model):
    """A symbol on a list."""

    watchlist = models.ForeignKey(Watchlist, on_delete=models.CASCADE, related_name="items")
    symbol = SymbolField()
    added_at = models.DateTimeField(default=clock.now, editable=False)

    objects = WatchlistItemQuerySet.as_manager()

    class Meta:
        db_table = "watchlist_items"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["watchlist", "symbol"], name="watchlist_items_unique")]

    def __str__(self) -> str:
        return str(self.symbol)
