"""A world in which every table has a row of the owner's, with a text that nobody else may meet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client

from accounts.models import ApiKey, Invitation, LoginSession, Role, User
from accounts.services.api_keys import create_api_key
from marketdata.models import (
    ArchivePartition,
    CorporateAction,
    DailyBar,
    IngestBatch,
    Instrument,
    IntradayBar,
    Quarantine,
)
from portfolio.models import Portfolio, PortfolioCash, PortfolioPerformance, PortfolioPosition, Watchlist
from systemevents.models import AuditLog, AuditSeal, SystemEvent
from tests.factories import (
    ArchivePartitionFactory,
    CorporateActionFactory,
    DailyBarFactory,
    IngestBatchFactory,
    InstrumentFactory,
    IntradayBarFactory,
    InvitationFactory,
    LoginSessionFactory,
    PortfolioCashFactory,
    PortfolioFactory,
    PortfolioPerformanceFactory,
    PortfolioPositionFactory,
    QuarantineFactory,
    SignalFactory,
    SystemEventFactory,
    WatchlistFactory,
    WatchlistItemFactory,
)
from trading.models import Signal
from tradingsite.core.actor import Actor, Front

#: Stands in every text of the owner's rows; the number in every amount.
SECRET = "zz-secret"
SECRET_NUMBER = "987654"

#: Tables whose rows are everybody's: whoever's role shows them sees them all.
EVERYBODYS: frozenset[type[models.Model]] = frozenset(
    {Instrument, DailyBar, IntradayBar, IngestBatch, CorporateAction, ArchivePartition, Quarantine, Role}
)


class World:
    """One row of the owner's in every table that the admin shows."""

    def __init__(self, owner: User) -> None:
        self.owner = owner
        self.instrument = InstrumentFactory.create(symbol="AAPL")
        portfolio = PortfolioFactory.create(owner=owner, name=f"{SECRET} portfolio")
        watchlist = WatchlistFactory.create(owner=owner, name=f"{SECRET} list")
        WatchlistItemFactory.create(watchlist=watchlist, symbol=SECRET.upper())
        key = create_api_key(actor=Actor.system("tests"), owner=owner, name=f"{SECRET} key").key
        number = Decimal(SECRET_NUMBER)
        self.rows: dict[Any, Any] = {
            User: owner,
            Role: Role.objects.get(name="viewer"),
            ApiKey: key,
            Invitation: InvitationFactory.create(owner=owner, email=f"{SECRET}@example.com"),
            LoginSession: LoginSessionFactory.create(user=owner, user_agent=f"{SECRET} browser"),
            Instrument: self.instrument,
            DailyBar: DailyBarFactory.create(instrument=self.instrument),
            IntradayBar: IntradayBarFactory.create(instrument=self.instrument),
            IngestBatch: IngestBatchFactory.create(),
            CorporateAction: CorporateActionFactory.create(instrument=self.instrument),
            Quarantine: QuarantineFactory.create(instrument=self.instrument),
            ArchivePartition: ArchivePartitionFactory.create(),
            Portfolio: portfolio,
            PortfolioPosition: PortfolioPositionFactory.create(portfolio=portfolio, symbol=SECRET.upper(), cost=number),
            PortfolioCash: PortfolioCashFactory.create(portfolio=portfolio, balance=number),
            PortfolioPerformance: PortfolioPerformanceFactory.create(
                portfolio=portfolio, portfolio_value=number, date=dt.date(2020, 1, 2)
            ),
            Watchlist: watchlist,
            Signal: SignalFactory.create(
                owner=owner,
                portfolio=portfolio,
                symbol=SECRET.upper(),
                regime=f"{SECRET} regime",
                reasons=[f"{SECRET} reason"],
                entry_price=number,
            ),
            SystemEvent: SystemEventFactory.create(description=f"{SECRET} event"),
            AuditSeal: a_seal(),
            AuditLog: AuditLog.objects.create(
                actor=owner,
                actor_label=owner.username,
                front=Front.COMMAND,
                action="thing.done",
                object_label=f"{SECRET} thing",
                before={"name": SECRET},
                after={"name": f"{SECRET} too"},
            ),
        }

    def foreign_to(self, model: type[models.Model]) -> bool:
        """Whether somebody else must not see this table's row."""
        return model not in EVERYBODYS


def a_seal() -> AuditSeal:
    """A seal as no sealer made it, whose texts are secret."""
    return AuditSeal.objects.create(
        number=AuditSeal.objects.count() + 1,
        version=1,
        ranges=[[1, 2]],
        first_id=1,
        last_id=2,
        entries=2,
        closed_through=0,
        digest=SECRET,
        fingerprints=b"16 bytes of them",
        key_name=SECRET,
        code=SECRET,
    )


@pytest.fixture
def owner(db: None) -> User:
    """A trader whose very name is secret here."""
    from tests.factories import UserFactory

    return UserFactory.create(username=f"{SECRET}-owner", role="trader")


@pytest.fixture
def world(owner: User) -> World:
    return World(owner)


@pytest.fixture
def other_browser(other_user: User, browser_of: Callable[[User], Client]) -> Client:
    return browser_of(other_user)


@pytest.fixture
def owner_browser(owner: User, browser_of: Callable[[User], Client]) -> Client:
    return browser_of(owner)


@pytest.fixture
def staff_browser(staff: User, browser_of: Callable[[User], Client]) -> Client:
    return browser_of(staff)


@pytest.fixture
def analyst_browser(analyst: User, browser_of: Callable[[User], Client]) -> Client:
    return browser_of(analyst)


@pytest.fixture
def viewer_browser(viewer: User, browser_of: Callable[[User], Client]) -> Client:
    return browser_of(viewer)


def pages(*, only_isolated: bool = False) -> list[Any]:
    """Every table that the admin shows, as parameters of a test; so that none is forgotten."""
    return [
        pytest.param(model, id=model._meta.label_lower)
        for model in admin.site._registry
        if not (only_isolated and model in EVERYBODYS)
    ]


def page_of(model: type[models.Model]) -> Any:
    return admin.site._registry[model]


def path_of(model: type[models.Model], *parts: Any) -> str:
    """The address of a table's page: path_of(Signal, 5, "history")."""
    return "/".join(["/admin", model._meta.app_label, str(model._meta.model_name), *map(str, parts)]) + "/"
