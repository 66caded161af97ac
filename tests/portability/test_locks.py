"""Concurrent writers: nothing lost, no lock errors, deadlocks tried again."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.db import OperationalError, connection, transaction

from portfolio.models import PortfolioCash
from systemevents.models import SystemEvent
from tests.factories import PortfolioCashFactory
from tests.portability.processes import elsewhere, in_processes, start_elsewhere
from tradingsite.core.errors import NotFound
from tradingsite.core.locking import lock, lock_all
from tradingsite.core.transactions import in_transaction

pytestmark = pytest.mark.django_db(transaction=True)


def test_debits_by_several_processes_never_take_more_than_there_is() -> None:
    cash = PortfolioCashFactory.create(balance=Decimal(100))

    accepted = in_processes("debit", 3, cash.pk, 60)

    cash.refresh_from_db()
    assert sum(accepted) == 100
    assert cash.balance == 0


def test_processes_that_read_and_write_do_not_find_the_database_locked() -> None:
    assert in_processes("record_events", 3, 40) == [40, 40, 40]
    assert SystemEvent.objects.count() == 120


def test_two_transactions_that_wait_for_each_other_both_succeed() -> None:
    first, second = PortfolioCashFactory.create(), PortfolioCashFactory.create()
    met = threading.Barrier(2)
    attempts: list[int] = []

    def transfer_between(one: PortfolioCash, other: PortfolioCash) -> None:
        waited = False

        @in_transaction
        def transfer() -> None:
            nonlocal waited
            attempts.append(one.pk)
            giver = lock(one)
            if not waited:
                waited = True
                wait_for_the_other(met)
            taker = lock(other)
            giver.balance, taker.balance = giver.balance - 1, taker.balance + 1
            giver.save()
            taker.save()

        transfer()

    there = start_elsewhere(lambda: transfer_between(first, second))
    back = start_elsewhere(lambda: transfer_between(second, first))
    there()
    back()

    assert set(PortfolioCash.objects.values_list("balance", flat=True)) == {Decimal(10000)}
    if connection.vendor != "sqlite":  # whose writers queue up before they lock anything
        assert len(attempts) >= 3, "nobody deadlocked, so nothing was tried here"


def wait_for_the_other(met: threading.Barrier) -> None:
    try:
        met.wait(timeout=0.5 if connection.vendor == "sqlite" else 20)
    except threading.BrokenBarrierError:
        assert connection.vendor == "sqlite"


def test_a_lock_makes_the_next_one_wait_and_see_what_was_written() -> None:
    cash = PortfolioCashFactory.create(balance=Decimal(1))
    locked, may_commit = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            mine = lock(cash)
            locked.set()
            assert may_commit.wait(20)
            mine.balance = Decimal(2)
            mine.save()

    def read_behind_the_lock() -> Decimal:
        with transaction.atomic():
            return lock(cash).balance

    holding = start_elsewhere(hold)
    assert locked.wait(20)
    reading = start_elsewhere(read_behind_the_lock)
    may_commit.set()

    holding()
    assert reading() == 2


def test_rows_are_locked_in_the_order_of_their_keys() -> None:
    rows = [PortfolioCashFactory.create() for _ in range(3)]
    backwards = [row.pk for row in reversed(rows)]
    with transaction.atomic():
        assert lock_all(PortfolioCash, backwards) == rows


def test_locking_a_row_that_has_gone_says_so() -> None:
    cash = PortfolioCashFactory.create()
    elsewhere(lambda: PortfolioCash.objects.all().delete())
    with transaction.atomic(), pytest.raises(NotFound):
        lock(cash)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite locks by the transaction, not by the row")
def test_a_lock_outside_of_a_transaction_is_a_bug() -> None:
    cash = PortfolioCashFactory.create()
    with pytest.raises(transaction.TransactionManagementError):
        lock(cash)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has one writer at a time")
def test_a_second_writer_waits_as_long_as_the_busy_timeout_before_it_gives_up() -> None:
    waiting = 0.2

    def write_impatiently() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {int(waiting * 1000)}")
        with transaction.atomic():
            pass

    with transaction.atomic(), pytest.raises(OperationalError, match="database is locked"):
        elsewhere(write_impatiently)
