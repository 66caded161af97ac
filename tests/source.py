"""Our own source as syntax trees, for tests that hold what no line of it may do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("tradingsite", "accounts", "marketdata", "portfolio", "trading", "systemevents")


@cache
def our_source() -> dict[str, ast.Module]:
    """Each module of ours but migrations, by its path from the root."""
    files = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8"))
        for path in files
        if "migrations" not in path.parts
    }


def nodes() -> Iterator[tuple[str, ast.AST]]:
    """Every node of our source, with where it stands as `path:line`."""
    for path, tree in our_source().items():
        for node in ast.walk(tree):
            yield f"{path}:{getattr(node, 'lineno', 0)}", node


def called(node: ast.AST) -> str:
    """The last name of what a call calls; empty for anything else."""
    if not isinstance(node, ast.Call):
        return ""
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""
