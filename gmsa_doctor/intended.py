"""What was meant to be registered: the task definitions of a file, to compare with what ECS holds."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.clients.file_search import Broken
from gmsa_doctor.clients.source_files import sources
from gmsa_doctor.errors import UsageError
from gmsa_doctor.formats.task_definition import TaskDefinition, TaskDefinitionError, read_task_definition
from gmsa_doctor.model import Finding, skipped
from gmsa_doctor.request import Request


@dataclass(frozen=True)
class Intended:
    """The task definitions of the file that ``--compare-with`` names."""

    file: str
    definitions: tuple[TaskDefinition, ...]

    def of(self, family: str | None) -> TaskDefinition | None:
        """The one of a family; a file with a single one means that, whatever name it is deployed under."""
        named = [one for one in self.definitions if one.family == family]
        found = named or list(self.definitions)
        return found[0] if len(found) == 1 else None


def intended(request: Request) -> Intended | Finding:
    """The file's task definitions; a finding where no file is named. Raises UsageError for one that holds none."""
    name = request.compare_with
    if not name:
        return skipped("no file was named to compare with what is registered (--compare-with)")
    known = {**({"AWS::Region": request.region} if request.region else {}), **dict(request.parameters)}
    definitions: list[TaskDefinition] = []
    for one in sources((name,), known):
        if isinstance(one, Broken):
            raise UsageError(f"--compare-with {one.path} cannot be read: {one.reason}")
        for definition in one.definitions:
            try:
                definitions.append(read_task_definition(definition.located.value))
            except TaskDefinitionError as error:
                raise UsageError(
                    f"--compare-with {one.path}: {definition.name} is no task definition: {error}"
                ) from error
    if not definitions:
        raise UsageError(f"--compare-with {name}: there is no task definition in it")
    return Intended(name, tuple(definitions))
