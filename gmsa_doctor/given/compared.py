"""The file of ``--compare-with``, with which a registered task definition is compared."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.formats.documents.task_definition import TaskDefinition


@dataclass(frozen=True)
class Intended:
    """The task definitions in the file."""

    file: str
    definitions: tuple[TaskDefinition, ...]

    def of(self, family: str | None) -> TaskDefinition | None:
        """The task definition of a family. A file's only task definition matches any family."""
        found = [definition for definition in self.definitions if definition.family == family] or self.definitions
        return found[0] if len(found) == 1 else None
