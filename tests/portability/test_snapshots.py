"""What a reader sees while others commit: isolation levels and `read_snapshot`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from systemevents.models import SystemEvent
from tests.factories import SystemEventFactory
from tests.portability.processes import database_url, elsewhere, start_elsewhere
from tradingsite.core.database import parse_database_url
from tradingsite.core.transactions import read_snapshot

pytestmark = pytest.mark.django_db(transaction=True)


def count() -> int:
    return SystemEvent.objects.count()


def test_a_commit_between_two_reads_of_a_snapshot_is_not_seen() -> None:
    with read_snapshot():
        assert count() == 0
        elsewhere(SystemEventFactory.create)
        assert count() == 0
    assert count() == 1


def test_a_snapshot_does_not_make_writers_wait() -> None:
    with read_snapshot():
        count()
        writing = start_elsewhere(SystemEventFactory.create)
        writing()


def test_a_writer_does_not_make_a_snapshot_wait() -> None:
    written, may_commit = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with transaction.atomic():
            SystemEventFactory.create()
            written.set()
            assert may_commit.wait(20)

    writing = start_elsewhere(write_slowly)
    assert written.wait(20)
    with read_snapshot():
        assert count() == 0
    may_commit.set()
    writing()


@pytest.mark.parametrize("in_a_service", [False, True])
def test_writing_in_a_snapshot_is_refused(in_a_service: bool) -> None:
    def write() -> None:
        if in_a_service:
            with transaction.atomic():
                SystemEventFactory.create()
        else:
            SystemEventFactory.create()

    with pytest.raises(DatabaseError), read_snapshot():
        write()
    assert count() == 0


def test_writing_works_again_after_a_snapshot_even_one_that_failed() -> None:
    with pytest.raises(ZeroDivisionError), read_snapshot():
        raise ZeroDivisionError
    SystemEventFactory.create()
    assert elsewhere(count) == 1


def test_the_next_transaction_sees_each_commit_again() -> None:
    with read_snapshot():
        count()
    elsewhere(SystemEventFactory.create)
    assert count() == 1


def test_a_snapshot_within_a_snapshot_is_the_same_one() -> None:
    with read_snapshot():
        assert count() == 0
        elsewhere(SystemEventFactory.create)
        with read_snapshot():
            assert count() == 0
        assert count() == 0


def test_a_snapshot_within_a_transaction_is_that_transactions_view() -> None:
    with transaction.atomic():
        SystemEventFactory.create()
        with read_snapshot():
            assert count() == 1
    assert count() == 1


@pytest.mark.skipif(connection.vendor == "sqlite", reason="nobody else commits while an SQLite transaction is open")
def test_a_transaction_reads_what_others_committed_before_each_statement() -> None:
    with transaction.atomic():
        assert count() == 0
        elsewhere(SystemEventFactory.create)
        assert count() == 1


@contextmanager
def connected_to_a_stricter_server() -> Iterator[BaseDatabaseWrapper]:
    """A connection of the settings' making to a server whose own default is another isolation level."""
    entry: dict[str, Any] = parse_database_url(database_url(), root=Path("/"))
    entry = {**connection.settings_dict, "OPTIONS": entry["OPTIONS"]}
    if connection.vendor == "postgresql":
        # As if the database or the role had been altered.
        entry["OPTIONS"] |= {"options": "-c default_transaction_isolation=serializable", "pool": False}
    wrapper: BaseDatabaseWrapper = connections.create_connection("default")
    wrapper.settings_dict = entry
    try:
        yield wrapper
    finally:
        wrapper.close()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one isolation level")
def test_the_isolation_level_is_pinned_whatever_the_servers_default() -> None:
    question = (
        "SELECT current_setting('transaction_isolation')"
        if connection.vendor == "postgresql"
        else "SELECT variable_value FROM information_schema.session_variables WHERE variable_name = 'tx_isolation'"
        if getattr(connection, "mysql_is_mariadb", False)
        else "SELECT @@transaction_isolation"
    )
    with connected_to_a_stricter_server() as wrapper, transaction_on(wrapper), wrapper.cursor() as cursor:
        cursor.execute(question)
        level = cursor.fetchone()[0]
    assert level.lower().replace("-", " ") == "read committed"


@contextmanager
def transaction_on(wrapper: BaseDatabaseWrapper) -> Iterator[None]:
    wrapper.ensure_connection()
    wrapper.set_autocommit(False)
    try:
        yield
    finally:
        wrapper.rollback()
