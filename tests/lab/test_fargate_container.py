"""The embedded Fargate: what a task's container sees."""

import json
import os
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.command import COMMAND
from tests.lab import ad
from tests.lab.fargate_account import CREDSPEC, KEY, ROLE, Account, Answer
from tests.lab.fargate_engine import Container, Podman, short_name
from tests.lab.fargate_tickets import credentials_fetcher


def test_the_environment_is_what_platform_and_definitions_set_and_nothing_else(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_TEST", "1")
    given = {"environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "two\nlines"}]}
    overrides = {"containerOverrides": [{"name": "doctor", "environment": [{"name": "A", "value": "2"}]}]}
    task = account.run("exec cat /proc/self/environ", given, overrides=overrides)
    variables = "\n".join(account.lines()).rstrip("\0").split("\0")
    found = dict(one.split("=", 1) for one in variables)
    assert (found.pop("A"), found.pop("B")) == ("2", "two\nlines")
    assert found.pop("ECS_CONTAINER_METADATA_URI_V4").startswith("http://127.0.0.1:")
    assert found.pop("AWS_CONTAINER_CREDENTIALS_FULL_URI").startswith("http://127.0.0.1:")
    assert found.pop("PATH").startswith("/usr/local/sbin:")
    assert found == {
        "HOME": "/",
        "HOSTNAME": f"ip-{task['containers'][0]['networkInterfaces'][0]['privateIpv4Address'].replace('.', '-')}"
        ".ec2.internal",
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": account.aws.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PWD": "/",  # of the shell itself
    }


def test_the_command_can_be_overridden_and_so_can_the_entry_point(account: Account) -> None:
    overrides = {"containerOverrides": [{"name": "doctor", "command": ["echo overridden"]}]}
    assert account.output("echo not this", overrides=overrides) == "overridden"
    assert account.output("", {"entryPoint": ["/bin/echo", "from"], "command": ["here"]}) == "from here"


def test_the_image_of_gmsa_doctor_runs_gmsa_doctor(account: Account) -> None:
    task = account.run("", {"image": "registry.example/gmsa-doctor:0.2@sha256:00", "command": ["--version"]})
    assert task["containers"][0]["exitCode"] == 0
    (line,) = account.lines()
    assert line.startswith("gmsa-doctor ")
    assert os.access(COMMAND, os.X_OK)


def test_the_container_is_the_first_process_and_alone(account: Account) -> None:
    assert account.output("echo $$; ls /proc | grep -c '^[0-9]'") == "1\n3"


def test_the_resolver_is_that_of_the_vpcs_dhcp_options(account: Account) -> None:
    before = Path("/etc/resolv.conf").read_text()
    account.dhcp(domain_name=["corp.example"], domain_name_servers=["127.0.0.53", "127.0.0.54"])
    assert account.output("cat /etc/resolv.conf") == "search corp.example\nnameserver 127.0.0.53\nnameserver 127.0.0.54"
    assert Path("/etc/resolv.conf").read_text() == before


def test_amazons_dns_is_an_address_that_the_test_may_choose(account: Account) -> None:
    assert account.output("cat /etc/resolv.conf").startswith("search ec2.internal\nnameserver 127.77.")
    account.fargate.amazon_dns = "127.0.0.99"
    account.dhcp(domain_name=["corp.example"], domain_name_servers=["AmazonProvidedDNS"])
    assert account.output("cat /etc/resolv.conf") == "search corp.example\nnameserver 127.0.0.99"


def test_changed_dhcp_options_reach_new_tasks_only(account: Account) -> None:
    account.dhcp(domain_name_servers=["127.0.0.53"])
    task = account.start("sleep 1; cat /etc/resolv.conf")
    account.dhcp(domain_name_servers=["127.0.0.54"])
    assert account.output("cat /etc/resolv.conf") == "nameserver 127.0.0.54"
    assert task.ended.wait(30)
    assert account.lines(task) == ["nameserver 127.0.0.53"]


def test_the_metadata_endpoint_tells_task_and_network(account: Account) -> None:
    account.dhcp(domain_name=["corp.example"], domain_name_servers=["127.0.0.53"])
    fetch = """python3 -c 'import os, urllib.request as u
for what in ("", "/task"): print(u.urlopen(os.environ["ECS_CONTAINER_METADATA_URI_V4"] + what).read().decode())'"""
    container, task = (json.loads(line) for line in account.output(fetch).splitlines())
    ours = account.fargate.tasks[0]
    assert (task["TaskARN"], task["Cluster"]) == (ours.arn, "arn:aws:ecs:us-east-1:123456789012:cluster/demo")
    assert (task["Family"], task["Revision"], task["LaunchType"]) == ("probe", "1", "FARGATE")
    assert task["Limits"] == {"CPU": 0.25, "Memory": 512}
    assert task["Containers"] == [container]
    assert container["Name"] == "doctor"
    assert container["KnownStatus"] == "RUNNING"
    assert container["LogOptions"]["awslogs-stream"] == f"run/doctor/{ours.id}"
    (network,) = container["Networks"]
    address = ours.interface.address
    assert network.pop("MACAddress").startswith("0a:")
    assert network == {
        "NetworkMode": "awsvpc",
        "IPv4Addresses": [address],
        "AttachmentIndex": 0,
        "IPv4SubnetCIDRBlock": "10.0.1.0/24",
        "DomainNameServers": ["127.0.0.53"],
        "DomainNameSearchList": ["corp.example"],
        "PrivateDNSName": f"ip-{address.replace('.', '-')}.ec2.internal",
        "SubnetGatewayIpv4Address": "10.0.1.1/24",
    }


WHO = """python3 -c 'import os, urllib.request as u
print(u.urlopen(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]).read().decode())'"""
WITH_BOTO3 = ["-c", "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"]


def test_the_credentials_are_those_of_the_task_role(account: Account) -> None:
    found = json.loads(account.output(WHO))
    assert found["RoleArn"] == f"{ROLE}/ecsTaskExecutionRole"
    assert set(found) == {"RoleArn", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    assert found["AccessKeyId"].startswith("ASIA")


def python_of_boto3(account: Account) -> Answer:
    """The container of an image that has boto3."""
    account.fargate.run_as("python", COMMAND.replace("gmsa-doctor", "python"))
    return {"image": "python", "command": WITH_BOTO3}


def test_a_container_acts_by_its_task_role(account: Account) -> None:
    output = account.output("", python_of_boto3(account))
    task = account.fargate.tasks[0]
    assert output == f"arn:aws:sts::123456789012:assumed-role/ecsTaskExecutionRole/{task.id}"
    assert account.aws.calls_by("ecsTaskExecutionRole") == [("sts", "GetCallerIdentity")]
    assert account.aws.calls_by(KEY) == [
        ("ecs", "RegisterTaskDefinition"),
        ("ecs", "RunTask"),
        ("ecs", "DescribeTasks"),
    ]
    assert account.aws.calls_by("pull") == []


def test_a_denial_can_be_for_one_role_only(account: Account) -> None:
    account.aws.deny("sts", "GetCallerIdentity", role="ecsTaskExecutionRole")
    output = account.output("", python_of_boto3(account))
    task = account.fargate.tasks[0]
    user = f"User: arn:aws:sts::123456789012:assumed-role/ecsTaskExecutionRole/{task.id} is not authorized"
    assert user in output
    session: Any = boto3.Session(KEY, "none")
    sts = session.client("sts", region_name="us-east-1", endpoint_url=account.aws.endpoint)
    assert sts.get_caller_identity()["Account"] == "123456789012"


def test_a_container_can_run_as_another_user(account: Account) -> None:
    assert account.output("id -u; id -g", {"user": "1654"}) == "1654\n0"
    assert account.output("id -u; id -g", {"user": "1000:1000"}) == "1000\n1000"


def test_a_task_with_credential_specs_gets_a_ticket_that_works(account: Account, dc: ad.DomainController) -> None:
    account.dhcp(domain_name=[dc.domain], domain_name_servers=[dc.ip])
    script = f"""stat -c '%u %a' /var/credentials-fetcher/krbdir/krb5cc; klist | grep Default
        echo $KRB5CCNAME; export KRB5_CONFIG=/dev/null; kvno -q ldap/{dc.host}@{dc.realm} && echo it works"""
    with credentials_fetcher(dc) as fetcher:
        account.fargate.credentials_fetcher = fetcher
        account.run(script, CREDSPEC)
    assert account.lines() == [
        "0 600",
        "Default principal: webapp01$@CORP.EXAMPLE",
        "/var/credentials-fetcher/krbdir/krb5cc",
        "it works",
    ]
    assert not os.path.exists("/var/credentials-fetcher")


def test_a_user_other_than_root_cannot_read_the_ticket(account: Account, dc: ad.DomainController) -> None:
    with credentials_fetcher(dc) as fetcher:
        account.fargate.credentials_fetcher = fetcher
        found = account.run("cat $KRB5CCNAME", {**CREDSPEC, "user": "1654"})
    assert found["containers"][0]["exitCode"] == 1
    assert account.lines() == ["cat: /var/credentials-fetcher/krbdir/krb5cc: Permission denied"]


def test_a_gmsa_whose_password_is_not_for_the_reader_gives_no_ticket(account: Account, dc: ad.DomainController) -> None:
    with credentials_fetcher(dc, "webapp02") as fetcher:
        account.fargate.credentials_fetcher = fetcher
        found = account.run("true", CREDSPEC)
    assert found["stopCode"] == "TaskFailedToStart"
    assert "failed to find gMSA password for service account" in found["stoppedReason"]


def test_without_credential_specs_there_is_no_ticket(account: Account, dc: ad.DomainController) -> None:
    with credentials_fetcher(dc) as fetcher:
        account.fargate.credentials_fetcher = fetcher
        assert account.output("echo ${KRB5CCNAME-none}; ls /var/credentials-fetcher 2>/dev/null") == "none"


def test_images_are_known_by_the_last_part_of_their_name() -> None:
    names = ["web", "web:1", "registry.example:5000/team/web:1", "registry.example:5000/web@sha256:00"]
    assert {short_name(name) for name in names} == {"web"}


def test_podman_gets_no_value_of_the_environment_by_its_arguments(account: Account) -> None:
    account.output("true")
    directory = account.fargate.directory(account.fargate.tasks[0])
    container = Container(
        name="one-off",
        image="registry.example/gmsa-doctor:1",
        entry_point=("/bin/sh", "-c"),
        command=("true",),
        environment={"TOKEN": "s3cret", "PATH": "/of/the/task"},
        resolv_conf=directory / "resolv.conf",
        tickets=directory,
        user="0",
    )
    arguments = Podman("localhost/gmsa-doctor:test", {"PATH": "/bin"}).arguments(container)
    assert "s3cret" not in " ".join(arguments)
    assert arguments[-2:] == ["localhost/gmsa-doctor:test", "true"]
    assert {"TOKEN", "PATH=/of/the/task", '["/bin/sh", "-c"]', "--read-only"} <= set(arguments)
