"""Portfolios and who they are shared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from tradingsite.core import clock
from tradingsite.core.fields import NameKeyField
from tradingsite.core.grants import ALL_GRANTS, Grant
from tradingsite.core.visibility import ModelT, ScopedQuerySet

if TYPE_CHECKING:
    from tradingsite.core.actor import Actor

MEMBER_GRANTS = [choice for choice in Grant.choices if choice[0] != Grant.EDIT]
# Each grant holds the weaker ones.
_IMPLIED = {
    Grant.VIEW: frozenset({Grant.VIEW}),
    Grant.PROPOSE: frozenset({Grant.VIEW, Grant.PROPOSE}),
    Grant.APPROVE: frozenset({Grant.VIEW, Grant.PROPOSE, Grant.APPROVE}),
    Grant.TRADE: frozenset({Grant.VIEW, Grant.PROPOSE, Grant.APPROVE, Grant.TRADE}),
}


class PortfolioKind(models.TextChoices):
    PAPER = "paper", "Paper: orders are filled here"
    RECORDED = "recorded", "Recorded: filled elsewhere, written down here"


class CostMethod(models.TextChoices):
    AVERAGE = "average", "Average cost"
    FIFO = "fifo", "First in, first out"


class PortfolioQuerySet(ScopedQuerySet["Portfolio"]):
    """Seen by the owner and the members; a key bound to one portfolio sees that one."""

    def scope(self, actor: Actor) -> Q:
        # A subquery, not a join: a portfolio stays one row however many members it has.
        shared = PortfolioMember.objects.filter(user=actor.user_id).values("portfolio")
        scope = Q(owner=actor.user_id) | Q(pk__in=shared)
        return scope if actor.portfolio_id is None else scope & Q(pk=actor.portfolio_id)


class PortfolioRowQuerySet(ScopedQuerySet[ModelT]):
    """Rows of a portfolio: only the portfolio decides."""

    def scope(self, actor: Actor) -> Q:
        return Q(portfolio__in=Portfolio.objects.filter(Portfolio.objects.all().scope(actor)))


class OwnedOrSharedQuerySet(ScopedQuerySet[ModelT]):
    """Rows that may name a portfolio: with one the portfolio decides, without one the owner."""

    def scope(self, actor: Actor) -> Q:
        in_portfolio = Q(portfolio__in=Portfolio.objects.filter(Portfolio.objects.all().scope(actor)))
        if actor.portfolio_id is not None:
            return in_portfolio
        return in_portfolio | Q(portfolio__isnull=True, owner=actor.user_id)


class Portfolio(models.Model):
    """One account of positions and cash."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="portfolios")
    name = models.CharField(max_length=100)
    name_key = NameKeyField()
    base_currency = models.CharField(
        max_length=3, default="USD", validators=[RegexValidator(r"^[A-Z]{3}\Z", "Use an ISO 4217 code, as in USD.")]
    )
    kind = models.CharField(max_length=10, choices=PortfolioKind.choices, default=PortfolioKind.PAPER)
    cost_method = models.CharField(max_length=10, choices=CostMethod.choices, default=CostMethod.AVERAGE)
    calendar = models.CharField(max_length=32, default="XNYS", help_text="The calendar of its valuations, as in XNYS.")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = PortfolioQuerySet.as_manager()

    class Meta:
        db_table = "portfolios"
        ordering = ["owner_id", "name", "id"]
        default_permissions = ("view", "add", "change")
        constraints = [models.UniqueConstraint(fields=["owner", "name_key"], name="portfolios_name")]

    def __str__(self) -> str:
        return self.name

    def grants_for(self, actor: Actor) -> frozenset[Grant]:
        """The owner holds all, a member what the grant says."""
        if actor.portfolio_id not in (None, self.pk):
            return frozenset()
        if actor.user_id == self.owner_id:
            return ALL_GRANTS
        member = self.members.filter(user=actor.user_id).first()
        return frozenset() if member is None else _IMPLIED[Grant(member.grant)]


class PortfolioMember(models.Model):
    """Somebody that a portfolio is shared with, and how far."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    grant = models.CharField(max_length=10, choices=MEMBER_GRANTS, default=Grant.VIEW)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = PortfolioRowQuerySet["PortfolioMember"].as_manager()

    class Meta:
        db_table = "portfolio_members"
        verbose_name = "member"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["portfolio", "user"], name="portfolio_members_unique")]

    def __str__(self) -> str:
        return f"{self.user} may {self.grant} {self.portfolio}"


def grants_of_owned_or_shared(owner_id: int, portfolio: Portfolio | None, actor: Actor) -> frozenset[Grant]:
    """The grants on a row that may name a portfolio.

    The portfolio's traders may edit what is shared in it; without one, its owner may.
    """
    if portfolio is None:
        return ALL_GRANTS if actor.user_id == owner_id and actor.portfolio_id is None else frozenset()
    grants = portfolio.grants_for(actor)
    return grants | {Grant.EDIT} if Grant.TRADE in grants else grants
