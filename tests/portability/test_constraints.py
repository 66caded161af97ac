"""Every constraint of ours is in the database, and the database holds it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from accounts.services.api_keys import create_api_key
from tests.factories import UserFactory, WatchlistFactory
from tests.models import factory_of, models_with_factories, our_models
from tradingsite.core.actor import Actor
from tradingsite.core.fields import NameKeyField

pytestmark = pytest.mark.django_db

LATE = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
MAX_NAME = 30  # of constraints and indexes; PostgreSQL cuts at 63, MySQL refuses at 64

# What breaks each CHECK of ours, as columns of a row that is good otherwise.
VIOLATIONS: dict[str, list[dict[str, Any]]] = {
    "daily_data_ohlc": [{"low": 11}, {"high": 10}, {"open": 13}, {"close": 9}, {"open": 9}, {"close": 13}],
    "daily_data_volume": [{"volume": -1}],
    "intraday_data_ohlc": [{"low": 11}, {"high": 10}, {"open": 13}, {"close": 9}, {"open": 9}, {"close": 13}],
    "intraday_data_volume": [{"volume": -1}],
    "ingest_batches_add_up": [{"read": 1}, {"inserted": 1}, {"read": 2, "updated": 1}],
    "metadata_lot_size": [{"lot_size": 0}],
    "metadata_multiplier": [{"multiplier": 0}, {"multiplier": -1}],
    "metadata_tick_size": [{"tick_size": 0}],
    "metadata_quantity_step": [{"quantity_step": 0}],
    "ticks_size": [{"size": -1}],
    "corporate_actions_kind": [
        {"kind": "dividend"},
        {"new_shares": 0},
        {"old_shares": None},
        {"amount": 1},
        {"kind": "dividend", "amount": 1},
        {"kind": "dividend", "amount": 0, "new_shares": None, "old_shares": None},
        {"kind": "dividend", "amount": None, "new_shares": None, "old_shares": None},
    ],
    "corporate_actions_number": [{"number": None}, {"retracted_at": LATE}],
    "bar_revisions_existed": [{"existed": False}, {"close": None}],
    "bar_revisions_known": [{"known_from": LATE, "known_until": LATE - dt.timedelta(seconds=1)}],
    "archive_partitions_days": [{"last_day": dt.date(2019, 12, 31)}],
    "archive_partitions_status": [
        {"status": "superseded"},
        {"current_key": None},
        {"superseded_at": LATE},
        {"status": "removed", "current_key": None},
    ],
    "archive_row_groups_range": [{"rows": 0}, {"last": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}],
    "portfolio_positions_closed": [{"quantity": 0, "cost": 1}],
    "signal_history_confidence": [{"confidence": -1}, {"confidence": 101}],
}


def named(model: type[models.Model], value: object) -> str:
    return f"{model._meta.db_table}-{getattr(value, 'name', value)}"


UNIQUE = [
    pytest.param(model, constraint, id=named(model, constraint))
    for model in models_with_factories()
    for constraint in model._meta.constraints
    if isinstance(constraint, models.UniqueConstraint)
]
UNIQUE_FIELDS = [
    pytest.param(model, field, id=named(model, field))
    for model in models_with_factories()
    for field in model._meta.local_fields
    if field.unique and not field.primary_key
]
CHECKS = [
    pytest.param(model, constraint, id=named(model, constraint))
    for model in our_models()
    for constraint in model._meta.constraints
    if isinstance(constraint, models.CheckConstraint)
]
FOREIGN_KEYS = [
    pytest.param(model, field, id=named(model, field))
    for model in our_models()
    for field in model._meta.local_fields
    if isinstance(field, models.ForeignKey) and getattr(field, "db_constraint")  # noqa: B009  # not in the stubs
]


def constraints_of(model: type[models.Model]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        return connection.introspection.get_constraints(cursor, model._meta.db_table)


def field_of(model: type[models.Model], name: str) -> Any:
    return model._meta.get_field(name)


def assert_the_second_is_refused(model: type[models.Model], names: Any) -> None:
    """A fresh row that shares these columns, and only these, with another can't be stored."""
    first, second = factory_of(model).create(), factory_of(model).create()
    for name in names:
        field = field_of(model, name)
        source = field.source if isinstance(field, NameKeyField) else field.attname
        setattr(second, source, getattr(first, source))
    with pytest.raises(IntegrityError), transaction.atomic():
        second.save()
    assert model._default_manager.filter(pk=first.pk).exists()


@pytest.mark.parametrize(("model", "constraint"), UNIQUE)
def test_a_unique_constraint_is_there_and_holds(model: type[models.Model], constraint: models.UniqueConstraint) -> None:
    there = constraints_of(model)[constraint.name]
    assert there["unique"]
    assert there["columns"] == [field_of(model, name).column for name in constraint.fields]
    assert_the_second_is_refused(model, constraint.fields)


@pytest.mark.parametrize(("model", "field"), UNIQUE_FIELDS)
def test_a_unique_field_is_there_and_holds(model: type[models.Model], field: models.Field[Any, Any]) -> None:
    assert any(there["unique"] and there["columns"] == [field.column] for there in constraints_of(model).values())
    assert_the_second_is_refused(model, [field.name])


def test_the_id_of_an_api_key_is_unique(system: Actor) -> None:
    owner = UserFactory.create()
    first, second = (create_api_key(actor=system, owner=owner, name="tests").key for _ in range(2))
    second.public_id = first.public_id
    with pytest.raises(IntegrityError), transaction.atomic():
        second.save()


@pytest.mark.parametrize(("model", "constraint"), CHECKS)
def test_a_check_is_there_and_holds(model: type[models.Model], constraint: models.CheckConstraint) -> None:
    assert constraints_of(model)[constraint.name]["check"]
    assert VIOLATIONS.get(constraint.name), f"say in VIOLATIONS what breaks {constraint.name}"
    row = factory_of(model).create()
    for violation in VIOLATIONS[constraint.name]:
        with pytest.raises(IntegrityError), transaction.atomic():
            model._default_manager.filter(pk=row.pk).update(**violation)
    row.refresh_from_db()
    row.validate_constraints()


def test_no_violation_is_of_a_check_that_has_gone() -> None:
    assert set(VIOLATIONS) == {
        rule.name
        for model in our_models()
        for rule in model._meta.constraints
        if isinstance(rule, models.CheckConstraint)
    }


@pytest.mark.parametrize(("model", "field"), FOREIGN_KEYS)
def test_a_foreign_key_is_there(model: type[models.Model], field: models.ForeignKey[Any, Any]) -> None:
    target = (field.remote_field.model._meta.db_table, field.target_field.column)
    found = [there["foreign_key"] for there in constraints_of(model).values() if there["columns"] == [field.column]]
    assert target in found


@pytest.mark.django_db(transaction=True)
def test_a_foreign_key_to_nothing_is_refused() -> None:
    watchlist = WatchlistFactory.create()
    watchlist.owner_id += 1000
    with pytest.raises(IntegrityError), transaction.atomic():
        watchlist.save()


@pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.db_table)
def test_no_constraint_needs_what_mysql_does_not_enforce(model: type[models.Model]) -> None:
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            assert constraint.fields, f"{constraint.name} is on an expression"
            for option in ("condition", "deferrable", "include", "opclasses", "nulls_distinct"):
                assert not getattr(constraint, option), f"{constraint.name} has {option}"
    for index in model._meta.indexes:
        assert not index.expressions, f"{index.name} is on an expression"
        assert not index.include, f"{index.name} covers columns"
    assert not model._meta.unique_together


@pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.db_table)
def test_names_fit_every_engine(model: type[models.Model]) -> None:
    names = [index.name for index in model._meta.indexes] + [rule.name for rule in model._meta.constraints]
    names += [model._meta.db_table, *(field.column for field in model._meta.local_fields)]
    assert [name for name in names if len(name) > MAX_NAME] == []


@pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.db_table)
def test_unique_and_indexed_texts_are_short(model: type[models.Model]) -> None:
    indexed = {name for rule in model._meta.total_unique_constraints for name in rule.fields}
    indexed |= {name.lstrip("-") for index in model._meta.indexes for name in index.fields}
    indexed |= {field.name for field in model._meta.local_fields if field.unique or getattr(field, "db_index")}  # noqa: B009  # not in the stubs
    for name in indexed:
        field = model._meta.get_field(name)
        assert not isinstance(field, models.TextField | models.JSONField), name
        if isinstance(field, models.CharField):
            assert field.max_length is not None, name
            assert field.max_length <= 255, name


def test_no_other_app_has_a_foreign_key_into_market_data() -> None:
    targets = set(apps.get_app_config("marketdata").get_models())
    for model in our_models():
        if model._meta.app_label != "marketdata":
            assert not targets & {field.related_model for field in model._meta.local_fields if field.is_relation}


def test_nothing_is_deleted_along_with_a_user() -> None:
    for model in our_models():
        for field in model._meta.local_fields:
            if isinstance(field, models.ForeignKey) and field.related_model.__name__ == "User":
                assert field.remote_field.on_delete is models.PROTECT, f"{model.__name__}.{field.name}"
