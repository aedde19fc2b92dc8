"""How a scenario is run: in this process on the recorded account, or through the real command and the embedded AWS.

Both run the same table. Through the process go the first fault of each check, and all others of a tenth of the table
(`--tenth`), or the whole table (`--through-process`).
"""

import importlib
import pkgutil
import zlib
from functools import cache
from itertools import chain
from pathlib import Path

from tests.scenarios.lab import Scenario

all_through_process = False
tenth: int | None = None
chaos_tenth = 0
"""The tenth of the chaos table (tests/chaos) that the tests run."""


def goes_through_process(scenario: Scenario) -> bool:
    """Tell whether the scenario is run by the real command."""
    return all_through_process or number(scenario) == tenth or scenario in first_faults().values()


def number(scenario: Scenario) -> int:
    """Give the tenth of the table that the scenario belongs to: 0 to 9, the same each time."""
    return zlib.crc32(f"{scenario.check} {scenario.name}".encode()) % 10


@cache
def first_faults() -> dict[str, Scenario]:
    """Give the first scenario in which each check fails, by the check's id."""
    found: dict[str, Scenario] = {}
    for name in tables():
        for scenario in faults(name):
            found.setdefault(scenario.check, scenario)
    return found


def faults(module: str) -> list[Scenario]:
    """Give the faults of a module, in its order."""
    found = [value for name, value in vars(importlib.import_module(module)).items() if "FAULTS" in name]
    return list(chain.from_iterable(found))


def tables() -> list[str]:
    """Give the names of the modules that hold scenarios."""
    found = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    return [f"tests.scenarios.{name}" for name in sorted(found) if not name.startswith("test_")]
