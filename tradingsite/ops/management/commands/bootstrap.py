"""`manage.py bootstrap`, also called `setup_database`."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Q

from accounts.models import User
from tradingsite.core import clock
from tradingsite.core.database import describe
from tradingsite.core.management.base import DeskCommand
from tradingsite.ops.services.bootstrap import BootstrapReport, bootstrap

PYTHON = ".venv/bin/python"
_MONTH = timedelta(days=30)


class Command(DeskCommand):
    help = (
        "Make the database a working site: migrations, roles, permissions. Safe to run again and again. "
        "With --demo also logins, prices up to the last closed session, portfolios and signals; "
        "what a person has changed since stays as it is."
    )
    has_json = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="make the demo, or bring it up to today")
        parser.add_argument(
            "--address",
            default=settings.PUBLIC_URL,
            metavar="URL",
            help="where the site is served, for the lines that are printed (default: %(default)s)",
        )

    def run(self, *, demo: bool, address: str, as_json: bool, **options: Any) -> None:
        # Here, not before: an engine that is too old must not be migrated.
        self.check(databases=["default"])
        report = bootstrap(actor=self.actor, demo=demo, say=_silent if as_json else self.say)
        if as_json:
            self.answer(as_dict(report))
            return
        self.say()
        self.say(self._summary(report))
        for note in report.notes:
            self.say(note)
        if demo:
            self._show_logins(report, address)
            self._show_key(report, address)
        elif not has_administrator():
            self.say(f"Nobody can administer it yet: {PYTHON} manage.py createsuperuser")

    def _summary(self, report: BootstrapReport) -> str:
        place = describe(connection.settings_dict)
        if not report.changed:
            return f"{place}: everything is there, nothing changed."
        done = [f"{count} {what}" for what, count in report.counts.items() if count]
        if report.migrations:
            done.insert(0, f"{report.migrations} migrations")
        if report.roles:
            done.append(f"roles {', '.join(report.roles)}")
        return f"{place} is ready: {', '.join(done)}." if done else f"{place} is ready."

    def _show_logins(self, report: BootstrapReport, address: str) -> None:
        self.say()
        self.say(f"Admin:  {address}/admin/")
        if not report.logins:
            self.say("        The logins were printed when the demo was made. A new password for one:")
            self.say(f"        {PYTHON} manage.py changepassword admin")
            return
        self.say("        Log in with one of these; they are shown this once:")
        self.say()
        self.say(f"        {'user':10}{'password':20}role")
        for login in report.logins:
            self.say(f"        {login.username:10}{login.password:20}{login.role}")

    def _show_key(self, report: BootstrapReport, address: str) -> None:
        self.say()
        self.say(f"API:    {address}/api/docs/")
        if not report.api_key:
            self.say("        The first key was printed when the demo was made. Another one:")
            self.say(f"        {PYTHON} manage.py create_api_key demo --name notebook")
            return
        start = clock.today() - _MONTH
        self.say("        Try it with this key, shown this once:")
        self.say()
        self.say(f'curl -H "Authorization: Bearer {report.api_key}" \\')
        self.say(f'  "{address}/api/v1/bars?symbols=AAPL&timeframe=1d&start={start}&limit=5"')


def has_administrator() -> bool:
    """Whether somebody active is a superuser or has the role admin."""
    admins = Group.objects.filter(name="admin")
    return bool(User.objects.filter(Q(is_superuser=True) | Q(groups__in=admins), is_active=True).exists())


def as_dict(report: BootstrapReport) -> dict[str, Any]:
    """The report for a program: JSON types only."""
    return {
        "changed": report.changed,
        "migrations": report.migrations,
        "roles": report.roles,
        "logins": [
            {"username": login.username, "password": login.password, "role": login.role} for login in report.logins
        ],
        "api_key": report.api_key or None,
        "counts": report.counts,
        "notes": report.notes,
    }


def _silent(text: str) -> None:
    """Progress has no place in a JSON answer."""
