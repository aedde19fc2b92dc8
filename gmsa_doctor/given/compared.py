"""The file that a registered task definition is compared with: ``--compare-with``."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.formats.documents.task_definition import TaskDefinition


@dataclass(frozen=True)
class Intended:
    """The task definitions of the file that ``--compare-with`` names."""

    file: str
    definitions: tuple[TaskDefinition, ...]

    def of(self, family: str | None) -> TaskDefinition | None:
        """The one of a family; a file with a single one means that, whatever name it is deployed under."""
        named = [definition for definition in self.definitions if definition.family == family]
        found = named or list(self.definitions)
        return found[0] if len(found) == 1 else None
