"""Writes ci/requirements.txt: of constraints.txt, with hashes, what an installation without `live` needs."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires
from itertools import product
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.ci.actions import REPOSITORY

FILE = REPOSITORY / "ci" / "requirements.txt"
HEAD = "# Of constraints.txt, by `make constraints`: the dependencies of gmsa-doctor, and hatchling, which builds it.\n"
_SYSTEMS = (("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"), ("win32", "Windows", "nt"))
_PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def text() -> str:
    """The content of the file."""
    pinned = re.split(r"\n(?=[a-z0-9])", (REPOSITORY / "constraints.txt").read_text().rstrip())
    wanted = set(_needed())
    return HEAD + "".join(f"{one}\n" for one in pinned if _name(re.split(r"==", one)[0]) in wanted)


def _needed() -> Iterator[str]:
    project: Any = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    todo = list(map(Requirement, (*project["project"]["dependencies"], *project["build-system"]["requires"])))
    seen: set[str] = set()
    while todo:
        name = _name(todo.pop().name)
        if name not in seen:
            seen.add(name)
            yield name
            # what is only for another system is not installed here, and has no dependencies of its own
            todo += filter(_applies, map(Requirement, _requires(name)))


def _requires(name: str) -> list[str]:
    try:
        return requires(name) or []
    except ModuleNotFoundError:
        return []


def _applies(requirement: Requirement) -> bool:
    if requirement.marker is None:
        return True
    return any(
        requirement.marker.evaluate(
            {"extra": "", "sys_platform": sys, "platform_system": system, "os_name": os, "python_version": python}
            | {"python_full_version": f"{python}.0"}
        )
        for (sys, system, os), python in product(_SYSTEMS, _PYTHONS)
    )


def _name(text: str) -> str:
    return str(canonicalize_name(text))


if __name__ == "__main__":
    FILE.write_text(text())
