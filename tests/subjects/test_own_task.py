"""Inside ECS the subject is the own task, where none is named: its task definition, its subnet, its DNS servers."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.task_metadata import OwnTask
from gmsa_doctor.core.errors import ClientError, Denied, NotFound, Throttled, TimedOut, UsageError
from gmsa_doctor.core.model import Finding, Owner, Status
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer, Launch, Network, Platform, Subject
from gmsa_doctor.given.vantage import DnsServersInUse
from gmsa_doctor.subjects import own_task
from gmsa_doctor.subjects.source import FoundSubject
from tests.command import Ended, a_task_definition, doctor, environ
from tests.lab.ad import DomainController
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import Created, healthy
from tests.lab.loopback import fresh_address
from tests.metadata_endpoint import ID, VARIABLE, answering, on_fargate

HERE = f"arn:aws:ecs:us-east-1:{ACCOUNT}"
OWN = OwnTask(f"{HERE}:task/demo/{ID}", f"{HERE}:cluster/demo", "webapp", "3", "FARGATE", ("10.0.0.10",), "10.0.0.0/24")
INTERFACE = {
    "type": "ElasticNetworkInterface",
    "status": "ATTACHED",
    "details": [
        {"name": "subnetId", "value": "subnet-1"},
        {"name": "networkInterfaceId", "value": "eni-1"},
        {"name": "privateIPv4Address", "value": "10.0.0.61"},
    ],
}
TASK = {
    "taskArn": OWN.arn,
    "group": "service:web",
    "launchType": "FARGATE",
    "platformVersion": "1.4.0",
    "attachments": [{"type": "Service Connect", "details": [{"name": "subnetId", "value": "no"}]}, INTERFACE],
}


class _Ecs:
    """Answers as ECS describes the own task and its task definition; an error in place of one is raised."""

    def __init__(self, task: Mapping[str, Any] | ClientError, definition: object = None) -> None:
        self.task = task
        self.definition = definition or a_task_definition(family="webapp", revision=3, status="ACTIVE")
        self.asked: list[tuple[str, ...]] = []

    def describe_task(self, task: str, cluster: str) -> Mapping[str, Any]:
        self.asked.append((task, cluster))
        if isinstance(self.task, ClientError):
            raise self.task
        return self.task

    def describe_task_definition(self, task_definition: str) -> object:
        self.asked.append((task_definition,))
        if isinstance(self.definition, ClientError):
            raise self.definition
        return self.definition


class _Ec2:
    """Answers as EC2 describes the task's network interface; an error in place of that is raised."""

    def __init__(self, interface: Mapping[str, Any] | ClientError) -> None:
        self.interface = interface
        self.asked: list[str] = []

    def network_interface(self, id: str) -> Mapping[str, Any]:
        self.asked.append(id)
        if isinstance(self.interface, ClientError):
            raise self.interface
        return self.interface


NOT_PERMITTED = Denied("ec2:DescribeNetworkInterfaces", "*")


def found_in(ecs: _Ecs, own: OwnTask = OWN, ec2: _Ec2 | None = None, **request: Any) -> FoundSubject:
    network = cast("Ec2", ec2 or _Ec2(NOT_PERMITTED))
    (found,) = own_task.find(own, Request(**request), cast("Ecs", ecs), network)
    return found


def network_of(
    task: Mapping[str, Any] | ClientError, own: OwnTask = OWN, ec2: _Ec2 | None = None, **request: Any
) -> object:
    return found_in(_Ecs(task), own, ec2, **request).values[Network]


# The subject ------------------------------------------------------------------------------------------


def test_the_own_task_gives_its_task_definition_place_subnet_and_platform() -> None:
    ecs = _Ecs(TASK)
    found = found_in(ecs)
    assert found.subject == Subject("demo/webapp:3/web", OWN.cluster, "web", "webapp:3")
    assert found.place == found.values[AwsPlace] == AwsPlace("us-east-1", ACCOUNT)
    assert isinstance(found.values[TaskDefinition], TaskDefinition)
    assert found.values[Network] == Network(("subnet-1",))
    assert found.values[Platform] == Platform(Launch.FARGATE, version="1.4.0")
    assert ecs.asked == [(f"{HERE}:task-definition/webapp:3",), (OWN.arn, OWN.cluster)]


def test_the_own_tasks_containers_are_chosen_like_any_others() -> None:
    one = {"name": "web", "credentialSpecs": ["credentialspecdomainless:arn:aws:s3:::b/k.json"]}
    containers = [one, {**one, "name": "api"}, {"name": "doctor"}]
    ecs = cast("Ecs", _Ecs(TASK, a_task_definition(containerDefinitions=containers)))
    ec2 = cast("Ec2", _Ec2(NOT_PERMITTED))
    both = own_task.find(OWN, Request(), ecs, ec2)
    assert [each.subject.name for each in both] == ["demo/webapp:3/web", "demo/webapp:3/api"]
    (chosen,) = own_task.find(OWN, Request(container="doctor"), ecs, ec2)
    container = chosen.values[ChosenContainer]
    assert isinstance(container, ChosenContainer)
    assert container.container is not None
    assert container.container.name == "doctor"
    with pytest.raises(UsageError, match=r"no container nobody; the task definition has web, api, doctor"):
        own_task.find(OWN, Request(container="nobody"), ecs, ec2)


@pytest.mark.parametrize(
    ("told", "described", "compatible", "launch"),
    [
        ("FARGATE", None, [], Launch.FARGATE),
        ("EC2", "FARGATE", [], Launch.EC2),
        (None, "EC2", [], Launch.EC2),
        (None, None, ["FARGATE"], Launch.FARGATE),
        ("MANAGED_INSTANCES", "MANAGED_INSTANCES", [], Launch.MANAGED_INSTANCES),
        (None, None, [], None),
    ],
)
def test_the_launch_type_is_the_endpoints_then_the_tasks_then_the_task_definitions(
    told: str | None, described: str | None, compatible: list[str], launch: Launch | None
) -> None:
    definition = a_task_definition(requiresCompatibilities=compatible)
    found = found_in(_Ecs({**TASK, "launchType": described}, definition), replace(OWN, launch_type=told))
    platform = found.values[Platform]
    assert isinstance(platform, Platform)
    assert platform.launch is launch


@pytest.mark.parametrize(
    ("group", "service"), [("service:web", "web"), ("family:webapp", None), ("service:", None), (None, None)]
)
def test_the_service_is_the_one_that_started_the_task(group: str | None, service: str | None) -> None:
    assert found_in(_Ecs({**TASK, "group": group})).subject.service == service


def test_a_task_definition_that_the_task_role_cannot_describe_is_unknown_but_named() -> None:
    found = found_in(_Ecs(TASK, Denied("ecs:DescribeTaskDefinition", "webapp:3")))
    assert found.subject == Subject("demo/webapp:3", OWN.cluster, "web", "webapp:3")
    for kind in (TaskDefinition, ChosenContainer, Platform):
        reason = found.values[kind]
        assert isinstance(reason, Finding)
        assert (reason.status, reason.check) == (Status.UNKNOWN, "task-definition.registered")
        assert "ecs:DescribeTaskDefinition" in reason.summary
    assert found.values[Network] == Network(("subnet-1",))


def test_the_subject_is_named_if_aws_does_not_answer_in_time() -> None:
    (found,) = own_task.unfound(OWN, Request(), TimedOut("AWS", 1))
    assert found.subject == Subject("demo/webapp:3", OWN.cluster, None, "webapp:3")
    reason = found.values[TaskDefinition]
    assert isinstance(reason, Finding)
    assert (reason.status, reason.check) == (Status.UNKNOWN, "task-definition.registered")


# Its network ------------------------------------------------------------------------------------------


def test_the_network_interface_has_the_security_groups_and_the_public_address() -> None:
    ec2 = _Ec2({"NetworkInterfaceId": "eni-1", "Groups": [{"GroupId": "sg-1"}, {"GroupId": "sg-2"}]})
    assert network_of(TASK, ec2=ec2) == Network(("subnet-1",), ("sg-1", "sg-2"), public_address=False)
    assert ec2.asked == ["eni-1"]
    public = _Ec2({"Groups": [{"GroupId": "sg-1"}], "Association": {"PublicIp": "203.0.113.9"}})
    assert network_of(TASK, ec2=public) == Network(("subnet-1",), ("sg-1",), public_address=True)


@pytest.mark.parametrize("error", [NOT_PERMITTED, NotFound("no interface", "x"), Throttled("Rate exceeded")])
def test_without_an_answer_from_ec2_the_security_groups_are_unknown(error: ClientError) -> None:
    assert network_of(TASK, ec2=_Ec2(error)) == Network(("subnet-1",))


def test_security_groups_from_the_options_are_those_of_the_task() -> None:
    ec2 = _Ec2({"Groups": [{"GroupId": "sg-9"}]})
    assert network_of(TASK, ec2=ec2, security_groups=("sg-1",)) == Network(("subnet-1",), ("sg-1",))
    assert not ec2.asked


def test_the_tasks_own_subnet_takes_precedence_over_subnets() -> None:
    assert network_of(TASK, subnets=("subnet-9",)) == Network(("subnet-1",))


@pytest.mark.parametrize(
    "error", [Denied("ecs:DescribeTasks", OWN.arn), Throttled("Rate exceeded"), NotFound("no task", "x")]
)
def test_a_subnet_that_ecs_does_not_return_is_unknown_and_the_fix_names_the_action(error: ClientError) -> None:
    reason = network_of(error)
    assert isinstance(reason, Finding)
    assert reason.status is Status.UNKNOWN
    assert error.text in reason.summary
    assert "10.0.0.0/24" in reason.summary
    assert reason.fix is not None
    assert (reason.fix.owner, f"ecs:DescribeTasks on {OWN.arn}" in reason.fix.text) == (Owner.AWS, True)
    assert "--subnets" in reason.fix.text
    without = network_of(error, replace(OWN, subnet_cidr=None))
    assert isinstance(without, Finding)
    assert "addresses" not in without.summary


def test_subnets_replace_a_subnet_that_ecs_does_not_return() -> None:
    denied = Denied("ecs:DescribeTasks", OWN.arn)
    assert network_of(denied, subnets=("subnet-9",), security_groups=("sg-9",)) == Network(("subnet-9",), ("sg-9",))


@pytest.mark.parametrize("attachments", [[], [{"type": "ElasticNetworkInterface", "details": []}]])
def test_without_a_network_interface_no_ec2_call_is_made(attachments: list[Any]) -> None:
    reason = network_of({**TASK, "attachments": attachments})
    assert isinstance(reason, Finding)
    assert (reason.status, "--subnets" in reason.summary) == (Status.SKIPPED, True)
    assert network_of({**TASK, "attachments": attachments}, subnets=("subnet-9",)) == Network(("subnet-9",))


# Its DNS servers --------------------------------------------------------------------------------------


def test_the_dns_servers_in_use_are_those_of_the_endpoint() -> None:
    assert own_task.dns_servers(OWN) == DnsServersInUse(("10.0.0.10",))


@pytest.mark.parametrize(
    ("own", "words"),
    [(None, "only the task itself knows"), (replace(OWN, dns_servers=()), "network mode awsvpc only")],
)
def test_unknown_dns_servers_are_reported_as_skipped(own: OwnTask | None, words: str) -> None:
    reason = own_task.dns_servers(own)
    assert isinstance(reason, Finding)
    assert reason.status is Status.SKIPPED
    assert words in reason.summary


# Whether it is the subject ----------------------------------------------------------------------------


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with answering(json.dumps(on_fargate("10.0.0.10", Revision="3")).encode()) as url:
        monkeypatch.setenv(VARIABLE, url)
        yield url


def test_inside_ecs_the_own_task_is_the_default_subject(endpoint: str) -> None:
    assert own_task.is_subject(Request())
    assert own_task.own_task(Request(region="us-east-1")) == OWN


@pytest.mark.parametrize(
    "request_",
    [
        Request(cluster="c"),
        Request(services=("s",)),
        Request(all_clusters=True),
        Request(task_definition="t"),
        Request(files=("f",)),
    ],
)
def test_a_named_subject_takes_precedence(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"http://{fresh_address()}:9/v4/nobody-asks")
    assert not own_task.is_subject(request_)
    assert own_task.own_task(request_) is None


def test_outside_ecs_there_is_not_a_own_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not own_task.is_subject(Request())
    assert own_task.own_task(Request()) is None


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(region="eu-west-1"), "--region eu-west-1 contradicts this task, which is in us-east-1; drop --region"),
    ],
)
def test_an_option_that_contradicts_the_own_task_is_refused(request_: Request, words: str, endpoint: str) -> None:
    with pytest.raises(UsageError, match=words):
        own_task.own_task(request_)


def test_an_endpoint_that_does_not_answer_is_an_error_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"http://{fresh_address()}:9/v4/abc")
    with pytest.raises(UsageError, match=r"this task cannot be found: .* refused.*--task-definition"):
        own_task.own_task(Request())


# The command, in the embedded AWS ---------------------------------------------------------------------


NO_DC = DomainController(ip="127.77.0.1", state=Path("/nonexistent"))


class _Inside:
    """A task of the healthy environment, and `gmsa-doctor check` in it."""

    def __init__(self, aws: EmbeddedAws, home: Path, stack: ExitStack) -> None:
        self.aws, self.home, self.stack = aws, home, stack
        self.created: Created = create(healthy(NO_DC), aws)
        network = {"subnets": [self.created.subnets[0]], "securityGroups": [self.created.security_group]}
        (task,) = aws.client("ecs").run_task(
            cluster="demo",
            taskDefinition=self.created.task_definition_arn,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": network},
        )["tasks"]
        self.task = str(task["taskArn"])
        aws.fargate.tasks[-1].attachment_status = "ATTACHED"  # as that of each task that runs

    def check(self, *arguments: str, servers: tuple[str, ...] = (NO_DC.ip,), **metadata: Any) -> Ended:
        answer = on_fargate(*servers, **{"TaskARN": self.task, **metadata})
        url = self.stack.enter_context(answering(json.dumps(answer).encode()))
        env = {**environ(self.home), **self.aws.variables(), VARIABLE: url}
        del env["AWS_DEFAULT_REGION"]  # the task's own ARN tells
        return doctor("check", "--live", "never", "--format", "json", *arguments, env=env)


@pytest.fixture
def task(aws: EmbeddedAws, tmp_path: Path) -> Iterator[_Inside]:
    with ExitStack() as stack:
        yield _Inside(aws, tmp_path, stack)


def test_check_without_a_subject_checks_the_own_task(task: _Inside) -> None:
    ended = task.check()
    assert ended.code == 0, ended.out + ended.err
    (subject,) = ended.document["subjects"]
    assert subject["name"] == "demo/webapp:1/web"
    assert subject["facts"] == {
        "subject": "demo/webapp:1/web",
        "task_definition": "webapp:1",
        "container": "web",
        "account": ACCOUNT,
        "region": "us-east-1",
        "vantage": "inside",
    }
    assert ended.finding("dhcp-options.in-use")["status"] == "pass"
    assert NO_DC.ip in ended.finding("dhcp-options.in-use")["summary"]
    assert ended.finding("dhcp-options.set")["status"] == "pass"
    assert ("ecs", "DescribeServices") not in task.aws.calls
    groups = ended.finding("network-access.security-groups")
    assert (groups["status"], task.created.security_group in groups["summary"]) == ("pass", True)
    assert task.aws.calls.count(("ec2", "DescribeNetworkInterfaces")) == 2  # the task's own, and those of the hosts


def test_ports_that_the_own_security_groups_block_fail(task: _Inside) -> None:
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    group = task.created.security_group
    task.aws.client("ec2").revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    ended = task.check()
    assert (ended.code, ended.roots) == (1, ["network-access.security-groups"])
    assert group in ended.finding("network-access.security-groups")["summary"]
    task.aws.deny("ec2", "DescribeNetworkInterfaces")
    finding = task.check().finding("network-access.security-groups")
    assert (finding["status"], "--security-groups" in finding["fix"]["text"]) == ("skipped", True)
    assert "ec2:DescribeNetworkInterfaces" in finding["fix"]["text"]


def test_dns_servers_that_the_set_no_longer_lists_are_a_warning(task: _Inside) -> None:
    ended = task.check(servers=("10.0.0.2",))
    finding = ended.finding("dhcp-options.in-use")
    assert (ended.code, finding["status"]) == (0, "warn")
    assert (finding["observed"], finding["expected"]) == ("10.0.0.2", NO_DC.ip)


def test_a_call_that_the_task_role_lacks_is_unknown_with_its_action(task: _Inside) -> None:
    task.aws.deny("ecs", "DescribeTasks")
    ended = task.check()
    roots = ended.roots
    assert (ended.code, "network-path.subnets" in roots) == (3, True)
    assert all("ecs:DescribeTasks" in ended.finding(root)["fix"]["text"] for root in roots)
    assert ended.finding("dhcp-options.in-use")["status"] == "pass"
    task.aws.deny("ecs", "DescribeTaskDefinition")
    ended = task.check()
    assert ended.code == 3
    assert "task-definition.registered" in ended.roots
    assert "ecs:DescribeTaskDefinition" in ended.finding("task-definition.registered")["summary"]


def test_a_time_out_names_the_own_task(task: _Inside) -> None:
    task.aws.hang("ecs", "*")
    ended = task.check("--timeout", "1")
    assert ended.code == 3, ended.out + ended.err
    assert ended.document["subjects"][0]["name"] == "demo/webapp:1"
    assert ended.roots[0] == "task-definition.registered"
