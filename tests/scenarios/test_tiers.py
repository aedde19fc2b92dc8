"""Each check that can fail does so through the real command, and the tenths of the table are the whole table."""

import importlib
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

from gmsa_doctor.core import model, registry
from tests.scenarios import tiers
from tests.scenarios.lab import Scenario

ELSEWHERE = {
    "canary.service-ticket": "only warns; tests/probe/test_canary.py",
    "canary.task": "tests/probe/test_canary.py",
    "canary.ticket": "tests/probe/test_canary.py",
    "config.waivers": "only with a configuration; tests/triage",
    "instance-role.secret": "only warns; tests/scenarios/instance_role.py",
    "network-access.passage": "its faults are told by routes, groups and ACLs",
    "network-path.route-tables": "passes or is unknown",
    "network-path.services": "fails as those of the four services",
    "network-path.subnets": "fails as dhcp-options.set",
    "probe.report": "tests/probe/test_run.py",
    "probe.task": "tests/probe/test_run.py",
    "task-definition.network-mode": "ECS would refuse it; tests/scenarios/test_files.py",
}
"""Why those that could fail do so in no row of the table, and where they do through the command.

The code that a check shares with others may fail where it never does.
"""


def codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def functions_of(value: object) -> list[FunctionType]:
    if isinstance(value, FunctionType):
        return [value]
    members = vars(value).values() if isinstance(value, type) else ()
    return [member for member in members if isinstance(member, FunctionType)]


def can_fail(function: Callable[..., Any]) -> bool:
    """Whether the function, or one of the checks' package that it names, or that those name, calls `failed`."""
    assert isinstance(function, FunctionType)
    seen, todo = set(), [function]
    while todo:
        current = todo.pop()
        names = {name for code in codes(current.__code__) for name in code.co_names}
        values = [current.__globals__[name] for name in names if name in current.__globals__]
        if model.failed in values:
            return True
        found = [named for value in values for named in functions_of(value)]
        new = [named for named in found if named not in seen and named.__module__.startswith("gmsa_doctor_checks")]
        seen.update(new)
        todo += new
    return False


def rows() -> list[Scenario]:
    found = [vars(importlib.import_module(name)).values() for name in tiers.tables()]
    tuples = [value for values in found for value in values if isinstance(value, tuple)]
    return [row for rows in tuples for row in rows if isinstance(row, Scenario)]


def test_each_check_that_can_fail_does_so_through_the_command() -> None:
    able = {check.id for check in registry.load().checks if can_fail(check.function)}
    assert able - set(tiers.first_faults()) - set(ELSEWHERE) == set()
    assert not set(ELSEWHERE) & set(tiers.first_faults())
    assert all(tiers.goes_through_process(scenario) for scenario in tiers.first_faults().values())


def test_the_tenths_are_the_whole_table() -> None:
    assert {tiers.number(row) for row in rows()} == set(range(10))


def test_most_of_the_table_needs_no_process() -> None:
    through_process = [row for row in rows() if row in tiers.first_faults().values()]
    assert len(through_process) < len(rows()) / 4
