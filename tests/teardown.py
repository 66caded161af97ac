"""Emptying tables that refuse to be emptied, after tests that commit."""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.test import TransactionTestCase

from systemevents import append_only


def let_flush_empty_the_trail() -> None:
    """Take the triggers of the audit trail away before a test's tables are flushed, and put them back after."""
    case: Any = TransactionTestCase
    flush = case._fixture_teardown

    def flush_without_triggers(self: Any) -> None:
        append_only.remove(connections[DEFAULT_DB_ALIAS])
        flush(self)
        append_only.install(connections[DEFAULT_DB_ALIAS])

    case._fixture_teardown = flush_without_triggers
