"""What `bootstrap --demo` makes, and what it leaves alone when it comes again.

The demo is made and committed once for all of these tests, each of which is rolled back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from accounts.models import ApiKey, User
from accounts.services.api_keys import find_usable_key
from marketdata.models import BatchStatus, DailyBar, IngestBatch, Instrument, IntradayBar, PriceBasis
from portfolio.models import (
    Portfolio,
    PortfolioCash,
    PortfolioPerformance,
    PortfolioPosition,
    Watchlist,
    WatchlistItem,
)
from systemevents.models import AuditLog, SystemEvent
from tests.ops.site import FRIDAY, MONDAY, SYMBOLS, assert_nothing_changed, bootstrap_demo, everything
from tests.teardown import empty_every_table
from trading.models import Signal
from tradingsite.ops.demo import parts, prices

# Those of `conftest.py`, whose fixture a module's fixture can't ask for.
SETTINGS: dict[str, Any] = {
    "API_KEY_PEPPERS": "1:a pepper of the tests that is long enough",
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
}


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, Any]]:
    """The answer of the first `bootstrap --demo`; the tables are emptied afterwards."""
    with django_db_blocker.unblock():
        with override_settings(**SETTINGS), time_machine.travel(MONDAY, tick=False):
            answer = bootstrap_demo()
        yield answer
        empty_every_table()


@pytest.fixture
def demo(made: dict[str, Any], db: None, clock_at_monday: time_machine.Traveller) -> dict[str, Any]:
    return made


@pytest.fixture
def clock_at_monday() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


def test_everybody_can_log_in_with_what_was_printed(demo: dict[str, Any]) -> None:
    roles = {login["username"]: login["role"] for login in demo["logins"]}
    assert roles == {"admin": "admin", "analyst": "analyst", "demo": "trader", "trader": "trader", "viewer": "viewer"}
    for login in demo["logins"]:
        assert Client().login(username=login["username"], password=login["password"])
        user = User.objects.get(username=login["username"])
        assert [group.name for group in user.groups.all()] == [login["role"]]
        assert not user.is_superuser
    assert len({login["password"] for login in demo["logins"]}) == 5


def test_passwords_and_keys_are_stored_nowhere(demo: dict[str, Any]) -> None:
    rows = repr(everything())
    assert not [login["username"] for login in demo["logins"] if login["password"] in rows]
    assert demo["api_key"] not in rows


def test_the_key_works(demo: dict[str, Any]) -> None:
    key = find_usable_key(demo["api_key"])
    assert key is not None
    assert key.owner.username == "demo"


def test_the_demo_user_has_cash_and_a_watchlist(demo: dict[str, Any]) -> None:
    paper = Portfolio.objects.get(owner__username="demo", kind="paper")
    assert [(cash.currency, cash.balance) for cash in paper.cash.all()] == [("USD", Decimal("10000"))]
    watchlist = Watchlist.objects.get(owner__username="demo", name="Large caps")
    assert list(watchlist.items.order_by("id").values_list("symbol", flat=True)) == SYMBOLS


def test_simulated_bars_reach_the_last_closed_session(demo: dict[str, Any]) -> None:
    for symbol in SYMBOLS:
        daily = DailyBar.objects.filter(instrument__symbol=symbol).order_by("date")
        minutes = IntradayBar.objects.filter(instrument__symbol=symbol).order_by("timestamp")
        assert 495 <= daily.count() <= 510
        assert daily[daily.count() - 1].date == FRIDAY
        assert minutes.count() == 5 * 390
        assert {minute.timestamp.date() for minute in minutes} == set(
            daily.order_by("-date")[:5].values_list("date", flat=True)
        )
    simulated = Instrument.objects.filter(symbol__in=SYMBOLS)
    assert all(i.is_simulated and i.is_tradable and i.tick_size == Decimal("0.01") for i in simulated)
    sources = IngestBatch.objects.exclude(source__startswith="bokeh_sampledata")
    assert set(sources.values_list("source", flat=True)) == {"simulator (seed 1)"}


def test_stored_minutes_add_up_to_the_stored_day(demo: dict[str, Any]) -> None:
    day = DailyBar.objects.get(instrument__symbol="NVDA", date=FRIDAY)
    start = dt.datetime.combine(FRIDAY, dt.time(), dt.UTC)
    minutes = list(
        IntradayBar.objects.filter(
            instrument__symbol="NVDA", timestamp__gte=start, timestamp__lt=start + dt.timedelta(days=1)
        ).order_by("timestamp")
    )
    assert (minutes[0].open, minutes[-1].close) == (day.open, day.close)
    assert max(minute.high for minute in minutes) == day.high
    assert min(minute.low for minute in minutes) == day.low
    assert sum(minute.volume or 0 for minute in minutes) == day.volume


def test_real_history_stands_beside_under_its_own_symbols(demo: dict[str, Any]) -> None:
    real = Instrument.objects.filter(symbol__endswith=".REAL")
    assert {i.symbol for i in real} == {"AAPL.REAL", "FB.REAL", "GOOG.REAL", "IBM.REAL", "MSFT.REAL"}
    assert not real.filter(is_simulated=True).exists()
    assert real.get(symbol="GOOG.REAL").company_name == "Google Inc., real prices 2004–2013"
    first = DailyBar.objects.get(instrument__symbol="AAPL.REAL", date=dt.date(2000, 3, 1))
    assert (first.open, first.high, first.low, first.close, first.volume) == (
        Decimal("118.56"),
        Decimal("132.06"),
        Decimal("118.5"),
        Decimal("130.31"),
        9616100,
    )
    assert demo["counts"]["real daily bars"] == 12154
    batches = IngestBatch.objects.all()
    assert {(batch.status, batch.price_basis, batch.rejected) for batch in batches} == {
        (BatchStatus.FINISHED, PriceBasis.RAW, 0)
    }


def test_performance_follows_from_positions_and_closes(demo: dict[str, Any]) -> None:
    portfolio = Portfolio.objects.get(name="Long-term")
    assert portfolio.kind == "recorded"
    assert portfolio.positions.count() == 5
    days = list(portfolio.performance.order_by("date"))
    assert 245 <= len(days) <= 255
    assert days[-1].date == FRIDAY
    for day in (days[0], days[100], days[-1]):
        worth = sum(
            position.quantity * DailyBar.objects.get(instrument__symbol=position.symbol, date=day.date).close
            for position in portfolio.positions.all()
        )
        assert day.portfolio_value == worth + Decimal("15000")
    # Bought at the closes of the first day.
    assert sum(position.cost for position in portfolio.positions.all()) == days[0].portfolio_value - 15000
    assert days[0].daily_return is None
    assert days[1].daily_return == pytest.approx(
        days[1].portfolio_value / days[0].portfolio_value - 1, abs=Decimal("1e-8")
    )


def test_every_login_has_something_to_see(demo: dict[str, Any]) -> None:
    portfolio = Portfolio.objects.get(name="Long-term")
    assert dict(portfolio.members.values_list("user__username", "grant")) == {
        "analyst": "view",
        "trader": "trade",
        "viewer": "view",
    }
    assert set(Signal.objects.values_list("owner__username", flat=True)) == {"demo", "analyst"}
    assert SystemEvent.objects.filter(event_type="demo.extended").count() == 1


def test_signals_are_of_the_last_year_and_say_why(demo: dict[str, Any]) -> None:
    for signal in Signal.objects.all():
        assert MONDAY - dt.timedelta(days=365) <= signal.generated_at <= MONDAY
        close = DailyBar.objects.get(instrument__symbol=signal.symbol, date=signal.date).close
        assert signal.entry_price == close
        assert signal.stop_loss is not None
        assert signal.target_price is not None
        assert (signal.stop_loss < close < signal.target_price) is (signal.signal_type == "BUY")
        assert len(signal.reasons) == 2


def test_on_the_same_day_nothing_changes(demo: dict[str, Any]) -> None:
    before = everything()
    again = bootstrap_demo()
    assert not again["changed"]
    assert (again["logins"], again["api_key"]) == ([], None)
    assert_nothing_changed(before)


def test_what_a_person_changed_stays(demo: dict[str, Any]) -> None:
    Watchlist.objects.filter(name="Large caps").update(name="Mine", name_key="mine")
    WatchlistItem.objects.filter(symbol="TSLA").delete()
    Portfolio.objects.filter(name="Paper", owner__username="demo").update(name="Play", name_key="play")
    PortfolioCash.objects.filter(portfolio__name="Play").update(balance=Decimal("12.5"))
    Instrument.objects.filter(symbol="AAPL").update(company_name="Apple", sector="Fruit")
    User.objects.filter(username="admin").update(password="!", is_active=False)
    User.objects.get(username="viewer").groups.clear()
    Signal.objects.all().delete()
    ApiKey.objects.update(name="mine")
    before = everything()
    assert not bootstrap_demo()["changed"]
    assert_nothing_changed(before)


def test_a_later_day_adds_its_sessions_and_touches_nothing_else(
    demo: dict[str, Any], clock_at_monday: time_machine.Traveller
) -> None:
    bars = set(DailyBar.objects.values_list("pk", "close", "volume"))
    signals = Signal.objects.count()
    clock_at_monday.move_to(MONDAY + dt.timedelta(days=2))
    again = bootstrap_demo()
    assert again["counts"] == {
        "simulated daily bars": 20,
        "simulated minute bars": 2 * 390 * 10,
        "real daily bars": 0,
        "signals": 0,
        "days of performance": 2,
    }
    assert bars <= set(DailyBar.objects.values_list("pk", "close", "volume"))
    assert Signal.objects.count() == signals
    assert PortfolioPerformance.objects.latest("date").date == dt.date(2026, 10, 20)
    assert not again["logins"]


def test_a_site_made_later_has_the_same_bars(demo: dict[str, Any], clock_at_monday: time_machine.Traveller) -> None:
    clock_at_monday.move_to(MONDAY + dt.timedelta(days=2))
    bootstrap_demo()
    columns = ("instrument__symbol", "date", "open", "high", "low", "close", "volume")
    extended = set(DailyBar.objects.filter(date__gte=dt.date(2026, 1, 1)).values_list(*columns))
    DailyBar.objects.all().delete()
    bootstrap_demo()
    assert set(DailyBar.objects.filter(date__gte=dt.date(2026, 1, 1)).values_list(*columns)) == extended


def test_an_instrument_made_real_gets_no_simulated_bars(
    demo: dict[str, Any], clock_at_monday: time_machine.Traveller
) -> None:
    Instrument.objects.filter(symbol="AAPL").update(is_simulated=False)
    clock_at_monday.move_to(MONDAY + dt.timedelta(days=2))
    assert bootstrap_demo()["counts"]["simulated daily bars"] == 18
    assert not DailyBar.objects.filter(instrument__symbol="AAPL", date__gt=FRIDAY).exists()


def test_positions_that_somebody_changed_are_not_valued_further(
    demo: dict[str, Any], clock_at_monday: time_machine.Traveller
) -> None:
    PortfolioPosition.objects.filter(symbol="AAPL").update(quantity=Decimal("1"))
    clock_at_monday.move_to(MONDAY + dt.timedelta(days=2))
    assert bootstrap_demo()["counts"]["days of performance"] == 0


def test_every_written_table_has_audit_entries(demo: dict[str, Any]) -> None:
    told = set(AuditLog.objects.values_list("object_type", flat=True))
    assert {"users", "api_keys", "metadata", "ingest_batches", "portfolios", "watchlists", "signal_history"} <= told


def test_the_parts_keep_their_names() -> None:
    # Sites remember what was made by these; another name would make it again.
    assert (prices.SEED, parts.LONG_TERM) == (1, "demo.long_term_portfolio_made")
