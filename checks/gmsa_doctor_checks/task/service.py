"""Which revision of the task definition the service uses."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, check, passed, warned
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.documents.task_definition import TaskDefinition, TaskDefinitionError, read_task_definition
from gmsa_doctor.given.subject import Deployments, Subject
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.task.revisions import also_running, update_service


@check(
    "service.revision",
    title="The service uses the newest revision, as far as gMSA is concerned",
    docs=links.TASK_PARAMETERS,
    about="task",
)
def revision(definition: TaskDefinition, deployments: Deployments, subject: Subject, ecs: Ecs) -> Finding:
    """Compares what the service uses with the newest active revision of its family: execution role, credentialSpecs.

    Why: a revision that was registered is used only when the service is updated to it: what was mended in a new
    revision does not reach the service by itself. Services also stay on an older one on purpose, so this only warns,
    and only where the two differ in what gMSA needs.

    Fix: update the service to the newest revision, if that is the one that is meant.
    """
    used, others = subject.task_definition, also_running(deployments)
    if not subject.service or not subject.cluster or not definition.family or definition.revision is None:
        return passed(f"{used}, no service's")
    try:
        newest = read_task_definition(ecs.describe_task_definition(definition.family))
    except ClientError as error:
        if "Unable to describe task definition" not in error.text:
            raise
        return passed(f"{used}; its family has no active revision, which is no harm{others}")
    except TaskDefinitionError as error:
        return passed(f"{used}; the newest revision cannot be read: {error}{others}")
    if newest.revision is None or newest.revision <= definition.revision:
        return passed(f"{used} is the newest{others}")
    name = f"{newest.family}:{newest.revision}"
    settings = {
        "executionRoleArn": (definition.execution_role_arn or "none", newest.execution_role_arn or "none"),
        "credentialSpecs": (_entries(definition), _entries(newest)),
    }
    changed = {key: pair for key, pair in settings.items() if pair[0] != pair[1]}
    if not changed:
        return passed(f"{used}; {name} is newer, and the same in what gMSA needs{others}")
    return warned(
        f"the service uses {used}; {name} is newer and has another {', '.join(changed)}{others}",
        observed=f"{used}: {'; '.join(old for old, _ in changed.values())}",
        expected=f"{name}: {'; '.join(new for _, new in changed.values())}",
        fix=Fix(
            f"Let the service use {name}, if that is the revision that is meant.",
            update_service(subject, f"--task-definition {posix(name)}"),
        ),
    )


def _entries(definition: TaskDefinition) -> str:
    """The entries by container, in any order of the containers."""
    found = sorted((container.name, container.credential_specs) for container in definition.containers)
    return ", ".join(f"{' '.join(specs)} in {name}" for name, specs in found if specs) or "no credentialSpecs"
