"""Emptying tables of which some refuse to be emptied, after tests that commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from django.test import TransactionTestCase

from systemevents import append_only


@contextmanager
def unprotected_trail() -> Iterator[None]:
    """The triggers of the audit trail are away within the block, and there again after it."""
    append_only.remove(connections[DEFAULT_DB_ALIAS])
    try:
        yield
    finally:
        append_only.install(connections[DEFAULT_DB_ALIAS])


def empty_every_table() -> None:
    """`manage.py flush`, which the triggers refuse."""
    with unprotected_trail():
        call_command("flush", verbosity=0, interactive=False)


def let_flush_empty_the_trail() -> None:
    """Make Django's flush after each test that commits work as well."""
    case: Any = TransactionTestCase
    flush = case._fixture_teardown

    def flush_without_triggers(self: Any) -> None:
        with unprotected_trail():
            flush(self)

    case._fixture_teardown = flush_without_triggers
