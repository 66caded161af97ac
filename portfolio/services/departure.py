"""What of a user's books goes to somebody else when the user leaves."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.models import UserSettings
from portfolio.models import Portfolio, PortfolioMember, Watchlist
from portfolio.services.names import names_for_another
from systemevents.services.audit import record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict
from tradingsite.core.fields import name_key
from tradingsite.core.locking import lock_all
from tradingsite.core.registry import Departure

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser

# More names than this are counted: a page that lists thousands helps nobody.
MOST_NAMED = 20
# Names that somebody may take while we look for a free one.
MOST_TRIES = 10


def holdings(user: AbstractUser) -> list[str]:
    """The portfolios of the user, and the watchlists that hang on none."""
    return [*_named("portfolio", _portfolios_of(user)), *_named("watchlist", _watchlists_of(user))]


def hand_over_books(actor: Actor, user: AbstractUser, to: AbstractUser) -> list[str]:
    """Make the user's portfolios, and the watchlists that hang on none, another's; answers a sentence each.

    What hangs on a portfolio goes with it and keeps its author; other members keep their grants. A
    name that the new owner has already gets the old owner's behind it. Raises Forbidden
    when the actor may not change portfolios and watchlists. Only in
    the transaction of the deactivation, as the registry promises.
    """
    given: list[str] = []
    portfolios = lock_all(Portfolio, _portfolios_of(user).values_list("pk", flat=True))
    if portfolios:
        actor.require("portfolio.change_portfolio")
    for portfolio in portfolios:
        _end_membership(portfolio, to)
        given.append(_give(actor, portfolio, user, to, kind="portfolio"))
    _forget_default(actor, user, portfolios)
    watchlists = lock_all(Watchlist, _watchlists_of(user).values_list("pk", flat=True))
    if watchlists:
        actor.require("portfolio.change_watchlist")
    given += [_give(actor, watchlist, user, to, kind="watchlist") for watchlist in watchlists]
    return given


DEPARTURE = Departure("portfolios", holdings=holdings, hand_over=hand_over_books)


def _portfolios_of(user: AbstractUser) -> QuerySet[Portfolio]:
    return Portfolio.objects.filter(owner=user.pk)


def _watchlists_of(user: AbstractUser) -> QuerySet[Watchlist]:
    # One in a portfolio is that portfolio's already, whoever made it.
    return Watchlist.objects.filter(owner=user.pk, portfolio=None)


def _named(kind: str, rows: QuerySet[Portfolio] | QuerySet[Watchlist]) -> list[str]:
    names = list(rows.order_by("name", "pk").values_list("name", flat=True)[:MOST_NAMED])
    more = rows.count() - len(names)
    return [*(f"{kind} {name}" for name in names), *([f"{more} more {kind}s"] if more else [])]


def _give(actor: Actor, row: Portfolio | Watchlist, user: AbstractUser, to: AbstractUser, *, kind: str) -> str:
    before = {"owner_id": row.owner_id, "name": row.name}
    row.owner_id = to.pk
    taken = set(type(row)._base_manager.filter(owner=to.pk).values_list("name_key", flat=True))
    # Bounded: what is refused for another reason than its name would be tried for ever.
    for name in islice(names_for_another(row.name, of=user.get_username()), len(taken) + MOST_TRIES):
        row.name = name
        if name_key(name) not in taken and _saved(row):
            break
    else:
        raise Conflict(f"No name was free for the {kind} {before['name']!r}.")
    after = {"owner_id": row.owner_id, "name": row.name, "owner": to.get_username()}
    record_audit(actor, f"{kind}.handed_over", row, before={**before, "owner": user.get_username()}, after=after)
    return f"{kind} {before['name']}" + ("" if row.name == before["name"] else f" as {row.name}")


def _saved(row: Portfolio | Watchlist) -> bool:
    """Whether the name was free to the end: the new owner may have taken it just now."""
    try:
        with transaction.atomic():
            row.save(update_fields=["owner", "name", "name_key"])
    except IntegrityError:
        return False
    return True


def _end_membership(portfolio: Portfolio, to: AbstractUser) -> None:
    """Who owns it is no member of it; the audit entry of the hand-over says who owns it."""
    PortfolioMember.objects.filter(portfolio=portfolio, user=to.pk).delete()


def _forget_default(actor: Actor, user: AbstractUser, portfolios: list[Portfolio]) -> None:
    """Settings name no portfolio that the user sees no more."""
    for kept in UserSettings.objects.filter(user=user.pk, default_portfolio__in=portfolios):
        before = {"default_portfolio_id": kept.default_portfolio_id}
        kept.default_portfolio = None
        kept.save(update_fields=["default_portfolio"])
        record_audit(actor, "user.settings_changed", kept, before=before, after={"default_portfolio_id": None})
