"""The newest revision of the task definition's family, with a client that answers like ECS."""

from __future__ import annotations

from typing import Any, cast

import pytest

from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.core.errors import ClientError, Denied
from gmsa_doctor.core.model import Status
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import Deployments, Subject
from gmsa_doctor_checks.task.service import revision

USED = TaskDefinition("web", (), revision=3)
SERVICE = Subject("demo/web/web", "demo", "web", "web:3")


class Answering:
    """ECS that answers with this error."""

    def __init__(self, error: ClientError) -> None:
        self._error = error

    def describe_task_definition(self, name: str) -> dict[str, Any]:
        raise self._error


def test_a_service_passes_if_its_family_has_no_active_revision() -> None:
    gone = ClientError("ecs:DescribeTaskDefinition: Unable to describe task definition.")
    finding = revision(USED, Deployments(), SERVICE, cast("Ecs", Answering(gone)))
    assert (finding.status, "no active revision" in finding.summary) == (Status.PASS, True)


def test_denied_access_to_the_family_is_reported() -> None:
    denied = Denied("ecs:DescribeTaskDefinition", "*")
    with pytest.raises(Denied):
        revision(USED, Deployments(), SERVICE, cast("Ecs", Answering(denied)))
