"""The VPC's endpoints, and whether names of services lead to them."""

from types import SimpleNamespace
from typing import Any

import pytest

from gmsa_doctor.authoring import Given
from gmsa_doctor.core.errors import Denied
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.network_path.endpoints import endpoints, private_names
from gmsa_doctor_checks.reachability.network import TaskSubnet, TaskSubnets, Vpc

SUBNETS = TaskSubnets(
    Vpc("vpc-1", ("10.0.0.0/16",), "123456789012", "default"),
    (TaskSubnet("subnet-1", "10.0.1.0/24", "us-east-1a", "vpc-1"),),
)
PLACE = AwsPlace("us-east-1", "123456789012")
RAW = {
    "VpcEndpointId": "vpce-1",
    "VpcEndpointType": "Interface",
    "ServiceName": "com.amazonaws.us-east-1.secretsmanager",
    "State": "available",
    "PrivateDnsEnabled": True,
}


def ec2(*raw: dict[str, Any], on: bool = True) -> Any:
    return SimpleNamespace(vpc_endpoints=lambda vpc: list(raw), vpc_attribute=lambda vpc, name: on)


@pytest.mark.parametrize(("raw", "services"), [((), []), ((RAW,), ["secretsmanager"])])
def test_endpoints_are_listed(raw: tuple[dict[str, Any], ...], services: list[str]) -> None:
    found = endpoints(SUBNETS, ec2(*raw), PLACE)
    assert isinstance(found, Given)
    assert [endpoint.service for endpoint in found.value.endpoints] == services


@pytest.mark.parametrize(("on", "off"), [(True, ()), (False, ("enableDnsSupport", "enableDnsHostnames"))])
def test_private_dns_needs_two_attributes(on: bool, off: tuple[str, ...]) -> None:
    found = endpoints(SUBNETS, ec2(RAW), PLACE)
    assert isinstance(found, Given)
    assert private_names(SUBNETS, found.value, ec2(on=on)).value.off == off


def test_denied_endpoints_raise() -> None:
    def denied(vpc: str) -> Any:
        raise Denied("ec2:DescribeVpcEndpoints", vpc)

    client: Any = SimpleNamespace(vpc_endpoints=denied)
    with pytest.raises(Denied):
        endpoints(SUBNETS, client, PLACE)
