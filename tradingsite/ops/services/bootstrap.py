"""A working site from nothing, again and again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from django.core.management import call_command

from accounts.models import User
from accounts.services.roles import sync_roles
from systemevents.services.events import record_event
from tradingsite.core import clock
from tradingsite.core.actor import Actor
from tradingsite.core.management.entry import migrations_to_run
from tradingsite.core.transactions import in_transaction
from tradingsite.ops.demo.instruments import make_simulated_instruments
from tradingsite.ops.demo.people import DEMO, Login, make_key, make_people
from tradingsite.ops.demo.portfolios import (
    extend_performance,
    make_long_term_portfolio,
    make_paper_portfolio,
    make_watchlist,
)
from tradingsite.ops.demo.prices import extend_simulated_bars, load_real_history
from tradingsite.ops.demo.signals import make_signals
from tradingsite.ops.services.half_made import drop_half_made_tables

Say = Callable[[str], None]


@dataclass(slots=True)
class BootstrapReport:
    """What a bootstrap did; all zero and empty when there was nothing to do.

    `logins` and `api_key` are known only here: only digests of them are stored.
    """

    migrations: int = 0
    roles: list[str] = field(default_factory=list)
    logins: list[Login] = field(default_factory=list)
    api_key: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.migrations or self.roles or self.logins or self.api_key or any(self.counts.values()))


def bootstrap(*, actor: Actor, demo: bool, say: Say) -> BootstrapReport:
    """Migrate, then make roles and, if asked, the demo; doing it again changes nothing.

    Each migration is a transaction of its own where the engine can undo changes of tables
    (SQLite, PostgreSQL). MySQL/MariaDB can't; there a first migrate that broke off starts over.
    Everything after the migrations is one transaction on every engine. `say` is told what is being done.
    """
    drop_half_made_tables()
    report = BootstrapReport(migrations=migrations_to_run())
    if report.migrations:
        say(f"Migrating ({report.migrations}) …")
    # Even with none to run: it makes content types and permissions that a killed run left out.
    call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
    call_command("createcachetable", verbosity=0)
    _make_data(report=report, actor=actor, demo=demo, say=say, at=clock.now())
    return report


@in_transaction
def _make_data(*, report: BootstrapReport, actor: Actor, demo: bool, say: Say, at: dt.datetime) -> None:
    # Assigned, never added to, because a deadlock starts this over.
    report.roles = sync_roles(actor=actor)
    if demo:
        _make_demo(report, actor, say, at)


def _make_demo(report: BootstrapReport, actor: Actor, say: Say, at: dt.datetime) -> None:
    instruments = make_simulated_instruments(actor)
    # After the instruments, which the watchlist of a new user holds.
    report.logins = make_people(actor)
    say("Simulating prices …")
    prices = extend_simulated_bars(actor, instruments, at=at)
    say("Loading real price history …")
    real, note = load_real_history(actor)
    report.notes = [note] if note else []
    report.counts = {
        "simulated daily bars": prices.daily,
        "simulated minute bars": prices.minute,
        "real daily bars": real,
    }
    owner = User.objects.filter(username=DEMO, is_active=True).first()
    if owner is not None:
        _make_belongings(report, actor, owner, at)
    report.counts["days of performance"] = extend_performance(actor)
    if report.logins or any(report.counts.values()):
        record_event(
            actor=actor,
            event_type="demo.extended",
            source="bootstrap",
            description="The demo's data were made or brought up to date.",
            details=report.counts,
        )


def _make_belongings(report: BootstrapReport, actor: Actor, owner: User, at: dt.datetime) -> None:
    make_paper_portfolio(actor, owner)
    make_watchlist(actor, owner)
    make_long_term_portfolio(actor, owner)
    owners = [owner, *User.objects.filter(username="analyst", is_active=True)]
    report.counts["signals"] = make_signals(actor, owners, at=at)
    key = make_key(actor, owner)
    report.api_key = "" if key is None else key.text
