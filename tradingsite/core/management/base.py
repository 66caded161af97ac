"""The base of every command: one actor, clear sentences, exit status 0, 1 or 2."""

from __future__ import annotations

import sys
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandParser

from tradingsite.core.actor import Actor
from tradingsite.core.errors import DeskError


class Failure(Exception):
    """The work failed or found something wrong: a sentence for standard error, exit status 1."""


class WrongUsage(Exception):
    """The options don't fit together: a sentence for standard error, exit status 2."""


class DeskCommand(BaseCommand):
    """A command whose errors are sentences.

    Subclasses write `run(**options)`; what it raises of `Failure`, `WrongUsage`, `DeskError` and
    Django's `ValidationError` is printed as one sentence. `--json` is there when `has_json` is set.
    """

    has_json = False
    requires_migrations_checks = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        self.name = subcommand
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        if self.has_json:
            parser.add_argument("--json", action="store_true", dest="as_json", help="Answer as JSON, for scripts.")
        return parser

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.run(**options)
        except WrongUsage as error:
            self._stop(str(error), status=2)
        except Failure as error:
            self._stop(str(error), status=1)
        except DeskError as error:
            self._stop(error.detail, status=1)
        except ValidationError as error:
            self._stop(" ".join(error.messages), status=1)

    # Written so that mypy lets subclasses name the options that they take.
    def run(self, *args: Any, **options: Any) -> None:
        """Do the work; subclasses say what."""
        raise NotImplementedError(f"{type(self).__name__}.run")

    @property
    def actor(self) -> Actor:
        """The operator at the machine, who may do everything; named after the command."""
        return Actor.system(getattr(self, "name", type(self).__module__.rpartition(".")[2]))

    def say(self, text: str = "") -> None:
        """A line on standard output."""
        self.stdout.write(text)

    def answer(self, value: Any) -> None:
        """A JSON answer on standard output, for scripts."""
        self.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode())

    def _stop(self, sentence: str, *, status: int) -> None:
        self.stderr.write(sentence)
        sys.exit(status)
