"""What no line of ours may do, because the engines answer it differently."""

from __future__ import annotations

import ast
import re

from django.db import models

from tests.models import our_models
from tests.source import called, nodes
from tradingsite.core.fields import ExactDecimalField

# Without time-zone tables MySQL finds no rows for these and says nothing.
TRANSFORM = re.compile(
    r"^\w+__(date|time|year|iso_year|quarter|month|week|week_day|iso_week_day|day|hour|minute|second)(__\w+)?$"
)
FUNCTIONS = re.compile(r"^(Trunc|Extract)\w*$")
DECIMAL_COLUMNS = {f.name for m in our_models() for f in m._meta.local_fields if isinstance(f, ExactDecimalField)}
JSON_COLUMNS = {f.name for m in our_models() for f in m._meta.local_fields if isinstance(f, models.JSONField)}


def look_ups() -> list[tuple[str, str]]:
    """Every text that can be a look-up: names of arguments and plain string constants, with where they stand."""
    found = []
    for place, node in nodes():
        if isinstance(node, ast.keyword) and node.arg:
            found.append((place, node.arg))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append((place, node.value.lstrip("-")))
    return found


def test_dates_are_compared_as_half_open_ranges() -> None:
    assert [(place, text) for place, text in look_ups() if TRANSFORM.match(text)] == []
    assert [place for place, node in nodes() if FUNCTIONS.match(called(node))] == []
    assert [place for place, node in nodes() if called(node) in ("dates", "datetimes")] == []


def test_filters_do_not_ask_the_database_for_dates() -> None:
    wrong = [
        place
        for place, node in nodes()
        if isinstance(node, ast.keyword)
        and node.arg == "lookup_expr"
        and isinstance(node.value, ast.Constant)
        and TRANSFORM.match(f"x__{node.value.value!s}")
    ]
    assert wrong == []


def test_no_admin_list_drills_down_by_date() -> None:
    """It truncates dates in the database, and takes nine seconds on a million rows."""
    wrong = [
        place
        for place, node in nodes()
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "date_hierarchy" for target in node.targets)
    ]
    assert wrong == []


def test_json_is_stored_and_read_never_searched() -> None:
    """SQLite has no `contains`, and the engines compare numbers in JSON differently."""
    path = re.compile(rf"^({'|'.join(JSON_COLUMNS)})__(?!isnull)\w+$")
    assert [(place, text) for place, text in look_ups() if path.match(text)] == []


def test_distinct_names_no_columns() -> None:
    assert [place for place, node in nodes() if called(node) == "distinct" and node.args] == []  # type: ignore[attr-defined]


def test_no_column_is_postgresqls_own() -> None:
    wrong = [
        place
        for place, node in nodes()
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django.contrib.postgres")
    ]
    assert wrong == []


def test_the_database_adds_no_decimals_up() -> None:
    aggregates = {"Sum", "Avg", "StdDev", "Variance"}
    wrong = [
        place
        for place, node in nodes()
        if called(node) in aggregates
        and any(isinstance(a, ast.Constant) and str(a.value).split("__")[-1] in DECIMAL_COLUMNS for a in node.args)  # type: ignore[attr-defined]
    ]
    assert wrong == []


def test_no_expression_calculates_with_a_decimal_column() -> None:
    """`core.fields.refuse_arithmetic` refuses it when it is saved; in a query nothing would."""
    wrong = []
    for place, node in nodes():
        if isinstance(node, ast.BinOp):
            for side in (node.left, node.right):
                column = side.args[0] if called(side) == "F" and side.args else None  # type: ignore[attr-defined]
                if isinstance(column, ast.Constant) and str(column.value).split("__")[-1] in DECIMAL_COLUMNS:
                    wrong.append(place)
    assert wrong == []


def test_rows_are_locked_in_locking_modules_only_and_without_options() -> None:
    """`of` and `no_key` are not on MariaDB, and the order of locks must be seen in one place."""
    for place, node in nodes():
        if called(node) == "select_for_update":
            assert place.split(":")[0].endswith("/locking.py"), place
            assert not node.args, place  # type: ignore[attr-defined]
            assert not node.keywords, place  # type: ignore[attr-defined]


def test_nobody_uses_what_bulk_create_answers() -> None:
    """MySQL gives no keys back."""
    used = []
    for place, node in nodes():
        children = list(ast.iter_child_nodes(node))
        if any(called(child) == "bulk_create" for child in children) and not isinstance(node, ast.Expr):
            used.append(place)
    assert used == []


def test_nobody_upserts_but_the_one_helper() -> None:
    """MySQL refuses `unique_fields`, the others need them."""
    wrong = [
        place
        for place, node in nodes()
        if isinstance(node, ast.keyword)
        and node.arg in ("update_conflicts", "unique_fields")
        and not place.startswith("tradingsite/core/")
    ]
    assert wrong == []


def test_the_rules_find_what_they_forbid() -> None:
    """An assertion that can't fail is a defect: the patterns match what they are for."""
    for text in ("occurred_at__date", "date__year__gte", "timestamp__hour"):
        assert TRANSFORM.match(text)
    for text in ("occurred_at__gte", "update", "order__date_of_birth", "valid__dates"):
        assert not TRANSFORM.match(text)
    assert FUNCTIONS.match("TruncDate")
    assert called(ast.parse("x.select_for_update(of=1)").body[0].value) == "select_for_update"  # type: ignore[attr-defined]
    assert {"balance", "close", "volume"} <= DECIMAL_COLUMNS
    assert {"reasons", "details", "before", "after"} <= JSON_COLUMNS
