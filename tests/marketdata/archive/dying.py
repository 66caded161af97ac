"""A process that seals or compacts and dies at a step: `python -m tests.marketdata.archive.dying STEP rollover`.

A step is `before` or `after` one of the named functions; the death is SIGKILL, which nothing catches.
"""

from __future__ import annotations

import datetime as dt
import importlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

#: The functions whose beginning and end are the steps, in the order in which they are called.
FUNCTIONS = {
    "derive": "marketdata.services.rollover:derive_daily_bars",
    "create": "marketdata.archive.storage:LocalStorage.create",
    "bytes": "marketdata.archive.writing:_Digested.write",
    "check": "marketdata.archive.sealing:check_file",
    "place": "marketdata.archive.sealing:place_file",
    "record": "marketdata.services.archive:record_partition",
    "delete": "marketdata.services.archive:delete_live",
    "audit": "marketdata.services.archive:record_audit",
    "commit": "marketdata.services.{module}:{sealing}",
    "supersede": "marketdata.archive.storage:LocalStorage.keep_superseded",
    "tidy": "marketdata.services.{module}:tidy_archive",
    "remove": "marketdata.archive.storage:LocalStorage.remove_superseded",
    "removed": "marketdata.services.archive:mark_removed",
}
SEALING = {"rollover": "seal_span", "compaction": "compact_span"}
OCTOBER = dt.date(2013, 10, 31)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def patch(step: str, module: str) -> None:
    """Make the process die at the step: `before:place`, `after:place`; of `bytes` at the fifth call, midway."""
    when, _, name = step.partition(":")
    where, _, path = FUNCTIONS[name].format(module=module, sealing=SEALING[module]).partition(":")
    owner: Any = importlib.import_module(where)
    *classes, attribute = path.split(".")
    for one in classes:
        owner = getattr(owner, one)
    function: Callable[..., Any] = getattr(owner, attribute)
    calls = [0]

    def dying(*args: Any, **options: Any) -> Any:
        calls[0] += 1
        if when == "before" and calls[0] >= (5 if name == "bytes" else 1):
            die()
        answer = function(*args, **options)
        if when == "after" and calls[0] >= (5 if name == "bytes" else 1):
            die()
        return answer

    setattr(owner, attribute, dying)


def main(step: str, action: str) -> None:
    import django

    django.setup()
    from marketdata.services.compaction import compact_months
    from marketdata.services.rollover import roll_over
    from tradingsite.core.actor import Actor

    module = {"rollover": "rollover", "compact": "compaction"}[action]
    patch(step, module)
    actor = Actor.system("tests")
    if action == "rollover":
        roll_over(actor=actor, through=OCTOBER)
    else:
        compact_months(actor=actor)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    main(*sys.argv[1:])
