"""What the platform asks itself: each function answers a sentence, or raises Unhealthy with one."""

from __future__ import annotations

from uuid import uuid4

from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, connection

from accounts.services.roles import roles_out_of_step
from tradingsite.core.checks.engines import (
    OLDEST,
    dotted,
    engine_version,
    has_wal_reset_bug,
    isolation_level,
)
from tradingsite.core.database import describe
from tradingsite.core.management.entry import migrations_to_run, reason
from tradingsite.core.registry import HealthCheck, Unhealthy, registry

_CACHE_SECONDS = 10


def register_health_checks() -> None:
    """The checks that are about the platform itself; apps register theirs."""
    registry.register_health_check(HealthCheck("database", database_answers, decides_readiness=True))
    registry.register_health_check(HealthCheck("migrations", migrations_are_applied, decides_readiness=True))
    registry.register_health_check(HealthCheck("roles", roles_are_in_step))
    registry.register_health_check(HealthCheck("cache", cache_keeps_values))


def database_answers() -> str:
    """Engine, version and isolation level of the database."""
    try:
        connection.ensure_connection()
        name, version = engine_version(connection)
        level = isolation_level(connection)
    except (DatabaseError, InterfaceError) as error:
        raise Unhealthy(f"{describe(connection.settings_dict)} can't be reached: {reason(error)}") from error
    if version < OLDEST[name]:
        raise Unhealthy(f"{name} {dotted(version)} is too old; this needs {dotted(OLDEST[name])} or newer.")
    sentence = f"{name} {dotted(version)}, transactions {level.lower().replace('-', ' ')}."
    if name == "SQLite" and has_wal_reset_bug(version):
        sentence += " Versions up to 3.51.2 can damage the file when several processes write: keep backups, or upgrade."
    return sentence


def migrations_are_applied() -> str:
    try:
        waiting = migrations_to_run()
    except (DatabaseError, InterfaceError) as error:
        raise Unhealthy(f"Nobody knows, the database does not answer: {reason(error)}") from error
    if waiting:
        raise Unhealthy(f"{waiting} to run: `manage.py bootstrap` does it.")
    return "All applied."


def roles_are_in_step() -> str:
    try:
        differing = roles_out_of_step()
    except (DatabaseError, InterfaceError) as error:
        raise Unhealthy(f"They can't be read: {reason(error)}") from error
    if differing:
        raise Unhealthy(f"{', '.join(differing)} differ from the software's table: `manage.py sync_roles` mends it.")
    return "The built-in roles are what the software's table says."


def cache_keeps_values() -> str:
    name, value = f"health-{uuid4().hex}", uuid4().hex
    try:
        cache.set(name, value, timeout=_CACHE_SECONDS)
        kept = cache.get(name)
        cache.delete(name)
    except Exception as error:  # each cache's driver has errors of its own
        raise Unhealthy(f"It does not answer: {reason(error)}") from error
    if kept != value:
        raise Unhealthy("It forgets what it was given.")
    return "It keeps what it is given."


def ask(*, only_readiness: bool = False) -> dict[str, tuple[bool, str]]:
    """Every registered question's answer by name: whether it is healthy, and a sentence."""
    answers = {}
    for check in registry.health_checks.values():
        if only_readiness and not check.decides_readiness:
            continue
        try:
            answers[check.name] = (True, check.run())
        except Unhealthy as error:
            answers[check.name] = (False, str(error))
    return answers
