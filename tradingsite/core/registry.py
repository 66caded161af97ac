"""Where apps register what those below them, or the operations above, call: nothing imports upwards.

An app calls `register_...` in its `AppConfig.ready`: jobs and health checks for commands and the
scheduler, welcomes and departures for the day that a user comes or goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradingsite.core.actor import Actor

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser


@dataclass(frozen=True, slots=True)
class Job:
    """A plain function with a name that the scheduler and `run_job` can call.

    `run` takes the actor that it acts as and returns one sentence on what it did.
    """

    name: str
    description: str
    run: Callable[[Actor], str]


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A question with a yes or a no: `run` returns a sentence when healthy, raises Unhealthy when not."""

    name: str
    run: Callable[[], str]
    #: Asked by /readyz too; the others by `health_check` only.
    decides_readiness: bool = False


@dataclass(frozen=True, slots=True)
class Welcome:
    """What an app gives a new user, in the transaction that makes them: `give(actor, user)`."""

    name: str
    give: Callable[[Actor, AbstractUser], None]


@dataclass(frozen=True, slots=True)
class Departure:
    """What of an app's stops, or can be handed over, when a user is deactivated; all in that transaction.

    `stop(actor, user)` ends what must not go on without them and answers what it ended, a sentence each.
    `holdings(user)` says what could be handed over, a line each; `hand_over(actor, user, to)` gives it
    to another user and answers what it gave, a sentence each. What an app has nothing to say to is None.
    """

    name: str
    stop: Callable[[Actor, AbstractUser], list[str]] | None = None
    holdings: Callable[[AbstractUser], list[str]] | None = None
    hand_over: Callable[[Actor, AbstractUser, AbstractUser], list[str]] | None = None


class Unhealthy(Exception):
    """What a health check raises: the sentence says what is wrong."""


@dataclass(slots=True)
class Registry:
    """What the apps registered, by name; a name can be taken once in each kind."""

    jobs: dict[str, Job] = field(default_factory=dict)
    health_checks: dict[str, HealthCheck] = field(default_factory=dict)
    welcomes: dict[str, Welcome] = field(default_factory=dict)
    departures: dict[str, Departure] = field(default_factory=dict)

    def register_job(self, job: Job) -> None:
        if job.name in self.jobs:
            raise ValueError(f"There is a job named {job.name} already.")
        self.jobs[job.name] = job

    def register_health_check(self, check: HealthCheck) -> None:
        if check.name in self.health_checks:
            raise ValueError(f"There is a health check named {check.name} already.")
        self.health_checks[check.name] = check

    def register_welcome(self, welcome: Welcome) -> None:
        if welcome.name in self.welcomes:
            raise ValueError(f"There is a welcome named {welcome.name} already.")
        self.welcomes[welcome.name] = welcome

    def register_departure(self, departure: Departure) -> None:
        if departure.name in self.departures:
            raise ValueError(f"There is a departure named {departure.name} already.")
        self.departures[departure.name] = departure


registry = Registry()
