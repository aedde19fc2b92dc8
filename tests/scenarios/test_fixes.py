"""The commands of fixes, run in their order by a shell with the AWS CLI and the embedded AWS: the check then passes."""

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gmsa_doctor.report.findings import language
from tests.command import doctor, quick_aws
from tests.lab import accounts
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import fill, healthy
from tests.scenarios.examples import typical_faults
from tests.scenarios.judge import brief
from tests.scenarios.lab import Change, Lab
from tests.scenarios.task_starts import rule, schedule, state_machine

CREDSPEC_ARN = "arn:aws:s3:::gmsa-credspecs/webapp01_CredSpec.json"
CREDENTIALSPECS = f'.containerDefinitions[0].credentialSpecs = ["credentialspecdomainless:{CREDSPEC_ARN}"]'
NEWEST_SET = "aws ec2 describe-dhcp-options --query DhcpOptions[-1].DhcpOptionsId --output text"


@dataclass(frozen=True)
class Person:
    """What a person adds to the commands of a fix."""

    edit: str = "."
    """A program of jq that makes the edits in the editor."""
    names: Mapping[str, str] = field(default_factory=dict)
    """A placeholder, with its quotes, to what stands in its place in the shell."""
    first: int = 1
    """The first command to run; those before it are an alternative."""
    last: int | None = None
    """The last command to run; those after it are an alternative."""
    needless: tuple[int, ...] = ()
    """Commands in between for something that exists already."""


FIXES = {
    "task-definition.arn": Person(CREDENTIALSPECS),
    "task-definition.prefix": Person(CREDENTIALSPECS),
    "task-definition.credentialspecs": Person(CREDENTIALSPECS, {"'s3://<bucket>/'": "s3://gmsa-credspecs/"}),
    "task-definition.dns-settings": Person("del(.containerDefinitions[].dnsServers)"),
    "task-definition.platform-version": Person(),
    "task-start.permissions": Person(),
    "execution-role.present": Person(
        '.executionRoleArn = "arn:aws:iam::123456789012:role/ecsTaskExecutionRole"', needless=(2, 3)
    ),
    "execution-role.credspec": Person(),
    "execution-role.image": Person(),
    "execution-role.logs": Person(),
    "execution-role.secret": Person(),
    "execution-role.ssm": Person(),
    "execution-role.task-secrets": Person(),
    "log-group.present": Person(),
    "credspec.names": Person('.ActiveDirectoryConfig.GroupManagedServiceAccounts[].Name = "webapp01"'),
    "credspec.object": Person(first=3, last=3),
    "credspec.size": Person(first=4),
    "credspec.secret-link": Person(
        ".ActiveDirectoryConfig.HostAccountConfig.PluginInput.CredentialArn = env.SECRET_ARN"
    ),
    "sql-server.app-secrets": Person(
        '(.containerDefinitions[].secrets[] | select(.name == "DATABASE_URL") | .valueFrom) |= sub(":url::"; ":URL::")',
        last=5,
    ),
    "secret.fields": Person(f'.username = "{accounts.READER}"'),
    "secret.value": Person(),
    "kerberos.user-ticket": Person(".password = env.RIGHT_PASSWORD", {"'<desired count before>'": "1"}),
    "dhcp-options.domain-name-servers": Person(
        first=5,
        names={
            "'Key=domain-name-servers,Values=<DNS server 1>,<DNS server 2>'": 'Key=domain-name-servers,Values="$DC"',
            "'<ID of the new set>'": f'"$({NEWEST_SET})"',
        },
    ),
    "network-access.security-groups": Person(),
    "network-access.hosts-security-groups": Person(),
    "network-access.network-acls": Person(),
    "network-path.network-acls": Person(),
    "network-path.secrets-manager": Person(),
    "resolver-rule.endpoint": Person(),
}


@pytest.mark.parametrize("check", FIXES)
def test_the_commands_of_the_fix_in_their_order_fix_it(
    check: str, dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    scenario = next(fault for fault in typical_faults() if fault.check == check)
    fixes(check, scenario.change, FIXES[check], dc, aws, tmp_path)


_OLD = {"PlatformVersion": "1.3.0"}
STARTS = {
    "schedule": (schedule(_OLD), '.Target.EcsParameters.PlatformVersion = "LATEST"'),
    "rule": (rule(_OLD), '(.[] | select(.EcsParameters) | .EcsParameters.PlatformVersion) = "LATEST"'),
    "state machine": (
        state_machine(_OLD),
        '(.. | objects | select(has("PlatformVersion")) | .PlatformVersion) = "LATEST"',
    ),
}


@pytest.mark.parametrize("starter", STARTS)
def test_what_starts_the_task_is_changed_by_the_commands(
    starter: str, dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    change, edit = STARTS[starter]
    fixes("task-definition.platform-version", change, Person(edit), dc, aws, tmp_path)


def fixes(check: str, change: Change, person: Person, dc: DomainController, aws: EmbeddedAws, tmp_path: Path) -> None:
    """The check fails, and passes after the commands of its fix."""
    with ExitStack() as stack:
        environment = healthy(dc)
        change(environment, Lab(dc, aws, stack))
        created = create(environment, aws)
        (tmp_path / "credspec.json").write_text(json.dumps(fill(healthy(dc).credspec, created.names)))
        options, env = (*environment.command, "--format", "json"), aws.environ(environment.region)
        before = doctor(*options, env=env)
        assert before.statuses()[check] == "fail", brief(before)
        commands = before.finding(check)["fix"]["commands"]
        run_in_shell(commands, person, {**env, "SECRET_ARN": created.secret_arn, "DC": dc.ip}, tmp_path)
        deploy(aws, environment.region)
        after = doctor(*options, env=env)
    assert after.statuses()[check] == "pass", brief(after)


def deploy(aws: EmbeddedAws, region: str) -> None:
    """Make each service's deployment that of the service, as ECS does after an update: moto leaves it as it was."""
    ecs = aws.backend("ecs", region)
    for service in ecs.services.values():
        definition = ecs.describe_task_definition(service.task_definition)
        service.deployments[0].update(taskDefinition=definition.arn, platformVersion=service.platform_version)


def run_in_shell(commands: list[str], person: Person, env: Mapping[str, str], directory: Path) -> None:
    """Run those of the commands that a shell understands, in one directory, until one fails."""
    editor = directory / "editor"
    editor.write_text(f'#!/bin/sh\nset -e\njq {shlex.quote(person.edit)} "$1" > edited\nmv edited "$1"\n')
    editor.chmod(0o755)
    wanted = [command for number, command in enumerate(commands, 1) if number not in person.needless]
    lines = [command for command in wanted[person.first - 1 : person.last] if language(command) == "sh"]
    script = "\n".join(("set -eu -o pipefail", *lines))
    for placeholder, name in person.names.items():
        script = script.replace(placeholder, name)
    path = f"{Path(quick_aws()).parent}:{Path(sys.executable).parent}:{env['PATH']}"
    ended = subprocess.run(
        ["bash"],
        input=script,
        env={**env, "PATH": path, "EDITOR": str(editor), "AWS_PAGER": "", "RIGHT_PASSWORD": accounts.PASSWORD},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, f"{script}\n{ended.stdout}{ended.stderr}"
