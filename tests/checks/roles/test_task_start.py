"""What starts no task is enabled by commands with its names."""

import pytest

from gmsa_doctor.given.subject import Controller, Subject
from gmsa_doctor_checks.roles.task_start import disabled


@pytest.mark.parametrize(
    ("controller", "arn", "names"),
    [
        (Controller.RULE, "events:us-east-1:123456789012:rule/on-upload", "--name on-upload --event-bus-name default"),
        (Controller.RULE, "events:us-east-1:123456789012:rule/own/x", "--name x --event-bus-name own"),
        (
            Controller.SCHEDULE,
            "scheduler:us-east-1:123456789012:schedule/jobs/nightly",
            "get-schedule --group-name jobs --name nightly ",
        ),
    ],
)
def test_a_schedule_or_rule_that_is_off_is_enabled_by_its_names(controller: Controller, arn: str, names: str) -> None:
    finding = disabled(Subject("web", "demo", None, "web", controller=controller, starter=f"arn:aws:{arn}"))
    assert finding.fix is not None
    assert names in finding.fix.commands[0]
