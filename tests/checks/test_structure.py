"""Each module of checks has a test of its own, which imports it."""

import ast
from pathlib import Path

from gmsa_doctor.core import registry

HERE = Path(__file__).parent


def imported(file: Path) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
    return {node.module for node in nodes if node.module} | {
        f"{node.module}.{alias.name}" for node in nodes for alias in node.names
    }


def test_each_module_of_checks_is_imported_by_a_test() -> None:
    modules = {check.function.__module__ for check in registry.load().checks}
    tested = {name for file in HERE.rglob("test_*.py") for name in imported(file)}
    assert sorted(modules - tested) == []
