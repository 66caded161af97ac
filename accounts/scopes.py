"""What an API key may do: its owner's rights, cut by its scopes; pure.

The one table of scopes. A permission is `app.action_model`, and `app.view_*` all of one action.
A scope that writes also reads what it writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a key with this scope is for, and which of its owner's permissions it lets through."""

    label: str
    permissions: tuple[str, ...]


SCOPES: Mapping[str, Scope] = {
    "marketdata:read": Scope("Look at instruments and bars", ("marketdata.view_*",)),
    "marketdata:write": Scope("Load bars, describe instruments", ("marketdata.*",)),
    "trading:read": Scope("Look at signals, ideas, decisions and orders", ("trading.view_*",)),
    "signals:write": Scope("Write signals and insights down", ("trading.*_signal", "trading.*_confluenceinsight")),
    "ideas:write": Scope(
        "Propose trade ideas", ("trading.view_tradeidea", "trading.add_tradeidea", "trading.change_tradeidea")
    ),
    "orders:write": Scope("Place and cancel orders", ("trading.*_order",)),
    "portfolio:read": Scope("Look at portfolios and watchlists", ("portfolio.view_*",)),
    "portfolio:write": Scope("Change portfolios and watchlists", ("portfolio.*",)),
    "account": Scope(
        "See and revoke the owner's keys, read the owner's part of the audit trail",
        ("accounts.view_apikey", "accounts.change_apikey", "systemevents.view_auditlog"),
    ),
    ADMIN: Scope("Everything that the owner may do, administration too", ("*",)),
}
#: What a key has that names no scopes: its owner's rights but administration.
UNNAMED: frozenset[str] = frozenset(SCOPES) - {ADMIN}


@dataclass(frozen=True, slots=True)
class KeyRights:
    """The rights of one key: `permission in rights`.

    `held` are its owner's permissions, None for a superuser's, who holds all; `scopes` None when none are named.
    """

    held: frozenset[str] | None
    scopes: frozenset[str] | None

    @property
    def administers(self) -> bool:
        """Whether the key may use its owner's standing above the permissions, if there is one."""
        return self.scopes is not None and ADMIN in self.scopes

    def __contains__(self, permission: str) -> bool:
        return (self.held is None or permission in self.held) and lets_through(self.scopes, permission)


def lets_through(scopes: Iterable[str] | None, permission: str) -> bool:
    """Whether any of the scopes, or of UNNAMED when none are named, lets the permission through.

    A scope that the table does not know lets nothing through.
    """
    return any(_covers(scope, permission) for scope in (UNNAMED if scopes is None else scopes))


@lru_cache(maxsize=4096)
def _covers(scope: str, permission: str) -> bool:
    return scope in SCOPES and any(fnmatchcase(permission, pattern) for pattern in SCOPES[scope].permissions)
