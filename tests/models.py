"""The models that are ours, for tests that hold something of all of them, and a row of each."""

from __future__ import annotations

import inspect
from typing import Any

from django.apps import apps
from django.db import models
from factory.django import DjangoModelFactory

from tests import factories

OUR_APPS = ("core", "systemevents", "accounts", "marketdata", "portfolio", "trading", "ops")


def our_models() -> list[type[models.Model]]:
    """Every model with a table of ours."""
    ours = [model for model in apps.get_models() if model._meta.app_label in OUR_APPS]
    return [model for model in ours if model._meta.managed and not model._meta.proxy]


def factory_of(model: type[models.Model]) -> Any:
    """The factory that makes the model's rows."""
    members: list[tuple[str, Any]] = inspect.getmembers(factories, inspect.isclass)
    for _, factory in members:
        if issubclass(factory, DjangoModelFactory) and factory._meta.model is model:
            return factory
    raise LookupError(f"tests/factories.py makes no {model.__name__}")


def models_with_factories() -> list[type[models.Model]]:
    """Every model of ours, each of which must have a factory, but for those that only services write."""
    return [model for model in our_models() if model.__name__ not in WRITTEN_BY_SERVICES]


#: Their rows come from services only: `create_api_key`, `record_audit`, `seal_audit`, the log-in.
WRITTEN_BY_SERVICES = ("ApiKey", "AuditLog", "AuditSeal")
