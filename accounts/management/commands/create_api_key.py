"""`manage.py create_api_key`."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from accounts.models import ApiKey, User
from accounts.scopes import SCOPES
from accounts.services.api_keys import DEFAULT_LIFETIME, create_api_key
from accounts.services.key_limits import KeyLimits
from tradingsite.core import clock
from tradingsite.core.management.base import DeskCommand, Failure, WrongUsage

LONGEST_DAYS = 3650


class Command(DeskCommand):
    help = "Make an API key for a user. The key is shown once; only a digest of it is kept."
    has_json = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="whose key it is; it can do what this user may do")
        parser.add_argument("--name", required=True, help="what will use it, as in 'nightly import'")
        parser.add_argument(
            "--scope",
            action="append",
            choices=list(SCOPES),
            metavar="SCOPE",
            help=f"what it may do, repeatable: {', '.join(SCOPES)}; without any: what the user may, but administration",
        )
        parser.add_argument(
            "--allow",
            action="append",
            metavar="CIDR",
            help="a network that it works from, as in 10.0.0.0/8; repeatable",
        )
        parser.add_argument(
            "--expires-days", type=int, metavar="N", help=f"days until it ends (default: {DEFAULT_LIFETIME.days})"
        )

    def run(
        self,
        *,
        username: str,
        name: str,
        scope: list[str] | None,
        allow: list[str] | None,
        expires_days: int | None,
        as_json: bool,
        **options: Any,
    ) -> None:
        if expires_days is not None and not 1 <= expires_days <= LONGEST_DAYS:
            raise WrongUsage(f"--expires-days must be from 1 to {LONGEST_DAYS}.")
        lifetime = DEFAULT_LIFETIME if expires_days is None else timedelta(days=expires_days)
        owner = User.objects.filter(username=User.normalize_username(username)).first()
        if owner is None:
            raise Failure(f"There is no user {username!r}.")
        limits = KeyLimits(scopes=scope, allowed_addresses=allow)
        made = create_api_key(
            actor=self.actor, owner=owner, name=name, expires_at=clock.now() + lifetime, limits=limits
        )
        if as_json:
            self.answer({"id": made.key.public_id, "key": made.text})
            return
        self.say(made.text)
        self.say(
            f"That is the key, shown this once. It acts as {owner.username} until {made.key.expires_at:%Y-%m-%d}, "
            f"{_rights(made.key)}; send it as 'Authorization: Bearer <key>'."
        )


def _rights(key: ApiKey) -> str:
    scopes = "without administration" if key.scopes is None else f"with the scopes {', '.join(key.scopes)}"
    return scopes if key.allowed_addresses is None else f"{scopes}, from {', '.join(key.allowed_addresses)}"
