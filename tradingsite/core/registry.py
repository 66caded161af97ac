"""Where apps register what the operations above them run: jobs and health checks.

An app calls `register_job` or `register_health_check` in its `AppConfig.ready`; commands,
and later the scheduler, find them here. Nothing imports upwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tradingsite.core.actor import Actor


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


class Unhealthy(Exception):
    """What a health check raises: the sentence says what is wrong."""


@dataclass(slots=True)
class Registry:
    """Jobs and health checks by name; a name can be taken once."""

    jobs: dict[str, Job] = field(default_factory=dict)
    health_checks: dict[str, HealthCheck] = field(default_factory=dict)

    def register_job(self, job: Job) -> None:
        if job.name in self.jobs:
            raise ValueError(f"There is a job named {job.name} already.")
        self.jobs[job.name] = job

    def register_health_check(self, check: HealthCheck) -> None:
        if check.name in self.health_checks:
            raise ValueError(f"There is a health check named {check.name} already.")
        self.health_checks[check.name] = check


registry = Registry()
