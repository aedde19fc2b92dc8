"""Answers that are not from AWS, that do not end, or that never come: a typed error, in bounded time and memory."""

from collections.abc import Callable
from itertools import count
from threading import Event
from typing import Any

import pytest

from gmsa_doctor.clients.aws import fargate, session
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.fargate import Fargate, ProbeLogs
from gmsa_doctor.clients.aws.logs import Logs
from gmsa_doctor.clients.aws.route53 import Route53
from gmsa_doctor.clients.aws.s3 import S3
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.clients.aws.session import Aws, AwsClient, operation
from gmsa_doctor.clients.aws.sessions import AwsSessions
from gmsa_doctor.clients.aws.sts import Sts
from gmsa_doctor.clients.aws.transport import LARGEST, NotAws
from gmsa_doctor.core.errors import ClientError, ServiceError, TimedOut
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.lies import LIES, Lie

CALLS: dict[str, Callable[[Aws], object]] = {
    "ecs": lambda aws: Ecs(aws).describe_service("web", "demo"),
    "sts": lambda aws: Sts(aws).caller(),
    "ec2": lambda aws: Ec2(aws).subnets(("subnet-1",)),
    "route53": lambda aws: Route53(aws).zones_of_vpc("vpc-1", "us-east-1"),
    "s3": lambda aws: S3(aws).get("credspecs", "web.json"),
    "logs": lambda aws: ProbeLogs(aws).delete("/ecs/web", "probe/1"),
    "s3 HEAD": lambda aws: S3(aws).bucket("credspecs"),
    "s3 policy": lambda aws: S3(aws).policy("credspecs"),
}
"""A call of each protocol, by service."""
SLOW = ("an answer that drips", "an answer that stops")


@pytest.fixture(autouse=True)
def variables(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(session, "ATTEMPTS", 1)
    monkeypatch.setattr(session, "READ_SECONDS", 60)  # a machine with much to do may be slow to send 8 MB


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("name", sorted({*LIES} - {*SLOW}))
def test_an_answer_that_is_not_from_aws_is_recognized(name: str, service: str, aws: EmbeddedAws) -> None:
    aws.lie(service.partition(" ")[0], "*", LIES[name])
    with pytest.raises(NotAws, match=r": the answer is not from AWS \(a proxy\?\)$"):
        CALLS[service](Aws())


@pytest.mark.parametrize("service", [service for service in CALLS if service != "s3 HEAD"])  # which has no body
@pytest.mark.parametrize("name", SLOW)
def test_an_answer_that_does_not_end_in_time_is_none(
    name: str, service: str, aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "READ_SECONDS", 0.2)
    aws.lie(service.partition(" ")[0], "*", LIES[name])
    with pytest.raises(TimedOut) as caught:
        CALLS[service](Aws())
    assert caught.value.fault == f"{aws.endpoint.removeprefix('http://')} is silent"


def test_no_more_than_the_limit_is_read(aws: EmbeddedAws) -> None:
    sent = []

    def endless(released: Event) -> object:
        while not released.is_set():
            sent.append(1)
            yield b"x" * 65536

    aws.lie("ecs", "*", Lie(endless))  # type: ignore[arg-type]
    with pytest.raises(NotAws):
        CALLS["ecs"](Aws())
    in_buffers = 16 << 20
    assert len(sent) * 65536 < LARGEST + in_buffers


def test_a_service_that_was_silent_gets_no_further_request(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "READ_SECONDS", 0.2)
    aws.hang("ec2", "DescribeSubnets")
    ec2 = Ec2(one := Aws())
    errors: list[ClientError] = []
    for call in (lambda: ec2.subnets(("subnet-1",)), lambda: ec2.vpc("vpc-1"), lambda: Ec2(one).vpc("vpc-2")):
        with pytest.raises(TimedOut) as caught:
            call()
        errors.append(caught.value)
    assert aws.calls == [("ec2", "DescribeSubnets")]
    assert len({error.fault for error in errors}) == 1
    monkeypatch.setattr(session, "READ_SECONDS", 30)
    assert Sts(one).caller()["Account"] == ACCOUNT


def test_silence_is_not_asked_again(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "READ_SECONDS", 0.2)
    monkeypatch.setattr(session, "ATTEMPTS", 3)
    aws.hang("sts", "*")
    with pytest.raises(TimedOut):
        Sts(Aws()).caller()
    assert aws.calls == [("sts", "GetCallerIdentity")]


def test_a_list_without_an_end_is_read_up_to_a_limit(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_MOST_PAGES", 3)
    numbers = count()
    headers = (("x-amzn-RequestId", "1"),)
    aws.lie("logs", "*", Lie(lambda _: b'{"logGroups": [], "nextToken": "%d"}' % next(numbers), headers=headers))
    with pytest.raises(ServiceError, match="more than 3 pages"):
        Logs(Aws()).has_group("/ecs/web")


def test_a_log_without_an_end_is_read_up_to_a_limit(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fargate, "LOG_LIMIT", 1 << 16)
    numbers = count()
    headers = (("x-amzn-RequestId", "1"),)
    page = b'{"events": [{"message": "%s"}], "nextForwardToken": "%d"}'
    aws.lie("logs", "*", Lie(lambda _: page % (b"x" * 20_000, next(numbers)), headers=headers))
    with pytest.raises(ServiceError, match="is larger than"):
        ProbeLogs(Aws()).lines("/ecs/web", "probe/1")
    assert len(aws.calls) == 4


def test_a_run_makes_each_session_once() -> None:
    sessions = AwsSessions()
    one = sessions.of(None, "us-east-1")
    one.silent["ecs"] = TimedOut("ecs", 8)
    sessions.begin_again()
    assert sessions.of(None, "us-east-1") is one
    assert one.silent == {}
    assert sessions.of(None, "eu-west-1") is not one


# An answer without its form, or a bug in gmsa-doctor --------------------------------------------------------

HEADERS = (("x-amzn-RequestId", "1"),)


@pytest.mark.parametrize(
    ("service", "answer", "call"),
    [
        ("ecs", "{}", lambda aws: Ecs(aws).describe_service("web", "demo")),
        ("ecs", "{}", lambda aws: next(Ecs(aws).services("demo"))),
        ("ecs", '{"services": [{}]}', lambda aws: Ecs(aws).describe_service("web", "demo")["serviceArn"]),
        ("secretsmanager", "{}", lambda aws: SecretsManager(aws).describe("gmsa")["ARN"]),
        ("ecs", '{"taskDefinition": {}}', lambda aws: Fargate(aws).registered("web:1")),
        ("sts", "<GetCallerIdentityResponse/>", lambda aws: Sts(aws).caller()),
        ("ec2", "<DescribeVpcsResponse><vpcSet/></DescribeVpcsResponse>", lambda aws: Ec2(aws).vpc("vpc-1")),
        (
            "logs",
            '{"events": [{"message": "x", "timestamp": 9000000000000000000}]}',
            lambda aws: Logs(aws).newest_events("/ecs/web", "web/1", None, 5),
        ),
    ],
)
def test_an_answer_that_lacks_a_member_of_the_api_is_not_from_aws(
    service: str, answer: str, call: Callable[[Aws], object], aws: EmbeddedAws
) -> None:
    aws.lie(service, "*", Lie(lambda _: answer.encode(), headers=HEADERS))
    with pytest.raises(NotAws):
        call(Aws())


class Wrong(AwsClient):
    """A client with bugs."""

    service = "ecs"

    @operation("ecs:ListClusters", fresh=True)
    def ask(self, bug: Callable[[Any], object]) -> object:
        """Ask, and do something wrong with the answer."""
        return bug(self.api)


BUGS: dict[str, Callable[[Any], object]] = {
    "a member that the API does not have": lambda api: api.list_clusters()["clustreArns"],
    "a call that the API does not have": lambda api: api.list_clustres(),
    "another type": lambda api: api.list_clusters()["clusterArns"].lower(),
    "an index beyond the end": lambda api: api.list_clusters()["clusterArns"][7],
    "no number": lambda api: int(api.list_clusters()["ResponseMetadata"]["HTTPHeaders"]["server"]),
}


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_a_bug_in_a_client_is_not_blamed_on_a_proxy(bug: Callable[[Any], object], aws: EmbeddedAws) -> None:
    with pytest.raises((LookupError, AttributeError, ValueError)):
        Wrong(Aws()).ask(bug)


def test_a_list_without_a_paginator_is_read_up_to_a_limit(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_MOST_PAGES", 3)
    page = "<R><vpcBlockPublicAccessExclusionSet/><nextToken>more</nextToken></R>"
    aws.lie("ec2", "*", Lie(lambda _: page.encode(), headers=HEADERS))
    with pytest.raises(ServiceError, match="more than 3 pages"):
        Ec2(Aws()).public_access_exclusions()
    assert len(aws.calls) == 5
