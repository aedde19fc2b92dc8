"""`run --journal`: what the container instances' own logs say, at the finding that explains it."""

import shlex
from contextlib import ExitStack
from typing import Any

import pytest

from tests.command import Ended
from tests.here import doctor_here
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create, healthy_account
from tests.lab.environment import healthy
from tests.scenarios import changes
from tests.scenarios.lab import Change, Lab
from tests.scenarios.task_on_ecs import DOMAINLESS, instances
from tests.schema import assert_fits

ON_EC2 = changes.all_of(changes.on_ec2, instances(DOMAINLESS))
OUTPUT = """== credentials-fetcher
credentials-fetcher-{version}-1.amzn2023.x86_64
== ecs-agent
{{"Version":"Amazon ECS Agent - v1.89.2 (fa1bc2d3)"}}
== ecs.config
ECS_GMSA_SUPPORTED=true
== journal
2026-11-02T12:00:00+0000 ip-10-0-0-1 credentials-fetcherd[71]: GET /health password=Pa55word
2026-11-02T12:00:01+0000 ip-10-0-0-1 credentials-fetcherd[71]: username not found in secret password=Pa55word
== ecs-agent.log
"""


def journal(
    dc: DomainController,
    aws: EmbeddedAws,
    monkeypatch: pytest.MonkeyPatch,
    *options: str,
    change: Change = ON_EC2,
    version: str = "2.0.3",
    status: str = "Success",
) -> Ended:
    """Run the command on an account whose instances answer with that output."""

    def invocation(command: Any, instance: str, plugin: str) -> dict[str, Any]:
        output = OUTPUT.format(version=version) if status == "Success" else ""
        known = {"CommandId": command.command_id, "InstanceId": instance, "StandardErrorContent": "exit 1"}
        return {**known, "Status": status, "StandardOutputContent": output}

    monkeypatch.setattr("moto.ssm.models.Command.invocation_response", invocation)
    aws.player.play(healthy_account(dc, aws))
    environment = healthy(dc)
    with ExitStack() as stack:
        change(environment, Lab(dc, aws, stack))
        create(environment, aws)
    aws.player.change("ssm")  # its answers differ from test to test
    command = ("run", "--journal", "--cluster", "demo", "--service", "healthy", "--format", "json", *options)
    return doctor_here(*command, aws=aws, env=aws.environ())


def test_a_text_in_the_journal_is_shown_at_the_finding_that_explains_it(
    dc: DomainController, aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = changes.all_of(ON_EC2, changes.secret(username=None))
    ended = journal(dc, aws, monkeypatch, "--yes", change=broken)
    assert_fits(ended.document)
    (evidence,) = ended.finding("secret.fields")["evidence"]
    assert evidence["summary"].startswith("the journal of i-")
    assert evidence["text"].endswith("username not found in secret password=<hidden>")
    finding = ended.finding("evidence.journal")
    assert finding["status"] == "pass"
    assert "credentials-fetcher 2.0.3, ECS agent 1.89.2, ECS_GMSA_SUPPORTED=true" in str(finding["rows"])
    assert "Pa55word" not in ended.out + ended.err


@pytest.mark.parametrize(
    ("version", "fault"), [("2.0.1", "failed to remove Kerberos file"), ("1.3.6", "crashes"), ("1.2.0", "may find")]
)
def test_a_version_with_a_known_fault_is_named(
    version: str, fault: str, dc: DomainController, aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = journal(dc, aws, monkeypatch, "--yes", version=version).finding("evidence.journal")
    assert finding["status"] == "warn"
    assert f"credentials-fetcher {version}" in finding["summary"]
    assert fault in finding["summary"]


def test_a_script_that_fails_on_an_instance_is_unknown_there(
    dc: DomainController, aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = journal(dc, aws, monkeypatch, "--yes", status="Failed").finding("evidence.journal")
    assert finding["status"] == "unknown"
    assert "the script ended with Failed: exit 1" in finding["summary"]


def test_who_may_not_run_it_gets_the_commands(
    dc: DomainController, aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.deny("ssm", "SendCommand")
    ended = journal(dc, aws, monkeypatch, "--yes")
    finding = ended.finding("evidence.journal")
    assert finding["status"] == "unknown"
    assert "ssm:SendCommand" in finding["summary"]
    start, wait, read = [line.strip() for line in ended.err.splitlines() if line.startswith("  ")]
    assert "journalctl -u credentials-fetcher" in start
    assert shlex.split(start)[0] == "id=$(aws"
    assert wait.startswith("aws ssm wait command-executed")
    assert read.endswith("--output text | gmsa-doctor explain -")


@pytest.mark.parametrize(
    ("options", "change", "message"),
    [
        (("--yes",), changes.nothing, "has no container instance that supports gMSA: its tasks do not run on EC2"),
        (("--yes", "--canary"), ON_EC2, "--canary has no effect with --journal"),
        ((), ON_EC2, "without a terminal: give --yes"),
    ],
)
def test_what_cannot_work_is_refused(
    options: tuple[str, ...],
    change: Change,
    message: str,
    dc: DomainController,
    aws: EmbeddedAws,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = journal(dc, aws, monkeypatch, *options, change=change)
    assert ended.code == 2
    assert message in ended.err
    assert ("ssm", "SendCommand") not in aws.calls
