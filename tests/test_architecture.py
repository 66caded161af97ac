"""What holds of every model and every module."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from typing import Any

import pytest
from django.apps import apps
from django.db import models

from tests.models import models_with_factories, our_models
from tests.portability.processes import ROOT, environment
from tests.source import called, nodes, our_source
from tradingsite.core.actor import Actor, Front
from tradingsite.core.fields import ExactDecimalField, PlainJSONField
from tradingsite.core.visibility import ScopedQuerySet

# The tables of DESIGN.md section 3, by app; those of later issues stay here until their models come.
TABLES = {
    "core": {"idempotency_keys"},
    "accounts": {
        "users",
        "user_settings",
        "api_keys",
        "login_sessions",
        "login_failures",
        "invitations",
        "registrations",
        "second_factors",
        "recovery_codes",
    },
    "marketdata": {
        "metadata",
        "daily_data",
        "intraday_data",
        "ticks",
        "corporate_actions",
        "ingest_batches",
        "bar_revisions",
        "archive_partitions",
        "archive_row_groups",
        "quarantines",
        "snapshot_market",
        "snapshot_indicators",
        "snapshot_calendar",
        "snapshot_news",
    },
    "portfolio": {
        "portfolios",
        "portfolio_members",
        "portfolio_cash",
        "portfolio_positions",
        "trades",
        "cash_movements",
        "portfolio_performance",
        "portfolio_snapshots",
        "snapshot_account",
        "watchlists",
        "watchlist_items",
        "chat_messages",
    },
    "trading": {
        "signal_history",
        "confluence_insights",
        "strategies",
        "risk_config",
        "portfolio_risk",
        "trade_ideas",
        "decision_history",
        "orders",
        "backtest_runs",
    },
    "systemevents": {
        "system_events",
        "audit_logs",
        "audit_seals",
        "outbox",
        "stream_events",
        "job_runs",
        "backup_runs",
        "writer_locks",
    },
}
# What this issue must have of them.
NEEDED = {
    *("daily_data", "intraday_data", "metadata", "ingest_batches", "signal_history"),
    *("portfolio_performance", "portfolio_positions", "portfolios", "portfolio_cash", "portfolio_members"),
    *("watchlists", "watchlist_items", "system_events", "audit_logs", "users", "api_keys"),
    *("ticks", "corporate_actions", "bar_revisions", "archive_partitions", "archive_row_groups"),
}
# The one decimal that is neither money, price, quantity nor volume: a percentage with two places.
PERCENTAGES = {("signal_history", "confidence")}
HEAVY = ("pandas", "exchange_calendars", "pyarrow", "talib", "duckdb", "bokeh_sampledata", "polars")

each_model = pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.db_table)


@each_model
def test_a_table_has_the_name_that_the_design_gives_it(model: type[models.Model]) -> None:
    assert model._meta.db_table in TABLES[model._meta.app_label]


def test_the_tables_of_the_walking_skeleton_are_there() -> None:
    assert {model._meta.db_table for model in our_models()} >= NEEDED


@each_model
def test_a_model_says_who_sees_its_rows(model: type[models.Model], db: None) -> None:
    queryset = model._default_manager.all()
    assert isinstance(queryset, ScopedQuerySet)
    from tests.factories import UserFactory

    actor = Actor.of(UserFactory.create(), front=Front.API)
    assert queryset.visible_to(actor).count() in (0, 1)  # the condition is SQL that runs; people see themselves


@each_model
def test_numbers_are_exact(model: type[models.Model]) -> None:
    for field in model._meta.local_fields:
        assert not isinstance(field, models.FloatField), f"{model.__name__}.{field.name}"
        if isinstance(field, models.DecimalField) and (model._meta.db_table, field.name) not in PERCENTAGES:
            assert isinstance(field, ExactDecimalField), f"{model.__name__}.{field.name}"


@each_model
def test_json_is_such_as_every_engine_stores(model: type[models.Model]) -> None:
    for field in model._meta.local_fields:
        if isinstance(field, models.JSONField):
            assert isinstance(field, PlainJSONField), f"{model.__name__}.{field.name}"


@each_model
def test_statuses_are_choices_with_words(model: type[models.Model]) -> None:
    for name in ("status", "kind", "severity", "front", "timeframe", "grant", "asset_class", "signal_type"):
        field: Any = next((field for field in model._meta.local_fields if field.name == name), None)
        assert field is None or field.choices, f"{model.__name__}.{name}"


@each_model
def test_an_owned_row_keeps_its_owner(model: type[models.Model]) -> None:
    for field in model._meta.local_fields:
        if field.name == "owner":
            assert isinstance(field, models.ForeignKey)
            assert field.remote_field.on_delete is models.PROTECT
            assert not field.null


def test_every_model_has_a_factory() -> None:
    from tests.models import factory_of

    for model in models_with_factories():
        assert factory_of(model)


def test_models_stay_free_of_views_and_services() -> None:
    for path, tree in our_source().items():
        if "/models" not in path:
            continue
        for node in ast.walk(tree):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            above = {"services", "api", "admin", "management", "rest_framework", "http"} & set(
                (module or "").split(".")
            )
            assert not above, f"{path} imports {module}"


def test_services_answer_to_an_actor_by_keyword() -> None:
    """`@in_transaction def verb_noun(*, actor, ...)`: the write, its audit entry, whoever asked."""
    for path, tree in our_source().items():
        if "/services/" not in path:
            continue
        for node in tree.body:
            if (
                isinstance(node, ast.FunctionDef)
                and is_public(node.name, tree)
                and any(isinstance(mark, ast.Name) and mark.id == "in_transaction" for mark in node.decorator_list)
            ):
                names = [argument.arg for argument in node.args.kwonlyargs]
                assert names[:1] == ["actor"], f"{path}:{node.lineno} {node.name}"
                assert not node.args.args, f"{path}:{node.lineno} {node.name} takes positional arguments"


def is_public(name: str, tree: ast.Module) -> bool:
    """Whether a module offers the name: by `__all__` where it has one."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return name in ast.literal_eval(node.value)
    return not name.startswith("_")


def test_html_is_never_marked_safe() -> None:
    assert [place for place, node in nodes() if called(node) in ("mark_safe", "SafeString", "SafeText")] == []


def test_nobody_asks_the_clock_but_the_clock() -> None:
    """So that rules can be given another time."""
    askers = []
    for place, node in nodes():
        if called(node) in ("now", "utcnow", "today") and isinstance(node, ast.Call):
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            name = getattr(owner, "id", None) or getattr(owner, "attr", None)
            if name in ("datetime", "timezone", "date", "dt"):
                askers.append(place)
    assert [place for place in askers if not place.startswith("tradingsite/core/clock.py")] == []


def test_starting_up_loads_no_heavy_library() -> None:
    """With the admin, the URLs and the API; `manage.py check` takes about a second because of it."""
    script = (
        "import django, json, sys; django.setup()\n"
        "from django.contrib import admin; admin.autodiscover()\n"
        "from django.urls import get_resolver; get_resolver().url_patterns\n"
        "from django.core.management import get_commands; get_commands()\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    env = environment("sqlite:///:memory:") | {"DJANGO_SETTINGS_MODULE": "tradingsite.settings"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == []


def test_apps_are_installed_from_the_lowest_to_the_highest() -> None:
    """post_migrate runs in this order: permissions exist before the roles are synced."""
    labels = [config.label for config in apps.get_app_configs()]
    ours = [label for label in labels if label in (*TABLES, "ops")]
    assert ours == ["core", "systemevents", "accounts", "marketdata", "portfolio", "trading", "ops"]
