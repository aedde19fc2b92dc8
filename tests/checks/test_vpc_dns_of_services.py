"""Custom DNS servers in a VPC whose endpoints are the only path to a service."""

from dataclasses import replace

import pytest

from gmsa_doctor.core.model import Outcome, Owner, Status, failed, passed, unknown
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.reachability.flow import Flow
from gmsa_doctor_checks.reachability.services import ServicePath, ServicePaths
from gmsa_doctor_checks.values import DhcpOptions, SecretObject
from gmsa_doctor_checks.vpc_dns.dhcp_options.names_of_services import names_of_services
from gmsa_doctor_checks.vpc_dns.values import AwsDirectories, AwsDirectory, VpcDns

RESOLVERS = ("169.254.169.253", "fd00:ec2::253", "10.0.0.2")
BY_NAT = ServicePath(Flow("subnet-1", "secretsmanager"), "subnet-1 (a)", Status.PASS, "through the NAT gateway")
BY_ENDPOINT = replace(BY_NAT, text="through vpce-1", only_by="vpce-1")
DENIED = Outcome[AwsDirectories](None, replace(unknown("denied"), check="directory-service.directories"))
NO_SECRET = Outcome[SecretObject](None, replace(unknown("not asked"), check="secret.value"))

RIGHT = Outcome[VpcDns](None, passed("the AD's"))


def directory(type: str = "MicrosoftAD", vpc: str | None = "vpc-1") -> Outcome[AwsDirectories]:
    known = AwsDirectory("d-1", "corp.example", type, "Active", ("10.0.1.10", "10.0.2.10"), vpc=vpc)
    return Outcome(AwsDirectories((known,)), passed("d-1"))


@pytest.mark.parametrize(
    ("servers", "path", "directories", "status"),
    [
        (("10.0.1.10", "10.0.2.10"), BY_ENDPOINT, directory(), Status.PASS),
        (("10.0.1.10",), BY_ENDPOINT, directory("SharedMicrosoftAD", None), Status.PASS),
        (("10.0.1.10", "10.9.9.9"), BY_ENDPOINT, directory(), Status.WARN),
        (("10.0.1.10",), BY_ENDPOINT, directory(vpc="vpc-2"), Status.WARN),
        (("10.0.1.10",), BY_ENDPOINT, directory("ADConnector"), Status.WARN),
        (("10.9.9.9",), BY_ENDPOINT, directory(), Status.WARN),
        (("10.9.9.9",), BY_NAT, directory(), Status.PASS),
        (("10.9.9.9",), BY_NAT, DENIED, Status.PASS),
        (("10.9.9.9",), BY_ENDPOINT, DENIED, Status.SKIPPED),
        (("AmazonProvidedDNS",), BY_ENDPOINT, DENIED, Status.PASS),
        (("10.0.0.2",), BY_ENDPOINT, DENIED, Status.PASS),
        ((), BY_ENDPOINT, DENIED, Status.PASS),
    ],
)
def test_only_servers_that_may_not_forward_are_a_warning(
    servers: tuple[str, ...], path: ServicePath, directories: Outcome[AwsDirectories], status: Status
) -> None:
    options = DhcpOptions("vpc-1", "dopt-1", servers, None, RESOLVERS)
    place = AwsPlace("us-east-1", "123456789012")
    found = names_of_services(options, ServicePaths((path,)), directories, NO_SECRET, RIGHT, place, Vantage(False))
    assert found.status is status
    if status is Status.WARN:
        assert found.fix
        assert found.fix.owner is Owner.AD
        assert "to 10.0.0.2, the resolver of vpc-1" in found.fix.text
        assert all("secretsmanager.us-east-1.amazonaws.com" in command for command in found.fix.commands)
    if status is Status.SKIPPED:
        assert found.because == ("directory-service.directories",)


def test_wrong_dns_servers_are_reported_by_the_check_of_the_dhcp_options() -> None:
    options = DhcpOptions("vpc-1", "dopt-1", ("10.9.9.9",), None, RESOLVERS)
    wrong = Outcome[VpcDns](None, failed("none of which is a DNS server of corp.example"))
    paths, place = ServicePaths((BY_ENDPOINT,)), AwsPlace("us-east-1", "123456789012")
    found = names_of_services(options, paths, directory(), NO_SECRET, wrong, place, Vantage(False))
    assert (found.status, found.because) == (Status.SKIPPED, ("dhcp-options.domain-name-servers",))
