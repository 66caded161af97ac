"""The built-in roles, in one table. `sync_roles` gives them exactly these permissions.

A permission is `app.action_model`; `app.*` is all of an app's, `app.view_*` all of one action.
Roles that staff made beside these keep what staff gave them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

VIEWER = (
    "marketdata.view_instrument",
    "marketdata.view_dailybar",
    "marketdata.view_intradaybar",
    "marketdata.view_tick",
    "marketdata.view_corporateaction",
    "marketdata.view_quarantine",
    "trading.view_*",
    "portfolio.view_*",
    "accounts.view_apikey",
)
TRADER = (
    *VIEWER,
    "portfolio.add_portfolio",
    "portfolio.change_portfolio",
    "portfolio.*_portfoliomember",
    "portfolio.*_watchlist",
    "portfolio.*_watchlistitem",
    "accounts.add_apikey",
    "accounts.change_apikey",
    "systemevents.view_auditlog",
)
ANALYST = (
    *VIEWER,
    "marketdata.*",
    "trading.*_signal",
    "portfolio.*_watchlist",
    "portfolio.*_watchlistitem",
    "accounts.add_apikey",
    "accounts.change_apikey",
    "systemevents.view_auditlog",
)
ADMIN = ("core.view_all", "accounts.*", "marketdata.*", "portfolio.*", "trading.*", "systemevents.*")

ROLES: Mapping[str, tuple[str, ...]] = {
    "admin": ADMIN,
    "trader": TRADER,
    "analyst": ANALYST,
    "viewer": VIEWER,
}


def permissions_of(role: str, existing: Iterable[str]) -> set[str]:
    """Which of the existing permissions a built-in role has."""
    return {name for name in existing if any(fnmatchcase(name, pattern) for pattern in ROLES[role])}
