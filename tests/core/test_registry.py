from __future__ import annotations

import pytest

from tradingsite.core.actor import Actor
from tradingsite.core.registry import HealthCheck, Job, Registry


def test_a_job_is_found_by_its_name_and_runs_as_an_actor() -> None:
    registry = Registry()
    registry.register_job(Job("greet", "Greets.", lambda actor: f"Hello, {actor.label}."))
    assert registry.jobs["greet"].run(Actor.system("tests")) == "Hello, system:tests."


def test_a_name_is_taken_once() -> None:
    registry = Registry()
    registry.register_job(Job("greet", "Greets.", lambda _: ""))
    registry.register_health_check(HealthCheck("greet", lambda: ""))
    with pytest.raises(ValueError, match="a job named greet"):
        registry.register_job(Job("greet", "Greets again.", lambda _: ""))
    with pytest.raises(ValueError, match="a health check named greet"):
        registry.register_health_check(HealthCheck("greet", lambda: ""))


def test_registries_share_nothing() -> None:
    Registry().register_job(Job("greet", "Greets.", lambda _: ""))
    assert Registry().jobs == {}
