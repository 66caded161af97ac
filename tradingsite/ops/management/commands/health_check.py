"""`manage.py health_check`."""

from __future__ import annotations

from typing import Any

from tradingsite.core.management.base import DeskCommand, Failure
from tradingsite.ops.health import ask


class Command(DeskCommand):
    help = (
        "Ask every part of the platform whether it is well: database, migrations, roles, cache and what the apps "
        "add. Exit status 1 when anything is not."
    )
    has_json = True
    # An unreachable database is this command's answer, not a reason not to start.
    requires_system_checks = ()

    def run(self, *, as_json: bool, **options: Any) -> None:
        answers = ask()
        if as_json:
            self.answer(
                {
                    "healthy": all(healthy for healthy, _ in answers.values()),
                    "checks": [
                        {"name": name, "healthy": healthy, "message": sentence}
                        for name, (healthy, sentence) in answers.items()
                    ],
                }
            )
        else:
            width = max(map(len, answers))
            for name, (healthy, sentence) in answers.items():
                word = self.style.SUCCESS("well") if healthy else self.style.ERROR("ILL ")
                self.say(f"{word}  {name:{width}}  {sentence}")
        if ill := [name for name, (healthy, _) in answers.items() if not healthy]:
            raise Failure(f"Not well: {', '.join(ill)}.")
