"""IPv6 between the task and the AD is not checked: a block of IPv4 is not a failure if IPv6 may pass."""

from dataclasses import replace
from typing import Any, cast

import pytest

from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.core.model import Finding, Fix, Outcome, Result, Status, skipped
from gmsa_doctor.formats.aws.network_acl import read_network_acl
from gmsa_doctor.formats.aws.route_table import read_route_table
from gmsa_doctor.formats.aws.security_group import read_security_group
from gmsa_doctor.given.subject import Network
from gmsa_doctor_checks.network_access.acls import network_acls
from gmsa_doctor_checks.network_access.groups import of_hosts
from gmsa_doctor_checks.network_access.routes import routes
from gmsa_doctor_checks.network_access.values import Interfaces
from gmsa_doctor_checks.network_access.verdict import BlockedFlows, verdict
from gmsa_doctor_checks.reachability.flow import ANY_SUBNET
from gmsa_doctor_checks.reachability.network import SubnetRoutes
from gmsa_doctor_checks.reachability.obstacles import Blockage, Extent, Fault, Layer, Obstacle
from tests.checks.test_network_access import (
    FROM_OUTSIDE,
    IN_VPC,
    KERBEROS,
    OF_DCS,
    ONLY_ONE,
    PLACE,
    SUBNETS,
    A,
    Aws,
    ended,
    group,
    judged_of_task,
    to,
)

DUAL_STACK = replace(SUBNETS, subnets=(replace(SUBNETS.subnets[0], ipv6=True),))
IPV6_ALONE = replace(SUBNETS, subnets=(replace(SUBNETS.subnets[0], cidr="", ipv6=True),))
ALL_OF_IPV6 = to(Ipv6Ranges=[{"CidrIpv6": "::/0"}])
NO_INTERFACES = Outcome[Interfaces](None, skipped("denied"))


class OneAcl:
    """EC2 with one network ACL, of the task's subnet."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.acl = {"NetworkAclId": "acl-1", "Entries": list(entries), "Associations": [{"SubnetId": A}]}

    def network_acls(self, vpc: str) -> list[dict[str, Any]]:
        return [self.acl]


def rule(cidr: str, *, out: bool, action: str = "allow") -> dict[str, Any]:
    key = "Ipv6CidrBlock" if ":" in cidr else "CidrBlock"
    return {"RuleNumber": 100, "RuleAction": action, "Protocol": "-1", key: cidr, "Egress": out}


BOTH_WAYS_BY_IPV6 = (rule("::/0", out=True), rule("::/0", out=False))


def of_acl(subnets: Any, *entries: dict[str, Any]) -> Finding:
    ec2 = cast("Ec2", OneAcl(*entries))
    result: Result[Any] = network_acls(subnets, ONLY_ONE, NO_INTERFACES, ec2, PLACE, FROM_OUTSIDE)
    finding: Finding = ended(result)[1]
    return finding


def of_routes(subnets: Any, *given: dict[str, Any]) -> Finding:
    table = read_route_table({"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Routes": list(given)})
    tables = SubnetRoutes(((A, table),), (table,))
    finding: Finding = ended(routes(subnets, tables, ONLY_ONE, cast("Ec2", Aws()), PLACE, FROM_OUTSIDE))[1]
    return finding


def inbound(subnets: Any, *inbound: dict[str, Any]) -> Finding:
    ec2 = cast("Ec2", Aws(groups=[group("sg-dc", inbound=inbound)]))
    network = Network((A,), ("sg-1",))
    result = of_hosts(subnets, network, ONLY_ONE, OF_DCS, IN_VPC, ec2, PLACE, FROM_OUTSIDE)
    finding: Finding = ended(result)[1]
    return finding


def outbound(subnets: Any, *rules: dict[str, Any]) -> Finding:
    network = Network((A,), ("sg-1",))
    return judged_of_task(network, NO_INTERFACES, Aws(groups=[group("sg-1", *rules)]), subnets=subnets)[1]


BY_TRANSIT = {"DestinationIpv6CidrBlock": "fd00::/8", "TransitGatewayId": "tgw-1", "State": "active"}
TO_INTERNET = {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1", "State": "active"}
LOCAL = {"DestinationIpv6CidrBlock": "2001:db8::/56", "GatewayId": "local", "State": "active"}
PUBLIC = {"DestinationIpv6CidrBlock": "::/0", "GatewayId": "igw-1", "State": "active"}
GONE = {**BY_TRANSIT, "State": "blackhole"}


@pytest.mark.parametrize(
    ("of", "found", "status"),
    [
        (outbound, (ALL_OF_IPV6,), Status.WARN),
        (outbound, (), Status.FAIL),
        (
            outbound,
            (to(IpProtocol="tcp", FromPort=443, ToPort=443, Ipv6Ranges=[{"CidrIpv6": "::/0"}]),),
            Status.FAIL,
        ),
        (of_acl, BOTH_WAYS_BY_IPV6, Status.WARN),
        (of_acl, BOTH_WAYS_BY_IPV6[:1], Status.FAIL),
        (of_acl, (rule("::/0", out=True), rule("::/0", out=False, action="deny")), Status.FAIL),
        (of_routes, (BY_TRANSIT,), Status.WARN),
        (of_routes, (TO_INTERNET, LOCAL), Status.FAIL),
        (of_routes, (PUBLIC,), Status.FAIL),
        (of_routes, (GONE,), Status.FAIL),
        (inbound, (ALL_OF_IPV6,), Status.WARN),
        (inbound, (), Status.FAIL),
    ],
)
def test_a_block_of_ipv4_is_a_warning_in_a_dual_stack_subnet(
    of: Any, found: tuple[dict[str, Any], ...], status: Status
) -> None:
    finding = of(DUAL_STACK, *found)
    assert finding.status is status, finding.summary
    assert ("over IPv6" in finding.summary) == (status is Status.WARN)
    assert of(SUBNETS, *found).status is Status.FAIL


@pytest.mark.parametrize("of", [outbound, of_acl, of_routes, inbound])
def test_an_ipv6_only_subnet_is_skipped(of: Any) -> None:
    assert of(IPV6_ALONE).status is Status.SKIPPED


def test_one_port_that_is_blocked_for_all_packets_fails() -> None:
    obstacles = tuple(
        Obstacle(flow, Fault(Layer.GROUP), "no rule", Extent.ALL if flow.port is KERBEROS else Extent.IPV4)
        for flow in ONLY_ONE.flows(ANY_SUBNET)
    )
    blocked = BlockedFlows(ONLY_ONE, (ANY_SUBNET,), obstacles)
    given = verdict(Blockage, blocked, "fine", lambda _: Fix("Add a rule."), lambda *_: False)
    assert given.finding.status is Status.FAIL


def test_rules_and_routes_for_ipv6_are_read_separately() -> None:
    found = read_security_group({"GroupId": "sg-1", "IpPermissionsEgress": [ALL_OF_IPV6]})
    assert [(rule.networks, rule.ipv6) for rule in found.egress] == [((), True)]
    acl = read_network_acl({"NetworkAclId": "acl-1", "Entries": list(BOTH_WAYS_BY_IPV6)})
    assert (acl.ingress, acl.egress, acl.ipv6) == ((), (), True)
    assert read_route_table({"RouteTableId": "rtb-1", "Routes": [BY_TRANSIT, TO_INTERNET]}).routes == ()
