"""What was meant to be registered: the task definitions of a file, to compare with what ECS holds."""

from __future__ import annotations

from gmsa_doctor.clients.files.file_search import Broken
from gmsa_doctor.clients.files.source_files import sources
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Finding, skipped
from gmsa_doctor.formats.documents.task_definition import TaskDefinition, TaskDefinitionError, read_task_definition
from gmsa_doctor.given.compared import Intended
from gmsa_doctor.given.request import Request


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
