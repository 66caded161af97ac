"""Making, changing and dropping watchlists and what is on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from accounts.services.owners import owner_for
from marketdata.services.instruments import get_instrument
from portfolio.models import Portfolio, Watchlist, WatchlistItem
from portfolio.services.names import clean_name
from systemevents.services.audit import columns, record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, NotFound
from tradingsite.core.grants import Grant, require
from tradingsite.core.locking import lock
from tradingsite.core.symbols import normalise_symbol
from tradingsite.core.transactions import in_transaction

if TYPE_CHECKING:
    from accounts.models import User


@in_transaction
def create_watchlist(
    *, actor: Actor, name: str, portfolio: Portfolio | None = None, owner: User | None = None
) -> Watchlist:
    """Make an empty watchlist of the actor's own, or of `owner` where the software acts.

    With a portfolio it is shared with that portfolio's members. Raises Forbidden without
    portfolio.add_watchlist or the trade grant on the portfolio, Conflict when the owner has a
    list of that name.
    """
    actor.require("portfolio.add_watchlist")
    if portfolio is not None:
        require(actor, Grant.TRADE, on=portfolio)
    watchlist = Watchlist(owner=owner_for(actor, owner, within=portfolio), name=clean_name(name), portfolio=portfolio)
    _save_named(watchlist)
    record_audit(actor, "watchlist.created", watchlist, after=columns(watchlist))
    return watchlist


@in_transaction
def rename_watchlist(*, actor: Actor, watchlist: Watchlist, name: str) -> Watchlist:
    """Give a watchlist another name; the same name again changes nothing.

    Raises Forbidden without portfolio.change_watchlist or the edit grant, Conflict when the
    owner has another list of that name.
    """
    actor.require("portfolio.change_watchlist")
    require(actor, Grant.EDIT, on=watchlist)
    watchlist = lock(watchlist)
    before, name = watchlist.name, clean_name(name)
    if name != before:
        watchlist.name = name
        _save_named(watchlist)
        record_audit(actor, "watchlist.renamed", watchlist, before={"name": before}, after={"name": name})
    return watchlist


@in_transaction
def delete_watchlist(*, actor: Actor, watchlist: Watchlist) -> None:
    """Drop a watchlist with what is on it; the audit trail keeps both.

    Raises Forbidden without portfolio.delete_watchlist or the edit grant.
    """
    actor.require("portfolio.delete_watchlist")
    require(actor, Grant.EDIT, on=watchlist)
    watchlist = lock(watchlist)
    symbols = list(watchlist.items.values_list("symbol", flat=True))
    record_audit(actor, "watchlist.deleted", watchlist, before={**columns(watchlist), "symbols": symbols})
    watchlist.delete()


@in_transaction
def add_symbol(*, actor: Actor, watchlist: Watchlist, symbol: str) -> WatchlistItem:
    """Put a known symbol on a watchlist; adding it again changes nothing.

    Raises UnknownSymbol when `metadata` has no such instrument, Forbidden without
    portfolio.add_watchlistitem or the edit grant.
    """
    actor.require("portfolio.add_watchlistitem")
    require(actor, Grant.EDIT, on=watchlist)
    instrument = get_instrument(symbol)
    watchlist = lock(watchlist)
    item, added = WatchlistItem.objects.get_or_create(watchlist=watchlist, symbol=instrument.symbol)
    if added:
        record_audit(actor, "watchlist.symbol_added", watchlist, after={"symbol": item.symbol})
    return item


@in_transaction
def remove_symbol(*, actor: Actor, watchlist: Watchlist, symbol: str) -> None:
    """Take a symbol off a watchlist.

    Raises NotFound when it isn't on it, Forbidden without portfolio.delete_watchlistitem or
    the edit grant.
    """
    actor.require("portfolio.delete_watchlistitem")
    require(actor, Grant.EDIT, on=watchlist)
    watchlist = lock(watchlist)
    item = watchlist.items.filter(symbol=normalise_symbol(symbol)).first()
    if item is None:
        raise NotFound
    item.delete()
    record_audit(actor, "watchlist.symbol_removed", watchlist, before={"symbol": item.symbol})


def _save_named(watchlist: Watchlist) -> None:
    try:
        with transaction.atomic():
            watchlist.save()
    except IntegrityError:
        raise Conflict(f"There is already a watchlist named {watchlist.name!r}.") from None
