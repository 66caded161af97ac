"""Times, texts, JSON, nulls and keys mean the same on every engine."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction

from accounts.services.api_keys import create_api_key
from accounts.services.users import create_user
from marketdata.models import DailyBar, Instrument
from portfolio.models import Watchlist
from portfolio.services.portfolios import create_portfolio
from systemevents.models import SystemEvent
from systemevents.services.events import record_event
from tests.factories import (
    DailyBarFactory,
    InstrumentFactory,
    IntradayBarFactory,
    SignalFactory,
    SystemEventFactory,
    WatchlistFactory,
    WatchlistItemFactory,
)
from tests.models import our_models
from trading.models import Signal
from tradingsite.core.actor import Actor
from tradingsite.core.errors import InvalidInput

pytestmark = pytest.mark.django_db

MOMENTS = [
    dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    dt.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC),
    dt.datetime(2020, 1, 2, 3, 4, 5, 1, tzinfo=dt.UTC),
    dt.datetime(2024, 11, 3, 1, 30, tzinfo=dt.timezone(dt.timedelta(hours=-4))),  # an hour that New York has twice
    dt.datetime(2038, 1, 19, 3, 14, 8, tzinfo=dt.UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_a_moment_comes_back_to_the_microsecond_and_in_utc(moment: dt.datetime) -> None:
    event = SystemEventFactory.create(occurred_at=moment)
    stored = SystemEvent.objects.values_list("occurred_at", flat=True).get()
    assert stored == moment
    assert stored.utcoffset() == dt.timedelta(0)
    assert SystemEvent.objects.filter(pk=event.pk, occurred_at=moment).exists()
    assert not SystemEvent.objects.filter(occurred_at__lt=moment).exists()


def test_moments_a_microsecond_apart_are_two_bars() -> None:
    first = IntradayBarFactory.create()
    later = first.timestamp + dt.timedelta(microseconds=1)
    second = IntradayBarFactory.create(instrument=first.instrument, timestamp=later)
    with pytest.raises(IntegrityError), transaction.atomic():
        IntradayBarFactory.create(instrument=first.instrument, timestamp=second.timestamp)


@pytest.mark.parametrize("date", [dt.date(1, 1, 1), dt.date(1582, 10, 10), dt.date(2024, 2, 29), dt.date.max])
def test_a_date_comes_back(date: dt.date) -> None:
    DailyBarFactory.create(date=date)
    assert DailyBar.objects.filter(date=date).values_list("date", flat=True).get() == date


def test_a_day_is_a_half_open_range_in_utc() -> None:
    day = dt.datetime(2024, 3, 10, tzinfo=dt.UTC)
    for moment in (-1, 0, 86_400_000_000 - 1, 86_400_000_000):
        SystemEventFactory.create(occurred_at=day + dt.timedelta(microseconds=moment))
    within = SystemEvent.objects.filter(occurred_at__gte=day, occurred_at__lt=day + dt.timedelta(days=1))
    assert within.count() == 2


def test_a_time_without_a_zone_is_refused() -> None:
    # pytest raises what Django warns of: a naive time would be read in some zone or other.
    with pytest.raises(RuntimeWarning, match="naive"), transaction.atomic():
        SystemEventFactory.create(occurred_at=dt.datetime(2024, 1, 1))  # noqa: DTZ001  # that is the point


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, None, True, "text"]},
        {"emoji": "\N{GRINNING FACE}", "quotes": "'\"\\", "control": "\x01\t\n"},
        {"big": 2**53, "small": -(2**53), "tiny": 1e-300},
        {"": "an empty key", "Key": 1, "key": 2},
        {"b": 1, "a": 2},
        {},
    ],
    ids=str,
)
def test_json_comes_back(value: dict[str, Any]) -> None:
    event = SystemEventFactory.create(details=value)
    event.refresh_from_db()
    assert event.details == value


NESTED: list[Any] = []
for _ in range(20):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    "value",
    [
        ["\ud800"],
        {"\udfff": 1},
        {"a": {"b": ["x\x00y"]}},
        [float("nan")],
        {"a": float("inf")},
        NESTED,
    ],
    ids=["surrogate", "surrogate in a key", "nul", "nan", "infinity", "depth 21"],
)
def test_json_that_some_engine_can_not_hold_is_refused_on_all(value: Any) -> None:
    signal = SignalFactory.create(reasons=["before"])
    signal.reasons = value
    with pytest.raises(ValidationError):
        signal.full_clean()
    for write in (
        signal.save,
        lambda: Signal.objects.bulk_create([SignalFactory.build(owner=signal.owner, reasons=value)]),
        lambda: Signal.objects.update(reasons=value),
        lambda: Signal.objects.bulk_update([signal], ["reasons"]),
    ):
        with pytest.raises(ValidationError), transaction.atomic():
            write()
    assert list(Signal.objects.values_list("reasons", flat=True)) == [["before"]]


def test_twenty_levels_of_json_are_taken() -> None:
    SignalFactory.create(reasons=NESTED[0])
    assert Signal.objects.get().reasons == NESTED[0]


def test_an_event_about_a_file_whose_name_is_no_text_is_recorded(system: Actor) -> None:
    name = b"caf\xe9\x00.csv".decode("utf-8", "surrogateescape")
    record_event(actor=system, event_type="test", source="tests", description=name, details={name: name})
    assert SystemEvent.objects.get().description == "caf\ufffd\ufffd.csv"


@pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.db_table)
def test_lists_are_sorted_by_columns_that_are_never_null(model: type[models.Model]) -> None:
    """NULLs come first on SQLite and MySQL and last on PostgreSQL."""
    assert model._meta.ordering, "a list without an order is another one each time"
    for name in model._meta.ordering:
        field = next(f for f in model._meta.local_fields if str(name).lstrip("-") in (f.name, f.attname, "pk"))
        assert not field.null, f"{model.__name__} is sorted by {name}"


def test_a_key_is_never_given_twice() -> None:
    watchlist = WatchlistFactory.create()
    gone = WatchlistItemFactory.create(watchlist=watchlist)
    last_key = gone.pk
    gone.delete()
    assert WatchlistItemFactory.create(watchlist=watchlist).pk > last_key


def test_work_goes_on_after_a_refused_insert_in_an_inner_transaction() -> None:
    first = WatchlistFactory.create()
    with pytest.raises(IntegrityError), transaction.atomic():
        WatchlistFactory.create(owner=first.owner, name=first.name)
    assert Watchlist.objects.count() == 1


def test_rows_made_in_bulk_are_found_by_what_they_are_not_by_their_keys() -> None:
    Instrument.objects.bulk_create([Instrument(symbol=symbol) for symbol in ("A", "B")])
    assert set(Instrument.objects.filter(symbol__in=["A", "B"]).values_list("symbol", flat=True)) == {"A", "B"}


def test_a_text_that_is_longer_than_its_column_is_refused_by_the_services(system: Actor, owner: Any) -> None:
    """SQLite would take it, the others would fail."""
    with pytest.raises(InvalidInput):
        create_user(actor=system, username="a" * 151)
    with pytest.raises(InvalidInput):
        create_user(actor=system, username="ann", email=f"{'a' * 250}@example.com")
    with pytest.raises(InvalidInput):
        create_api_key(actor=system, owner=owner, name="n" * 101)
    with pytest.raises(InvalidInput):
        create_portfolio(actor=system, owner=owner, name="n" * 101)


@pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.db_table)
def test_every_short_text_says_how_long_it_may_be(model: type[models.Model]) -> None:
    for field in model._meta.local_fields:
        if isinstance(field, models.CharField):
            assert field.max_length, field.name
            with pytest.raises(ValidationError):
                field.run_validators("x" * (field.max_length + 1))


def test_four_byte_characters_are_stored() -> None:
    instrument = InstrumentFactory.create(company_name="\N{GRINNING FACE} 𝔘𝔫𝔦𝔠𝔬𝔡𝔢")
    instrument.refresh_from_db()
    assert instrument.company_name == "\N{GRINNING FACE} 𝔘𝔫𝔦𝔠𝔬𝔡𝔢"


def test_more_ids_than_a_statement_takes_parameters_are_listed_in_chunks() -> None:
    from marketdata.services.instruments import find_instruments

    InstrumentFactory.create(symbol="LAST")
    assert list(find_instruments([f"S{n}" for n in range(2000)] + ["LAST"])) == ["LAST"]


@pytest.mark.skipif(connection.vendor != "mysql", reason="only MySQL can be lax")
def test_mysql_is_strict_and_speaks_utf8mb4() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@sql_mode, @@character_set_connection")
        mode, charset = cursor.fetchone()
    assert "STRICT_TRANS_TABLES" in mode
    assert charset == "utf8mb4"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has these switches")
@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("recursive_triggers", 1)],
)
def test_sqlite_is_set_up_for_several_processes_and_sudden_ends(pragma: str, value: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {pragma}")
        assert cursor.fetchone()[0] == value
