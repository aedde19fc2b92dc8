"""Findings for the paths to S3, Secrets Manager, ECR and CloudWatch Logs, by values."""

from collections.abc import Sequence
from typing import Any

import pytest

from gmsa_doctor.authoring import Finding, Fix, Given, Outcome, Owner, Status, failed, passed, skipped, warned
from gmsa_doctor.formats.documents.secret import SecretDocument
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import Launch, Network, Platform
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.network_path.services import OtherReports, ecr, logs, s3, secrets_manager, services
from gmsa_doctor_checks.reachability.flow import Flow
from gmsa_doctor_checks.reachability.obstacles import Fault, GroupsOfTask, Layer, RoutesToHosts
from gmsa_doctor_checks.reachability.services import LAYERS, ServicePath, ServicePaths
from gmsa_doctor_checks.values import SecretObject
from gmsa_doctor_checks.vpc_dns.values import VpcDns, VpcResolver

GROUP = Fault(Layer.GROUP, "sg-1", fix=Fix("Allow outbound TCP 443 in sg-1."))
ROUTE = Fault(Layer.ROUTE, "", "subnet-a", Fix("Add a default route.", owner=Owner.AWS))
OUTSIDE, INSIDE = Vantage(False), Vantage(True)
SECRET = SecretObject("arn:aws:secretsmanager:us-east-1:123456789012:secret:gmsa", SecretDocument(()))
UNREAD: Outcome[Any] = Outcome(None, skipped("not read"))
RIGHT = passed("the AD's DNS servers")


def path(service: str, status: Status = Status.FAIL, fault: Fault = ROUTE, subnet: str = "subnet-a") -> ServicePath:
    blocked = status in (Status.FAIL, Status.WARN)
    text = "rtb-1 has no default route" if blocked else "through the NAT gateway nat-1"
    return ServicePath(Flow(subnet, service), f"{subnet} (a)", status, text, (fault,) if blocked else ())


def reports(groups: Outcome[GroupsOfTask] = UNREAD, dns: Finding = RIGHT, on: bool = True) -> OtherReports:
    routes: Outcome[RoutesToHosts] = Outcome(RoutesToHosts(), passed(""))
    return OtherReports(groups, routes, Outcome[VpcDns](None, dns), Outcome(VpcResolver(on), passed("")))


def to_s3(*paths: ServicePath, others: OtherReports | None = None) -> Finding:
    return s3(ServicePaths(paths), UNREAD, others or reports(), OUTSIDE)


def test_a_blocked_path_in_each_subnet_fails_and_lists_the_other_services() -> None:
    finding = to_s3(path("s3"), path("ecr.api"), path("logs", fault=GROUP))
    assert finding.status is Status.FAIL
    assert finding.summary == "tasks cannot reach S3 and ECR's API: rtb-1 has no default route"
    assert (finding.overruled_by, finding.fix) == ("credspec.object", ROUTE.fix)


def test_one_blocked_subnet_of_two_is_a_warning_that_names_it() -> None:
    finding = to_s3(path("s3"), path("s3", Status.PASS, subnet="subnet-b"))
    assert (finding.status, finding.shows_as) == (Status.WARN, None)
    assert "tasks in subnet-a (a) cannot reach S3; tasks in the other subnets can" in finding.summary
    assert [row.status for row in finding.rows] == [Status.FAIL, Status.PASS]


def test_a_path_that_is_probably_blocked_is_a_warning() -> None:
    assert to_s3(path("s3", Status.WARN)).summary.startswith("tasks probably cannot reach S3: ")


def test_a_secret_that_was_read_inside_overrules_the_blocked_path() -> None:
    found: Outcome[Any] = Outcome(SECRET, passed("read"))
    finding = secrets_manager(ServicePaths((path("secretsmanager"),)), found, reports(), INSIDE)
    assert (finding.status, "a request from this task succeeded" in finding.summary) == (Status.WARN, True)
    outside = secrets_manager(ServicePaths((path("secretsmanager"),)), found, reports(), OUTSIDE)
    assert outside.status is Status.FAIL


@pytest.mark.parametrize(
    ("others", "because"),
    [
        (reports(Outcome(GroupsOfTask((), (GROUP,)), failed("no outbound rule"))), "network-access.security-groups"),
        (reports(Outcome(GroupsOfTask((), (GROUP,)), warned("no outbound rule"))), None),
        (reports(), None),
    ],
)
def test_a_fault_that_also_blocks_the_ad_is_reported_there(others: OtherReports, because: str | None) -> None:
    finding = to_s3(path("s3", fault=GROUP), others=others)
    assert finding.because == ((because,) if because else ())
    assert finding.status is (Status.SKIPPED if because else Status.FAIL)
    assert finding.fix == GROUP.fix


def test_a_resolver_that_is_off_is_reported_by_the_dns_servers_if_that_fails() -> None:
    fault = Fault(Layer.DNS, "enableDnsSupport", "subnet-a")
    for dns, on, because in (
        (failed("off"), False, ("dhcp-options.domain-name-servers",)),
        (failed("wrong servers"), True, ()),
        (RIGHT, False, ()),
    ):
        assert to_s3(path("s3", fault=fault), others=reports(dns=dns, on=on)).because == because


def test_a_fault_that_several_services_share_is_reported_by_the_first() -> None:
    paths = ServicePaths((path("s3"), path("secretsmanager"), path("ecr.api"), path(LAYERS), path("logs")))
    for check in (ecr, logs):
        finding = check(paths, reports())
        assert (finding.status, finding.because) == (Status.SKIPPED, ("network-path.s3",))
        assert finding.summary == "skipped: same cause as network-path.s3"
    assert ecr(ServicePaths((path("s3", Status.PASS), path("ecr.dkr"))), reports()).status is Status.FAIL


@pytest.mark.parametrize(("check", "text"), [(ecr, "no image comes from ECR"), (logs, "log driver awslogs")])
def test_a_service_that_the_task_does_not_use_passes(check: Any, text: str) -> None:
    finding = check(ServicePaths((path("s3"),)), reports())
    assert (finding.status, text in finding.summary) == (Status.PASS, True)


def test_a_path_that_is_not_known_is_skipped_because_of_what_hides_it() -> None:
    unknown_exits = Finding(Status.UNKNOWN, "denied", check="network-path.way-out")
    paths: Sequence[ServicePath] = (path("s3", Status.SKIPPED),)
    assert to_s3(*paths).status is Status.SKIPPED
    hidden = s3(ServicePaths(tuple(paths), unknown_exits), UNREAD, reports(), OUTSIDE)
    assert (hidden.status, hidden.because) == (Status.SKIPPED, ("network-path.way-out",))
    assert to_s3(*paths, path("s3", Status.PASS, subnet="subnet-b")).status is Status.PASS


def test_on_ec2_the_container_instance_makes_the_calls() -> None:
    nothing: Any = None
    platform = Platform(Launch.EC2)
    result = services(Network(("subnet-a",)), TaskDefinition("web", ()), platform, nothing, nothing, nothing)
    assert not isinstance(result, Given)
    assert (result.status, "the container instance makes these calls" in result.summary) == (Status.SKIPPED, True)
