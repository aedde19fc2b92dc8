"""What holds of every run: few failed logons, an end in time, nothing guessed, and never a secret."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gmsa_doctor.report import schema
from tests.command import Ended, doctor, quick_command
from tests.lab import accounts, ad
from tests.lab.ad import SCRIPTS, DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.dns_server import Mode
from tests.lab.environment import Environment, healthy, task_definition_file
from tests.scenarios import changes
from tests.scenarios.judge import brief, run, told, with_status
from tests.scenarios.lab import Change, Lab, Scenario

WRONG = "not-the-password"
MUTE_LIMIT = 20
"""Seconds within which a run ends when the KDC and the DNS servers are mute."""


@contextmanager
def made(dc: DomainController, aws: EmbeddedAws, *changes: Change) -> Iterator[Environment]:
    """Give the healthy environment with these changes, in the embedded AWS."""
    with ExitStack() as stack:
        environment = healthy(dc)
        for change in changes:
            change(environment, Lab(dc, aws, stack))
        create(environment, aws)
        yield environment


def check(environment: Environment, aws: EmbeddedAws, *options: str, **variables: str) -> Ended:
    env = {**aws.environ(environment.region), **variables}
    return doctor(*environment.command, "--format", "json", *options, env=env)


# At most one failed logon for an account and run ----------------------------------------------------------


@pytest.fixture
def counted(dc: DomainController) -> Iterator[DomainController]:
    """Give the domain controller, with no failed logon of the reader counted before or after."""
    ad.reset_bad_password_count(dc, accounts.READER)
    yield dc
    ad.reset_bad_password_count(dc, accounts.READER)


def test_a_wrong_password_is_tried_once(counted: DomainController, aws: EmbeddedAws) -> None:
    run(Scenario("", "", changes.secret(password=WRONG)), counted, aws)
    assert ad.bad_password_count(counted, accounts.READER) == 1


def test_a_wrong_password_is_tried_once_with_two_domain_controllers(
    counted: DomainController, aws: EmbeddedAws
) -> None:
    def both(lab: Lab) -> str:
        return lab.dns_of_controllers({"dc1.corp.example": lab.dc.ip, "dc2.corp.example": lab.dc.ip})

    change = changes.all_of(changes.secret(password=WRONG), changes.dns_server(both))
    ended = run(Scenario("", "", change), counted, aws)
    assert with_status(ended, "fail") == {"kerberos.user-ticket"}
    assert ad.bad_password_count(counted, accounts.READER) == 1


def test_a_wrong_password_is_tried_once_with_two_subjects_that_name_the_account_differently(
    counted: DomainController, aws: EmbeddedAws
) -> None:
    def second(it: Environment, lab: Lab) -> None:
        """A second container with a CredSpec and a secret of its own, for the same account."""
        other = replace(it, secret_name="gmsa/other", key="other.json", service=None, dhcp=None, directory=None)
        other.secret = {"username": accounts.READER.upper(), "password": WRONG, "domainName": "Corp.Example"}
        create(other, lab.aws)
        it.task_definition["containerDefinitions"].append(
            {**it.container, "name": "other", "credentialSpecs": [f"credentialspecdomainless:{other.credspec_arn}"]}
        )

    with made(counted, aws, changes.secret(password=WRONG), second) as environment:
        ended = check(environment, aws)
    assert len(ended.document["subjects"]) == 2
    assert ended.roots == ["kerberos.user-ticket"], brief(ended)
    assert ad.bad_password_count(counted, accounts.READER) == 1


@pytest.mark.parametrize(
    "change",
    [changes.secret(username="CORP\\gmsa-reader"), changes.secret(domainName="CORP"), changes.secret(password=None)],
)
def test_a_secret_that_is_known_to_be_wrong_is_never_tried(
    change: Change, counted: DomainController, aws: EmbeddedAws
) -> None:
    ended = run(Scenario("", "", changes.all_of(changes.secret(password=WRONG), change)), counted, aws)
    assert ended.finding("kerberos.user-ticket")["because"] == ["secret.fields"]
    assert ad.bad_password_count(counted, accounts.READER) == 0


# What is mute, refuses or vanishes --------------------------------------------------------------------


def test_a_mute_kdc_and_a_mute_dns_server_are_named_within_20_seconds(dc: DomainController, aws: EmbeddedAws) -> None:
    mute: dict[str, str] = {}

    def kdc(lab: Lab) -> str:
        mute["kdc"] = lab.mute(88)
        return mute["kdc"]

    def dns(lab: Lab) -> str:
        mute["dns"] = lab.dns({}, Mode.MUTE)
        return mute["dns"]

    with made(dc, aws, changes.kdc_at(kdc)) as environment:
        ended = doctor(
            *environment.command, "--format", "json", env=aws.environ(environment.region), seconds=MUTE_LIMIT
        )
    assert mute["kdc"] in ended.finding("kerberos.user-ticket")["summary"]
    aws.reset()
    with made(dc, aws, changes.dns_server(dns)) as environment:
        ended = doctor(
            *environment.command, "--format", "json", env=aws.environ(environment.region), seconds=MUTE_LIMIT
        )
    assert f"DNS server {mute['dns']} did not answer" in ended.finding("dns.domain-controllers")["summary"]


def test_mute_aws_ends_at_the_timeout_and_is_named(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, lambda _, lab: lab.aws.hang("secretsmanager", "GetSecretValue")) as environment:
        ended = check(environment, aws, "--timeout", "3")
    assert (ended.document["verdict"], ended.code) == ("incomplete", 3)
    unknown = with_status(ended, "unknown")  # on a busy machine, others do not end in time either
    assert unknown
    assert all("--timeout" in ended.finding(id)["summary"] for id in unknown)
    assert set(ended.roots) <= unknown


def test_a_file_is_judged_although_aws_is_mute(dc: DomainController, aws: EmbeddedAws, tmp_path: Path) -> None:
    file = tmp_path / "td.json"
    file.write_text(task_definition_file(healthy(dc)))
    aws.hang("sts", "*")
    aws.hang("s3", "*")
    aws.hang("iam", "*")
    ended = doctor(
        "check", "--task-definition-file", str(file), "--timeout", "4", "--format", "json", env=aws.environ()
    )
    assert ended.statuses()["task-definition.arn"] == "pass"
    assert ended.statuses()["credspec.object"] == "unknown"
    assert ended.code == 3


# Ctrl-C -----------------------------------------------------------------------------------------------


def test_ctrl_c_ends_it_with_130_and_a_whole_report(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, lambda _, lab: lab.aws.hang("secretsmanager", "GetSecretValue")) as environment:
        process = subprocess.Popen(
            [quick_command(), *environment.command, "--format", "json"],
            env=aws.environ(environment.region),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        while ("secretsmanager", "GetSecretValue") not in aws.calls:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    ended = Ended(process.returncode, out.decode(), err.decode())
    assert ended.code == 130
    jsonschema.validate(ended.document, json.loads(schema.text()))
    assert ended.document["interrupted"]
    assert ended.document["verdict"] == "incomplete"
    assert ended.statuses()["task-definition.arn"] == "pass"
    assert ended.statuses()["secret.value"] == "unknown"
    assert "Traceback" not in ended.err


# What an answer is worth, by where it was asked ---------------------------------------------------------


def with_resolver(server: str, environment: Environment, aws: EmbeddedAws, *options: str, **variables: str) -> Ended:
    """Run the command where the system's own resolver asks only this server."""
    process = subprocess.run(
        [SCRIPTS / "with-lab-dns", server, quick_command(), *environment.command, "--format", "json", *options],
        env={**aws.environ(environment.region), **variables},
        capture_output=True,
        text=True,
        timeout=90,
    )
    return Ended(process.returncode, process.stdout, process.stderr)


INSIDE = {"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:9/v4"}


def test_auto_runs_the_live_flow_where_the_srv_records_answer(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, changes.instead([])) as environment:
        ended = with_resolver(dc.ip, environment, aws)
    assert ended.statuses()["kerberos.gmsa-ticket"] == "pass"
    assert (ended.document["verdict"], ended.code) == ("pass", 0)


@pytest.mark.parametrize("mode", [Mode.MUTE, Mode.REFUSE, Mode.ANSWER])
def test_auto_takes_silence_outside_for_nothing_known(mode: Mode, dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, changes.instead([])) as environment, ExitStack() as stack:
        nobody = Lab(replace(dc, ip="127.77.255.253"), aws, stack)
        server = nobody.dns({("_ldap._tcp.dc._msdcs.corp.example", "SRV"): []}, mode)
        ended = with_resolver(server, environment, aws)
    finding = ended.finding("dns.domain-controllers")
    assert (finding["status"], ended.code, ended.document["verdict"]) == ("skipped", 3, "unproven")
    assert "--dns-server" in finding["fix"]["text"]
    assert ended.statuses()["kerberos.gmsa-ticket"] == "skipped"


def test_always_and_inside_ecs_silence_is_a_failure(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, changes.instead([])) as environment, ExitStack() as stack:
        server = Lab(dc, aws, stack).dns({}, Mode.REFUSE)
        asserted = with_resolver(server, environment, aws, "--live", "always")
        inside = with_resolver(server, environment, aws, **INSIDE)
    for ended in (asserted, inside):
        assert ended.roots == ["dns.domain-controllers"], brief(ended)
        assert ended.code == 1


def test_seen_from_inside_the_tasks_own_resolver_lowers_a_static_failure(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    wrong = changes.all_of(changes.dhcp("AmazonProvidedDNS"), changes.instead([]))
    with made(dc, aws, wrong) as environment:
        inside = with_resolver(dc.ip, environment, aws, **INSIDE)
        outside = with_resolver(dc.ip, environment, aws)
        other = with_resolver(dc.ip, environment, aws, "--dns-server", dc.ip, **INSIDE)
    name = "dhcp-options.domain-name-servers"
    assert (inside.statuses()[name], inside.code) == ("warn", 0)
    assert (outside.statuses()[name], outside.roots) == ("fail", [name])
    assert (other.statuses()[name], other.roots) == ("fail", [name])


def test_never_sends_nothing_to_dns_or_ad(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as environment, ExitStack() as stack:
        from tests.lab.dns_server import fake_dns
        from tests.lab.loopback import fresh_address

        server = stack.enter_context(fake_dns(fresh_address(), {}, forward_to=dc.ip))
        environment.arguments[:] = ["--live", "never"]
        never = check(environment, aws)
        environment.arguments[:] = ["--live", "auto", "--dns-server", server.ip]
        asked_never = list(server.queries)
        check(environment, aws)
    assert asked_never == []
    assert server.queries
    assert never.statuses()["dns.domain-controllers"] == "skipped"


# The execution role's own credentials -------------------------------------------------------------------


def role_session(aws: EmbeddedAws) -> dict[str, str]:
    """Give the credentials of a session of the task definition's execution role."""
    role = "arn:aws:iam::123456789012:role/ecsTaskExecutionRole"
    given = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="task")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }


@pytest.mark.parametrize(
    ("service", "operation", "name"),
    [("s3", "GetObject", "credspec.object"), ("secretsmanager", "GetSecretValue", "secret.value")],
)
def test_a_denial_counts_with_the_execution_roles_credentials_only(
    service: str, operation: str, name: str, dc: DomainController, aws: EmbeddedAws
) -> None:
    with made(dc, aws, changes.denied(service, operation)) as environment:
        ours = check(environment, aws)
        the_roles = check(environment, aws, **role_session(aws))
    assert (ours.statuses()[name], ours.code) == ("unknown", 3)
    assert (the_roles.roots, the_roles.code) == ([name], 1), brief(the_roles)
    assert "execution role" in told(the_roles.finding(name))


# What the run is asked to be ---------------------------------------------------------------------------


def test_fail_on_warn_makes_a_warning_a_failure(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, changes.dhcp("{dc}", name="ec2.internal")) as environment:
        assert check(environment, aws).code == 0
        strict = check(environment, aws, "--fail-on", "warn")
    assert (strict.code, strict.roots) == (1, ["dhcp-options.domain-name"])


def test_the_healthy_service_of_the_issue_passes_with_the_live_flow(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as environment:
        assert environment.command[:5] == ["check", "--cluster", "demo", "--service", "healthy"]
        ended = check(environment, aws, "--spn", f"MSSQLSvc/sql.{dc.domain}:1433")
    assert ended.document["verdict"] == "pass"
    assert set(ended.statuses().values()) == {"pass"}


# No system configuration -------------------------------------------------------------------------------


def test_no_kerberos_configuration_or_cache_is_read_or_written(
    dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    """With a krb5.conf and a cache that would break every logon, if they were read."""
    (tmp_path / "krb5.conf").write_text("[libdefaults]\n default_realm = NOWHERE\n default_tkt_enctypes = nonsense\n")
    variables: dict[str, Any] = {
        "KRB5_CONFIG": str(tmp_path / "krb5.conf"),
        "KRB5CCNAME": f"FILE:{tmp_path / 'cache'}",
        "KRB5_CLIENT_KTNAME": f"FILE:{tmp_path / 'keytab'}",
        "HOME": str(tmp_path),
    }
    with made(dc, aws) as environment:
        ended = check(environment, aws, **variables)
    assert ended.document["verdict"] == "pass", brief(ended)
    assert sorted(os.listdir(tmp_path)) == ["krb5.conf"]
