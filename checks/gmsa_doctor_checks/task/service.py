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
    title="The service uses the newest gMSA settings",
    docs=links.TASK_PARAMETERS,
    about="task",
)
def revision(definition: TaskDefinition, deployments: Deployments, subject: Subject, ecs: Ecs) -> Finding:
    """Compares execution role and credentialSpecs of the service's revision with the family's newest active revision.

    Why: a service uses a new revision only after it is updated to it: a fix in a new revision does not reach the
    service on its own. Since services may stay on an older revision on purpose, this is only a warning, and only if the
    two differ in their gMSA settings.

    Fix: update the service to the newest revision, if it should use that one.
    """
    used, others = subject.task_definition, also_running(deployments)
    if not subject.service or not subject.cluster or not definition.family or definition.revision is None:
        return passed(f"{used} (not used by a service)")
    try:
        described = ecs.describe_task_definition(definition.family)
        if definition.arn and described.get("taskDefinitionArn") == definition.arn:
            return passed(f"{used} is the newest{others}")
        newest = read_task_definition(described)
    except ClientError as error:
        if "Unable to describe task definition" not in error.text:
            raise
        return passed(f"{used}; its family has no active revision (harmless){others}")
    except TaskDefinitionError as error:
        return passed(f"{used}; the newest revision cannot be parsed: {error}{others}")
    if newest.revision is None or newest.revision <= definition.revision:
        return passed(f"{used} is the newest{others}")
    name = f"{newest.family}:{newest.revision}"
    settings = {
        "executionRoleArn": (definition.execution_role_arn or "none", newest.execution_role_arn or "none"),
        "credentialSpecs": (_entries(definition), _entries(newest)),
    }
    changed = {key: pair for key, pair in settings.items() if pair[0] != pair[1]}
    if not changed:
        return passed(f"{used}; {name} is newer, with the same gMSA settings{others}")
    return warned(
        f"the service uses {used}; {name} is newer and differs in {' and '.join(changed)}{others}",
        observed=f"{used}: {'; '.join(old for old, _ in changed.values())}",
        expected=f"{name}: {'; '.join(new for _, new in changed.values())}",
        fix=Fix(
            f"Update the service to {name}, if it should use that revision.",
            update_service(subject, f"--task-definition {posix(name)}"),
        ),
    )


def _entries(definition: TaskDefinition) -> str:
    """The entries by container, in any order of the containers."""
    found = sorted((container.name, container.credential_specs) for container in definition.containers)
    return ", ".join(f"{' '.join(specs)} in {name}" for name, specs in found if specs) or "no credentialSpecs"
