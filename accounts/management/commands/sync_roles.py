"""`manage.py sync_roles`."""

from __future__ import annotations

from typing import Any

from accounts.services.roles import sync_roles
from tradingsite.core.management.base import DeskCommand


class Command(DeskCommand):
    help = (
        "Give the built-in roles (admin, trader, analyst, viewer) exactly the permissions of the software's table. "
        "`migrate` does it too; roles that you made yourself are left alone."
    )
    has_json = True

    def run(self, *, as_json: bool, **options: Any) -> None:
        changed = sync_roles(actor=self.actor)
        if as_json:
            self.answer({"changed": changed})
        elif changed:
            self.say(f"Changed: {', '.join(changed)}.")
        else:
            self.say("Nothing to change.")
