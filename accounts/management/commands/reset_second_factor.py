"""`manage.py reset_second_factor`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.models import User
from accounts.services.second_factor import reset_second_factor
from tradingsite.core.management.base import DeskCommand, Failure


class Command(DeskCommand):
    help = (
        "Take away the second factor of somebody who lost the app and the recovery codes, and end their log-ins. "
        "For the last administrator, whom nobody else can help; also after SECRET_KEY changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="whose second factor it is")

    def run(self, *, username: str, **options: Any) -> None:
        user = User.objects.filter(username=User.normalize_username(username)).first()
        if user is None:
            raise Failure(f"There is no user {username!r}.")
        had_one = reset_second_factor(actor=self.actor, user=user)
        self.say(f"{user.username} {'has no second factor any more' if had_one else 'had no second factor'}.")
