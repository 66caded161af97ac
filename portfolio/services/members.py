"""Sharing a portfolio with other people."""

from __future__ import annotations

from accounts.models import User
from portfolio.models import Portfolio, PortfolioMember
from portfolio.models.portfolio import MEMBER_GRANTS
from systemevents.services.audit import record_audit
from tradingsite.core.actor import Actor
from tradingsite.core.errors import Conflict, InvalidInput, NotFound
from tradingsite.core.grants import Grant, require
from tradingsite.core.locking import lock
from tradingsite.core.transactions import in_transaction


@in_transaction
def share_portfolio(*, actor: Actor, portfolio: Portfolio, username: str, grant: Grant) -> PortfolioMember:
    """Let an active user see a portfolio and do what the grant says; sharing again changes the grant.

    Raises Forbidden without portfolio.add_portfoliomember (change_portfoliomember for who is a
    member already) or the edit grant, InvalidInput for a user name that nobody has or a grant
    that members can't hold, Conflict for the owner.
    """
    require(actor, Grant.EDIT, on=portfolio)
    if grant not in dict(MEMBER_GRANTS):
        raise InvalidInput.field("grant", f"Members can't hold the grant {grant!r}.")
    portfolio = lock(portfolio)
    user = User.objects.filter(username=User.normalize_username(username).strip().lower(), is_active=True).first()
    if user is None:
        raise InvalidInput.field("username", f"There is no user named {username!r}.", code="unknown_user")
    if user.pk == portfolio.owner_id:
        raise Conflict("The portfolio's owner may do everything with it already.")
    member = portfolio.members.filter(user=user).first()
    actor.require("portfolio.add_portfoliomember" if member is None else "portfolio.change_portfoliomember")
    before = None if member is None else {"user": user.username, "grant": member.grant}
    after = {"user": user.username, "grant": grant}
    if before == after:
        assert member is not None  # noqa: S101  # for the type checker: there was a before
        return member
    if member is None:
        member = PortfolioMember(portfolio=portfolio, user=user)
    member.grant = grant
    member.save()
    record_audit(actor, "portfolio.shared", portfolio, before=before, after=after)
    return member


@in_transaction
def unshare_portfolio(*, actor: Actor, portfolio: Portfolio, user: User) -> None:
    """End a membership.

    Raises Forbidden without portfolio.delete_portfoliomember or the edit grant, NotFound when
    the user is no member.
    """
    actor.require("portfolio.delete_portfoliomember")
    require(actor, Grant.EDIT, on=portfolio)
    portfolio = lock(portfolio)
    member = portfolio.members.filter(user=user).first()
    if member is None:
        raise NotFound
    before = {"user": user.username, "grant": member.grant}
    member.delete()
    record_audit(actor, "portfolio.unshared", portfolio, before=before)
