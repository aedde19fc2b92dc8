"""A check from outside the network ends with the command that requests the ticket, and that command works."""

import shlex

import pytest

from gmsa_doctor import __version__
from tests.command import doctor
from tests.lab import accounts
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.probe.service import left, made
from tests.scenarios.changes import secret

OUTSIDER = secret(username=accounts.OUTSIDER, password=accounts.PASSWORDS[accounts.OUTSIDER])
"""The fault of the README: the user may not retrieve the gMSA's password."""


def test_a_broken_service_seen_from_outside_is_unproven_and_the_next_command_finds_the_cause(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    with made(dc, aws, OUTSIDER) as (environment, _):
        env = aws.environ(environment.region)
        command = ("check", "--cluster", environment.cluster, "--service", environment.name, "--format", "json")
        outside = doctor(*command, env=env)
        assert (outside.code, outside.document["verdict"]) == (3, "unproven"), outside.out
        (proof,) = outside.document["not_proven"]
        next_command = shlex.split(proof["commands"][0])
        assert next_command[:2] == ["gmsa-doctor", "run"]
        inside = doctor(*next_command[1:], "--yes", "--format", "json", env=env, seconds=180)
        images = {task.definition["containerDefinitions"][0]["image"] for task in aws.fargate.tasks}
        assert left(aws) == []
    assert (inside.code, inside.roots) == (1, ["directory.managed-password"]), inside.out
    assert images == {f"123456789012.dkr.ecr.{environment.region}.amazonaws.com/gmsa-doctor:{__version__}"}


@pytest.mark.parametrize("option", [("--live", "never"), ("--only", "secret")])
def test_static_checks_alone_are_unproven_with_exit_code_0(
    option: tuple[str, str], dc: DomainController, aws: EmbeddedAws
) -> None:
    with made(dc, aws, OUTSIDER) as (environment, _):
        command = ("check", "--cluster", environment.cluster, "--service", environment.name, *option)
        ended = doctor(*command, "--format", "json", env=aws.environ(environment.region))
    assert (ended.code, ended.document["verdict"]) == (0, "unproven"), ended.out
