"""Row locks, the only place that takes them; an app's own are in its `locking.py`.

Always in the order of the primary keys, so that two transactions never wait for each other in
a ring, and with a bare `select_for_update()`: MariaDB knows neither `of` nor `no_key`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import models

from tradingsite.core.errors import NotFound

M = TypeVar("M", bound=models.Model)


def lock(row: M) -> M:
    """The row as it is now, nobody else's until the transaction ends. Raises NotFound when it has gone.

    Decide by what this answers, never by the row that was read before the lock.
    """
    locked = lock_all(type(row), [row.pk])
    if not locked:
        raise NotFound
    return locked[0]


def lock_all(model: type[M], pks: Iterable[Any]) -> list[M]:
    """The rows with these keys that exist, locked, ordered by primary key."""
    rows = model._base_manager.select_for_update().filter(pk__in=list(pks))
    return list(rows.order_by("pk"))
