"""What the tests of `bootstrap` share."""

from __future__ import annotations

import datetime as dt
import json
from io import StringIO
from typing import Any

from django.apps import apps
from django.core.management import call_command

SYMBOLS = ["AAPL", "GOOGL", "MSFT", "AMZN", "TSLA", "NVDA", "META", "JPM", "V", "NFLX"]
# A Monday, an hour before New York opens: the last closed session is Friday the 16th.
MONDAY = dt.datetime(2026, 10, 19, 12, 30, tzinfo=dt.UTC)
FRIDAY = dt.date(2026, 10, 16)

Rows = dict[str, list[tuple[Any, ...]]]


def bootstrap_demo() -> dict[str, Any]:
    """What `bootstrap --demo --json` answers."""
    output = StringIO()
    call_command("bootstrap", "--demo", "--json", stdout=output)
    answer: dict[str, Any] = json.loads(output.getvalue())
    return answer


def everything() -> Rows:
    """Every row of every table of ours."""
    return {
        model._meta.db_table: list(model._default_manager.order_by("pk").values_list())
        for model in apps.get_models()
        if model._meta.managed
    }


def assert_nothing_changed(before: Rows) -> None:
    after = everything()
    assert [table for table in before if before[table] != after[table]] == []
