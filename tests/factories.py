"""Objects for tests, through factory_boy; each with sensible defaults of its own."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import uuid4

import factory
from django.contrib.auth.models import Group
from factory.django import DjangoModelFactory

from accounts.models import (
    Invitation,
    LoginFailures,
    LoginSession,
    RecoveryCode,
    Registration,
    SecondFactor,
    User,
    UserSettings,
)
from marketdata.models import (
    ArchivePartition,
    ArchiveRowGroup,
    BarRevision,
    CorporateAction,
    DailyBar,
    IngestBatch,
    Instrument,
    IntradayBar,
    Quarantine,
    Tick,
)
from portfolio.models import (
    Portfolio,
    PortfolioCash,
    PortfolioMember,
    PortfolioPerformance,
    PortfolioPosition,
    Watchlist,
    WatchlistItem,
)
from systemevents.models import SystemEvent
from trading.models import Signal
from tradingsite.core import clock
from tradingsite.core.models import IdempotencyKey


class UserFactory(DjangoModelFactory):
    """A user without a password; `role="trader"` gives a role."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    password = "!"

    @factory.post_generation
    def role(self: Any, create: bool, extracted: str | None, **kwargs: Any) -> None:
        if extracted:
            self.groups.add(Group.objects.get(name=extracted))


class UserSettingsFactory(DjangoModelFactory):
    class Meta:
        model = UserSettings
        django_get_or_create = ("user",)

    user = factory.SubFactory(UserFactory)


class LoginSessionFactory(DjangoModelFactory):
    class Meta:
        model = LoginSession

    user = factory.SubFactory(UserFactory)
    public_id = factory.LazyFunction(lambda: uuid4().hex)
    refresh_id = factory.LazyFunction(lambda: uuid4().hex)
    expires_at = factory.LazyFunction(lambda: clock.now() + dt.timedelta(days=7))


class LoginFailuresFactory(DjangoModelFactory):
    class Meta:
        model = LoginFailures

    name_digest = factory.LazyFunction(lambda: uuid4().hex * 2)
    place = "203.0.113.7"
    failures = 1
    last_failed_at = factory.LazyFunction(clock.now)


class InvitationFactory(DjangoModelFactory):
    class Meta:
        model = Invitation

    owner = factory.SubFactory(UserFactory)
    email = factory.Sequence(lambda n: f"invited{n}@example.com")
    token_digest = factory.LazyFunction(lambda: uuid4().hex * 2)
    expires_at = factory.LazyFunction(lambda: clock.now() + dt.timedelta(days=7))


class RegistrationFactory(DjangoModelFactory):
    class Meta:
        model = Registration

    email = factory.Sequence(lambda n: f"registered{n}@example.com")
    username = factory.Sequence(lambda n: f"registered{n}")
    password = "!"
    token_digest = factory.LazyFunction(lambda: uuid4().hex * 2)
    expires_at = factory.LazyFunction(lambda: clock.now() + dt.timedelta(days=1))


class SecondFactorFactory(DjangoModelFactory):
    class Meta:
        model = SecondFactor

    user = factory.SubFactory(UserFactory)
    secret = "not a secret that anybody can decrypt"


class RecoveryCodeFactory(DjangoModelFactory):
    class Meta:
        model = RecoveryCode

    user = factory.SubFactory(UserFactory)
    digest = factory.LazyFunction(lambda: uuid4().hex * 2)


class InstrumentFactory(DjangoModelFactory):
    class Meta:
        model = Instrument
        django_get_or_create = ("symbol",)

    symbol = factory.Sequence(lambda n: f"SYM{n}")
    company_name = factory.LazyAttribute(lambda instrument: f"{instrument.symbol} Inc.")
    exchange = "NYSE"
    calendar = "XNYS"
    currency = "USD"
    time_zone = "America/New_York"


class IngestBatchFactory(DjangoModelFactory):
    class Meta:
        model = IngestBatch

    source = "test.csv"
    timeframe = "1d"


class DailyBarFactory(DjangoModelFactory):
    class Meta:
        model = DailyBar

    instrument = factory.SubFactory(InstrumentFactory)
    date = factory.Sequence(lambda n: dt.date(2020, 1, 1) + dt.timedelta(days=n))
    open = Decimal("10")
    high = Decimal("12")
    low = Decimal("9.5")
    close = Decimal("11.25")
    volume = Decimal("1000")


class IntradayBarFactory(DjangoModelFactory):
    class Meta:
        model = IntradayBar

    instrument = factory.SubFactory(InstrumentFactory)
    timeframe = "1m"
    timestamp = factory.Sequence(lambda n: dt.datetime(2020, 1, 2, 14, 30, tzinfo=dt.UTC) + dt.timedelta(minutes=n))
    open = Decimal("10")
    high = Decimal("12")
    low = Decimal("9.5")
    close = Decimal("11.25")
    volume = Decimal("1000")


class TickFactory(DjangoModelFactory):
    class Meta:
        model = Tick

    instrument = factory.SubFactory(InstrumentFactory)
    timestamp = factory.Sequence(lambda n: dt.datetime(2020, 1, 2, 14, 30, tzinfo=dt.UTC) + dt.timedelta(seconds=n))
    price = Decimal("11.25")
    size = Decimal("100")
    exchange = "NYSE"


class CorporateActionFactory(DjangoModelFactory):
    """A split of two new shares for an old one."""

    class Meta:
        model = CorporateAction

    instrument = factory.SubFactory(InstrumentFactory)
    kind = "split"
    ex_date = factory.Sequence(lambda n: dt.date(2020, 1, 2) + dt.timedelta(days=n))
    new_shares = 2
    old_shares = 1


class BarRevisionFactory(DjangoModelFactory):
    class Meta:
        model = BarRevision

    instrument = factory.SubFactory(InstrumentFactory)
    timeframe = "1d"
    start = factory.Sequence(lambda n: dt.datetime(2020, 1, 2, tzinfo=dt.UTC) + dt.timedelta(days=n))
    open = Decimal("10")
    high = Decimal("12")
    low = Decimal("9.5")
    close = Decimal("11.25")
    changed_by = factory.SubFactory(IngestBatchFactory)


class QuarantineFactory(DjangoModelFactory):
    class Meta:
        model = Quarantine

    instrument = factory.SubFactory(InstrumentFactory)
    timeframe = "1d"
    start = factory.Sequence(lambda n: dt.datetime(2020, 1, 2, tzinfo=dt.UTC) + dt.timedelta(days=n))
    close_before = Decimal("100")
    open_after = Decimal("1")


class ArchivePartitionFactory(DjangoModelFactory):
    """A line of the manifest, without its file."""

    class Meta:
        model = ArchivePartition

    kind = "bars"
    timeframe = "1m"
    first_day = factory.Sequence(lambda n: dt.date(2020, 1, 2) + dt.timedelta(days=n))
    last_day = factory.SelfAttribute("first_day")
    current_key = factory.LazyAttribute(lambda partition: f"bars/1m/{partition.first_day}")
    path = factory.LazyAttribute(lambda partition: f"bars/timeframe=1m/{partition.first_day}-v1.parquet")
    rows = 390
    size = 5000
    sha256 = "0" * 64
    footer_size = 500
    footer_sha256 = "0" * 64
    digest = "0" * 64
    schema_version = 1


class ArchiveRowGroupFactory(DjangoModelFactory):
    class Meta:
        model = ArchiveRowGroup

    partition = factory.SubFactory(ArchivePartitionFactory)
    instrument = factory.SubFactory(InstrumentFactory)
    group = 0
    offset = 0
    rows = 390
    first = dt.datetime(2020, 1, 2, 14, 30, tzinfo=dt.UTC)
    last = dt.datetime(2020, 1, 2, 20, 59, tzinfo=dt.UTC)


class PortfolioFactory(DjangoModelFactory):
    class Meta:
        model = Portfolio

    owner = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"Portfolio {n}")


class PortfolioMemberFactory(DjangoModelFactory):
    class Meta:
        model = PortfolioMember

    portfolio = factory.SubFactory(PortfolioFactory)
    user = factory.SubFactory(UserFactory)


class PortfolioCashFactory(DjangoModelFactory):
    class Meta:
        model = PortfolioCash

    portfolio = factory.SubFactory(PortfolioFactory)
    currency = "USD"
    balance = Decimal("10000")


class PortfolioPositionFactory(DjangoModelFactory):
    class Meta:
        model = PortfolioPosition

    portfolio = factory.SubFactory(PortfolioFactory)
    symbol = factory.Sequence(lambda n: f"SYM{n}")
    quantity = Decimal("10")
    cost = Decimal("112.5")


class PortfolioPerformanceFactory(DjangoModelFactory):
    class Meta:
        model = PortfolioPerformance

    portfolio = factory.SubFactory(PortfolioFactory)
    date = factory.Sequence(lambda n: dt.date(2020, 1, 1) + dt.timedelta(days=n))
    portfolio_value = Decimal("10000")


class WatchlistFactory(DjangoModelFactory):
    class Meta:
        model = Watchlist

    owner = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"Watchlist {n}")


class WatchlistItemFactory(DjangoModelFactory):
    class Meta:
        model = WatchlistItem

    watchlist = factory.SubFactory(WatchlistFactory)
    symbol = factory.Sequence(lambda n: f"SYM{n}")


class SignalFactory(DjangoModelFactory):
    class Meta:
        model = Signal

    owner = factory.SubFactory(UserFactory)
    symbol = factory.Sequence(lambda n: f"SYM{n}")
    date = dt.date(2020, 1, 2)
    signal_type = "BUY"
    confidence = Decimal("62.5")


class IdempotencyKeyFactory(DjangoModelFactory):
    class Meta:
        model = IdempotencyKey

    digest = factory.LazyFunction(lambda: uuid4().hex * 2)
    user = factory.SubFactory(UserFactory)
    path = "/api/v1/watchlists/"
    fingerprint = factory.LazyFunction(lambda: uuid4().hex * 2)
    status_code = 201


class SystemEventFactory(DjangoModelFactory):
    class Meta:
        model = SystemEvent

    event_type = "test.event"
    source = "tests"
    description = "Something happened."
