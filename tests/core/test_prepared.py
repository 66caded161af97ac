"""Reads that every request makes are planned once a connection where PostgreSQL can, and answered everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from accounts.selectors import key_with_rights
from accounts.services.api_keys import create_api_key
from tradingsite.core.actor import Actor
from tradingsite.core.prepared import fetch_prepared

ONE = "SELECT name FROM auth_group WHERE name = %s"
needs_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL is asked to prepare")


@pytest.fixture
def fresh(transactional_db: None) -> Iterator[None]:
    """A connection of the test's own: what it unlearns, no other test inherits."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    connection.close()
    if close_pool := getattr(connection, "close_pool", None):
        close_pool()


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [text for (text,) in cursor.fetchall()]


def test_it_answers_as_any_cursor_does(db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        assert fetch_prepared(ONE, ["trader"]) == [("trader",)]
        assert fetch_prepared(ONE, ["' OR 1=1 --"]) == []


def test_an_error_is_djangos(fresh: None) -> None:
    with pytest.raises(DatabaseError):
        fetch_prepared("SELECT nothing FROM nowhere WHERE 1 = %s", [1])


@needs_postgresql
def test_a_statement_is_planned_once_and_the_orms_never(fresh: None) -> None:
    for _ in range(3):
        fetch_prepared(ONE, ["trader"])
        assert User.objects.filter(username="nobody").count() == 0
    assert prepared() == [ONE.replace("%s", "$1")]


@needs_postgresql
def test_a_server_that_forgets_statements_is_asked_without(fresh: None) -> None:
    fetch_prepared(ONE, ["trader"])
    # As a pooler does that hands the connection on between statements. By the driver, which would notice.
    connection.connection.pgconn.exec_(b"DEALLOCATE ALL")
    assert fetch_prepared(ONE, ["trader"]) == [("trader",)]
    assert fetch_prepared(ONE, ["viewer"]) == [("viewer",)]
    assert prepared() == []


@needs_postgresql
def test_inside_of_a_transaction_the_error_is_not_hidden(fresh: None) -> None:
    fetch_prepared(ONE, ["trader"])
    connection.connection.pgconn.exec_(b"DEALLOCATE ALL")
    with pytest.raises(DatabaseError), transaction.atomic():
        fetch_prepared(ONE, ["trader"])


@needs_postgresql
def test_a_key_is_found_while_a_migration_adds_a_column(fresh: None, owner: User, system: Actor) -> None:
    key = create_api_key(actor=system, owner=owner, name="bot").key
    assert key_with_rights(key.public_id) == key
    with connection.cursor() as cursor:
        # Past the driver, which forgets its statements when it sees an ALTER: the migration is another process.
        connection.connection.pgconn.exec_(b"ALTER TABLE api_keys ADD COLUMN of_tomorrow integer")
        try:
            assert key_with_rights(key.public_id) == key
            assert any("api_keys" in text for text in prepared())
        finally:
            cursor.execute("ALTER TABLE api_keys DROP COLUMN of_tomorrow")
