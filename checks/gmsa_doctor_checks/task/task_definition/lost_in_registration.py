"""Whether the registered task definition has the gMSA settings of a file."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, check, passed, warned
from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.formats.documents.task_definition import Container, TaskDefinition
from gmsa_doctor.given.request import Intended
from gmsa_doctor.given.subject import ChosenContainer, Subject
from gmsa_doctor_checks import links
from gmsa_doctor_checks.task.revisions import register_again
from gmsa_doctor_checks.values import CredentialSpec


@check(
    "task-definition.lost-in-registration",
    title="The registered gMSA settings match the file",
    docs=links.TASK_PARAMETERS,
    about="container/credentialSpecs/0",
)
def lost_in_registration(
    spec: CredentialSpec, chosen: ChosenContainer, definition: TaskDefinition, intended: Intended, subject: Subject
) -> Finding:
    """Compares `credentialSpecs` and `executionRoleArn` with the file that `--compare-with` names.

    If the file has credentialSpecs and the registered container has none, task-definition.credentialspecs reports it.

    Why: ECS uses what is registered. Some infrastructure-as-code modules drop the field silently, and changes to the
    file since then are not in use.

    Fix: register the file again with a tool that supports the field, and update the service to the new revision.
    """
    meant = intended.of(definition.family)
    if meant is None:
        return passed(f"{intended.file} has several task definitions, but none of the family {definition.family}")
    container = _of(meant, chosen.container.name if chosen.container else None)
    entries = container.credential_specs if container else ()
    settings = [("credentialSpecs", spec.text, entries[0] if entries else "no credentialSpecs")]
    if meant.execution_role_arn and definition.execution_role_arn:
        settings.append(("executionRoleArn", definition.execution_role_arn, meant.execution_role_arn))
    changed = [setting for setting in settings if setting[1] != setting[2] and not isinstance(setting[2], Open)]
    if not changed:
        return passed(f"same as in {intended.file}")
    differ = "differs" if len(changed) == 1 else "differ"
    return warned(
        f"{' and '.join(key for key, _, _ in changed)} of {subject.task_definition} {differ} from {intended.file}",
        observed="; ".join(registered for _, registered, _ in changed),
        expected="; ".join(text for _, _, text in changed),
        fix=register_again(f"If {intended.file} is correct, set its values", subject),
    )


def lost(intended: Intended | None, family: str | None, container: str | None) -> str:
    """The end of a summary about a container without credentialSpecs; empty if the file has none either."""
    meant = intended.of(family) if intended else None
    found = _of(meant, container) if meant else None
    if intended is None or found is None or not found.credential_specs:
        return ""
    return f"but {intended.file} has {found.credential_specs[0]} in {found.name} (lost in registration)"


def _of(definition: TaskDefinition, name: str | None) -> Container | None:
    """The container of that name; without a name, the first that has credentialSpecs."""
    for container in definition.containers:
        if container.name == name if name else container.credential_specs:
            return container
    return None
