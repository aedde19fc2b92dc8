"""A probe is not placed where the task of a start may not run."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import AwsPlace, Controller, Network, Subject
from gmsa_doctor.probe.planning import make_plan


@pytest.mark.parametrize(
    ("cluster", "network", "option"),
    [
        ("demo", Network(("subnet-1",), groups_vary=True), "--security-groups"),
        (None, Network(("subnet-1",)), "--cluster"),
    ],
)
def test_what_each_start_gives_must_be_given(cluster: str | None, network: Network, option: str) -> None:
    subject = Subject("exports/Run", cluster, None, "web:3", controller=Controller.STATE_MACHINE, starter="arn:x")
    given = {TaskDefinition: TaskDefinition("web", ()), AwsPlace: AwsPlace("us-east-1", None), Network: network}
    attempt = SimpleNamespace(cases=[SimpleNamespace(given=given)], found=[SimpleNamespace(subject=subject)])
    with pytest.raises(UsageError, match=f"each start gives .*: add {option}"):
        make_plan(cast("Any", attempt), cast("Any", None), cast("Any", None), frozenset())
