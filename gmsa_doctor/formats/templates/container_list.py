"""Container definitions alone, as Terraform reads them with ``file("container-definitions.json")``."""

from __future__ import annotations

import os

from gmsa_doctor.formats.documents.located import Definition, Located, LocatedError, Open
from gmsa_doctor.formats.documents.near_keys import near_keys
from gmsa_doctor.formats.documents.walk import items

_ELSEWHERE = Open("${the task definition}")
"""A value of the task definition, which is in another file."""


def is_container_list(value: object) -> bool:
    """Whether the document is a list of containers: each has a name and an image."""
    containers = items(value)
    return bool(containers) and all(
        isinstance(entry, dict) and {"name", "image"} <= entry.keys() for entry in containers
    )


def definition(path: str, located: Located) -> Definition:
    """The list as a task definition. The execution role is in another file, and so are other values of the task."""
    if not is_container_list(located.value):
        raise LocatedError("this is not a list of containers", located.at(()))
    value = {"containerDefinitions": located.value, "executionRoleArn": _ELSEWHERE}
    positions = {("containerDefinitions", *place): position for place, position in located.positions.items()}
    inner = Located(value, positions | {(): located.positions[()]})
    return Definition(os.path.basename(path), inner, near=near_keys(inner))
