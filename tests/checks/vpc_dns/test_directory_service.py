"""The directories of Directory Service, their types and stages."""

from types import SimpleNamespace
from typing import Any

import pytest

from gmsa_doctor.authoring import Given, Outcome, Status, skipped
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor_checks.domain import AdDomain
from gmsa_doctor_checks.values import DhcpOptions, DomainName, GmsaName, GmsaNames
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import dns_support
from gmsa_doctor_checks.vpc_dns.directory_service import directories, kind
from gmsa_doctor_checks.vpc_dns.values import AwsDirectories, AwsDirectory

PLACE = AwsPlace("us-east-1", "123456789012")
NAMES = GmsaNames(DomainName("corp.example"), GmsaName("webapp01"))


def of_kind(type: str, stage: str = "Active", name: str = "corp.example") -> AwsDirectories:
    return AwsDirectories((AwsDirectory("d-1", name, type, stage, ("10.0.0.2",)),))


def test_directories_are_listed() -> None:
    client: Any = SimpleNamespace(directories=list)
    found = directories(Network(("subnet-1",)), client, PLACE)
    assert isinstance(found, Given)
    assert found.value.all == ()


@pytest.mark.parametrize(
    ("known", "status"),
    [
        (of_kind("MicrosoftAD"), Status.PASS),
        (of_kind("MicrosoftAD", name="other.example"), Status.PASS),
        (of_kind("SimpleAD"), Status.WARN),
        (of_kind("MicrosoftAD", "Impaired"), Status.WARN),
    ],
)
def test_the_type_and_the_stage_are_checked(known: AwsDirectories, status: Status) -> None:
    assert kind(known, AdDomain(NAMES, Outcome(None, skipped("not read"))), PLACE).status is status


@pytest.mark.parametrize(("servers", "on"), [(("10.0.0.2",), True), (("AmazonProvidedDNS",), False)])
def test_the_vpc_resolver_is_read_if_tasks_use_it(servers: tuple[str, ...], on: bool) -> None:
    ec2: Any = SimpleNamespace(vpc_attribute=lambda vpc, name: False)
    assert dns_support(DhcpOptions("vpc-1", "dopt-1", servers, None), ec2).value.on is on
