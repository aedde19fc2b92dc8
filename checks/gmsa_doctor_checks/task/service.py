"""Which revision of the task definition the service uses."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, check, passed, warned
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.documents.task_definition import TaskDefinition, TaskDefinitionError, read_task_definition
from gmsa_doctor.given.subject import Deployments, Subject
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix


@check(
    "service.revision",
    title="The service uses the newest revision, as far as gMSA is concerned",
    docs=links.TASK_PARAMETERS,
    about="task",
)
def latest(definition: TaskDefinition, deployments: Deployments, subject: Subject, ecs: Ecs) -> Finding:
    """Compares what the service uses with the newest active revision of its family: execution role, credentialSpecs.

    Why: a revision that was registered is used only when the service is updated to it: what was mended in a new
    revision does not reach the service by itself. Services also stay on an older one on purpose, so this only warns,
    and only where the two differ in what gMSA needs.

    Fix: update the service to the newest revision, if that is the one that is meant.
    """
    beside = f"; {', '.join(deployments.others)} still runs beside it" if deployments.others else ""
    if not subject.service or not subject.cluster or not definition.family or definition.revision is None:
        return passed(f"{subject.task_definition}, no service's")
    try:
        newest = read_task_definition(ecs.describe_task_definition(definition.family))
    except ClientError as error:
        if "Unable to describe task definition" not in error.text:
            raise
        return passed(f"{subject.task_definition}; its family has no active revision, which is no harm{beside}")
    except TaskDefinitionError as error:
        return passed(f"{subject.task_definition}; the newest revision cannot be read: {error}{beside}")
    if newest.revision is None or newest.revision <= definition.revision:
        return passed(f"{subject.task_definition} is the newest{beside}")
    name = f"{newest.family}:{newest.revision}"
    differences = _differences(definition, newest)
    if not differences:
        return passed(f"{subject.task_definition}; {name} is newer, and the same in what gMSA needs{beside}")
    return warned(
        f"the service uses {subject.task_definition}; {name} is newer and has another {', '.join(differences)}{beside}",
        observed=f"{subject.task_definition}: {'; '.join(one for one, _ in differences.values())}",
        expected=f"{name}: {'; '.join(one for _, one in differences.values())}",
        fix=Fix(
            f"Let the service use {name}, if that is the revision that is meant.",
            (
                f"aws ecs update-service --cluster {posix(subject.cluster)} --service {posix(subject.service)} "
                f"--task-definition {posix(name)}",
            ),
        ),
    )


def _differences(used: TaskDefinition, newest: TaskDefinition) -> dict[str, tuple[str, str]]:
    """What gMSA needs and the two have not in common: what each of them says."""
    pairs = {
        "executionRoleArn": (used.execution_role_arn or "none", newest.execution_role_arn or "none"),
        "credentialSpecs": (_entries(used), _entries(newest)),
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _entries(definition: TaskDefinition) -> str:
    """The entries by container, in any order of the containers."""
    found = sorted((one.name, one.credential_specs) for one in definition.containers if one.credential_specs)
    return ", ".join(f"{' '.join(specs)} in {name}" for name, specs in found) or "no credentialSpecs"
