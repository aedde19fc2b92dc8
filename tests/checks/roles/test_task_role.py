"""The task role's trust: what needs no question to IAM."""

from typing import cast

import pytest

from gmsa_doctor.core.model import Status
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor_checks.roles.simulation import PolicySimulator
from gmsa_doctor_checks.roles.task_role import task_role_trust

ROLE = "arn:aws:iam::123456789012:role/web"
NOT_ASKED = cast("PolicySimulator", None)


@pytest.mark.parametrize(
    ("definition", "says"),
    [
        (TaskDefinition("web", ()), "names no task role"),
        (TaskDefinition("web", (), execution_role_arn=ROLE, task_role_arn=ROLE), "see execution-role.trust"),
    ],
)
def test_without_a_role_of_its_own_it_passes(definition: TaskDefinition, says: str) -> None:
    finding = task_role_trust(definition, NOT_ASKED)
    assert finding.status is Status.PASS
    assert says in finding.summary
