"""`in_transaction` by itself; real deadlocks are in tests/portability/test_locks.py."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from systemevents.models import SystemEvent
from tests.factories import SystemEventFactory
from tradingsite.core.transactions import ATTEMPTS, in_transaction, wants_retry


class DriverError(Exception):
    """What a driver raises, with a code where PostgreSQL's has one."""

    def __init__(self, *args: Any, sqlstate: str | None = None) -> None:
        super().__init__(*args)
        self.sqlstate = sqlstate


def wrapped(cause: Exception) -> OperationalError:
    error = OperationalError(*cause.args)
    error.__cause__ = cause
    return error


DEADLOCK = wrapped(DriverError("deadlock detected", sqlstate="40P01"))
WORTH_IT = [
    DEADLOCK,
    wrapped(DriverError("could not serialize access", sqlstate="40001")),
    wrapped(DriverError(1213, "Deadlock found when trying to get lock")),
    wrapped(DriverError(1205, "Lock wait timeout exceeded")),
    wrapped(DriverError("database is locked")),
]
NOT_WORTH_IT = [
    wrapped(DriverError("connection refused", sqlstate="08006")),
    wrapped(DriverError(2006, "Server has gone away")),
    wrapped(DriverError("disk I/O error")),
    OperationalError(),
]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr("tradingsite.core.transactions.time.sleep", waits.append)
    return waits


@pytest.mark.parametrize("error", WORTH_IT, ids=str)
def test_what_the_engine_gave_up_on_is_worth_another_try(error: OperationalError) -> None:
    assert wants_retry(error)


@pytest.mark.parametrize("error", NOT_WORTH_IT, ids=str)
def test_anything_else_is_not(error: OperationalError) -> None:
    assert not wants_retry(error)


class Failing:
    """Writes an event, then fails a number of times."""

    def __init__(self, times: int, error: Exception) -> None:
        self.left, self.error, self.calls = times, error, 0

    def __call__(self) -> str:
        self.calls += 1
        SystemEventFactory.create()
        if self.left:
            self.left -= 1
            raise self.error
        return "done"


@pytest.mark.django_db(transaction=True)
def test_it_starts_over_and_leaves_nothing_of_the_failed_tries(no_waiting: list[float]) -> None:
    work = Failing(2, DEADLOCK)
    assert in_transaction(work)() == "done"
    assert work.calls == 3
    assert SystemEvent.objects.count() == 1
    assert len(no_waiting) == 2


@pytest.mark.django_db(transaction=True)
def test_it_gives_up_in_the_end_with_the_error_itself(no_waiting: list[float]) -> None:
    work = Failing(100, DEADLOCK)
    with pytest.raises(OperationalError, match="deadlock"):
        in_transaction(work)()
    assert work.calls == ATTEMPTS
    assert sum(no_waiting) < 5
    assert SystemEvent.objects.count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [NOT_WORTH_IT[0], IntegrityError("duplicate"), ValueError("a bug")], ids=repr)
def test_other_errors_are_raised_at_once(error: Exception) -> None:
    work = Failing(1, error)
    with pytest.raises(type(error)):
        in_transaction(work)()
    assert work.calls == 1
    assert SystemEvent.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_only_the_outermost_starts_over() -> None:
    inner = Failing(1, DEADLOCK)
    outer_calls = []

    @in_transaction
    def outer() -> str:
        outer_calls.append(1)
        return in_transaction(inner)()

    assert outer() == "done"
    assert len(outer_calls) == 2
    assert inner.calls == 2, "the inner one was tried once in each outer try"


@pytest.mark.django_db(transaction=True)
def test_within_a_transaction_it_never_starts_over_by_itself() -> None:
    work = Failing(1, DEADLOCK)
    with pytest.raises(OperationalError), transaction.atomic():
        in_transaction(work)()
    assert work.calls == 1


@pytest.mark.django_db
def test_an_inner_one_that_fails_takes_only_its_own_writes_back() -> None:
    SystemEventFactory.create()
    with pytest.raises(ValueError, match="no"):
        in_transaction(Failing(1, ValueError("no")))()
    assert SystemEvent.objects.count() == 1
    assert not connection.needs_rollback


def test_it_keeps_name_and_help_of_the_service() -> None:
    @in_transaction
    def place_order() -> None:
        """Place an order."""

    assert place_order.__name__ == "place_order"
    assert place_order.__doc__ == "Place an order."
