"""What tests of the trail share: a key to seal with, entries to seal, and somebody who gets around the triggers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from systemevents import append_only
from systemevents.models import AuditLog
from systemevents.services.audit import record_audit
from tests.portability.processes import SEAL_KEY
from tradingsite.core.actor import Actor

Write = Callable[[int], list[int]]
Attack = Callable[..., None]


@pytest.fixture(autouse=True)
def seal_key(settings: Any) -> None:
    settings.AUDIT_SEAL_KEY = SEAL_KEY


@pytest.fixture
def write(system: Actor) -> Write:
    """Writes so many entries, each with contents of its own; answers their ids."""

    def entries(count: int) -> list[int]:
        with transaction.atomic():
            return [
                record_audit(system, "thing.done", before={"n": number}, after={"n": number + 1, "x": 0.5}).pk
                for number in range(AuditLog.objects.count(), AuditLog.objects.count() + count)
            ]

    return entries


@pytest.fixture
def attack(transactional_db: None) -> Attack:
    """Runs a statement past the triggers, as somebody could who owns the database."""

    def run(statement: str, *values: Any) -> None:
        append_only.remove(connection)
        with connection.cursor() as cursor:
            cursor.execute(statement, values)

    return run
