"""Paths from a subnet to AWS services, by values: cases that the embedded AWS cannot show."""

from dataclasses import replace
from typing import Any

import pytest

from gmsa_doctor.core.errors import ClientError, Denied
from gmsa_doctor.core.model import Given, Outcome, Owner, Status, passed, skipped
from gmsa_doctor.formats.aws.route_table import RouteTable, read_route_table
from gmsa_doctor.formats.aws.security_group import SecurityGroup, read_security_group
from gmsa_doctor.formats.aws.vpc_endpoint import VpcEndpoint, is_of_another_region, read_vpc_endpoint
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor_checks.network_path.endpoints import PathGroups, PrivateNames, VpcEndpoints
from gmsa_doctor_checks.network_path.exits import Exit, Exits, ExitState, routes_out
from gmsa_doctor_checks.network_path.paths import PathSearch, VpcView
from gmsa_doctor_checks.network_path.policies import TaskAccess
from gmsa_doctor_checks.network_path.subnets import subnets as task_subnets
from gmsa_doctor_checks.network_path.zones import ZoneReader, by_zone, may_matter
from gmsa_doctor_checks.reachability.flow import Flow
from gmsa_doctor_checks.reachability.network import SubnetRoutes, TaskSubnet, TaskSubnets, Vpc
from gmsa_doctor_checks.values import DhcpOptions

PLACE = AwsPlace("us-east-1", "123456789012")
SUBNET = TaskSubnet("subnet-1", "10.0.1.0/24", "us-east-1a", "vpc-1")
VPC = Vpc("vpc-1", ("10.0.0.0/16",), "123456789012", "default")


class Ec2:
    """Knows these NAT gateways and endpoints; an error in place of the endpoints is raised."""

    def __init__(self, *nats: dict[str, Any], endpoints: list[dict[str, Any]] | ClientError | None = None) -> None:
        self.nats = list(nats)
        self.endpoints = endpoints or []

    def vpc_endpoints(self, vpc: str) -> list[dict[str, Any]]:
        if isinstance(self.endpoints, ClientError):
            raise self.endpoints
        return self.endpoints

    def nat_gateways(self, vpc: str) -> list[dict[str, Any]]:
        return self.nats


def table(id: str = "rtb-1", *subnets: str, **target: str) -> RouteTable:
    default = {"DestinationCidrBlock": "0.0.0.0/0", "State": "active", **target}
    return read_route_table(
        {
            "RouteTableId": id,
            "VpcId": "vpc-1",
            "Associations": [{"SubnetId": subnet} for subnet in subnets],
            "Routes": [default] if target else [],
        }
    )


def out(
    own: RouteTable, *others: RouteTable, nats: tuple[dict[str, Any], ...] = (), public: bool | None = False,
    shared: bool = False, endpoints: list[dict[str, Any]] | ClientError | None = None,
) -> Exit:  # fmt: skip
    subnets = TaskSubnets(VPC, (SUBNET,), shared)
    routes = SubnetRoutes((("subnet-1", own),), (own, *others))
    given = routes_out(Network(("subnet-1",), (), public), subnets, routes, Ec2(*nats, endpoints=endpoints), PLACE)  # type: ignore[arg-type]
    (found,) = given.value.exits
    return found


NAT = {"NatGatewayId": "nat-1", "SubnetId": "subnet-9", "State": "available", "ConnectivityType": "public"}
FAILED = {**NAT, "State": "failed", "FailureMessage": "no address"}
PRIVATE = {**NAT, "ConnectivityType": "private"}
BY_NAT = table("rtb-1", "subnet-1", NatGatewayId="nat-1")
PUBLIC = table("rtb-9", "subnet-9", GatewayId="igw-1")


IN_HALVES = read_route_table(
    {
        "RouteTableId": "rtb-1",
        "Routes": [{"DestinationCidrBlock": cidr, "NatGatewayId": "nat-1"} for cidr in ("0.0.0.0/1", "128.0.0.0/1")],
    }
)


@pytest.mark.parametrize(
    ("own", "others", "more", "state", "says"),
    [
        (BY_NAT, (PUBLIC,), {"nats": (NAT,)}, ExitState.OPEN, "through the NAT gateway nat-1"),
        (BY_NAT, (PUBLIC,), {"nats": (FAILED,)}, ExitState.CLOSED, "no address"),
        (BY_NAT, (PUBLIC,), {"nats": ({**NAT, "State": "pending"},)}, ExitState.CLOSED, "is pending"),
        (BY_NAT, (PUBLIC,), {}, ExitState.CLOSED, "does not exist"),
        (BY_NAT, (PUBLIC,), {"shared": True}, ExitState.ELSEWHERE, "not visible from this account"),
        (BY_NAT, (), {"nats": ({**NAT, "SubnetId": None},)}, ExitState.OPEN, "through the NAT gateway nat-1"),
        (BY_NAT, (table("rtb-9", "subnet-9"),), {"nats": (NAT,)}, ExitState.CLOSED, "rtb-9 has no default route"),
        (BY_NAT, (table("rtb-9", "subnet-9", VpcEndpointId="x", GatewayId="vpce-1"),), {"nats": (NAT,)},
         ExitState.ELSEWHERE, "not checked"),
        (BY_NAT, (table("rtb-9", "subnet-9", TransitGatewayId="tgw-1"),), {"nats": (PRIVATE,)}, ExitState.ELSEWHERE,
         "private NAT gateway"),
        (BY_NAT, (table("rtb-9", "subnet-9", GatewayId="igw-1", State="blackhole"),), {"nats": (NAT,)},
         ExitState.CLOSED, "blackhole"),
        (table(NatGatewayId="nat-1", State="blackhole"), (), {}, ExitState.CLOSED, "blackhole"),
        (table(GatewayId="igw-1", State="blackhole"), (), {"public": True}, ExitState.CLOSED, "blackhole"),
        (table(GatewayId="igw-1"), (), {"public": True}, ExitState.OPEN, "with a public address"),
        (table(GatewayId="igw-1"), (), {"public": None}, ExitState.ELSEWHERE, "if the task has a public address"),
        (table(GatewayId="igw-1"), (), {}, ExitState.CLOSED, "no public address"),
        (table(GatewayId="vgw-1"), (), {}, ExitState.ELSEWHERE, "virtual private gateway vgw-1"),
        (table(VpcPeeringConnectionId="pcx-1"), (), {}, ExitState.ELSEWHERE, "pcx-1"),
        (table(), (), {}, ExitState.CLOSED, "no default route"),
        (IN_HALVES, (PUBLIC,), {}, ExitState.ELSEWHERE, "a part of the internet"),
    ],
)  # fmt: skip
def test_the_default_route_is_followed(
    own: RouteTable, others: tuple[RouteTable, ...], more: dict[str, Any], state: ExitState, says: str
) -> None:
    found = out(own, *others, **more)
    assert (found.state, bool(found.fix)) == (state, state is ExitState.CLOSED)
    assert says in found.text


def test_a_task_without_a_public_address_is_fixed_in_the_service_by_the_developer() -> None:
    fix = out(table(GatewayId="igw-1")).fix
    assert fix
    assert fix.owner is Owner.DEVELOPER
    assert "assignPublicIp=ENABLED" in fix.commands[0]


def test_the_fix_of_a_default_route_replaces_only_a_route_that_exists() -> None:
    for own, verb in ((table(), "create-route"), (table(NatGatewayId="nat-1", State="blackhole"), "replace-route")):
        fix = out(own).fix
        assert fix
        assert f"aws ec2 {verb} --region us-east-1 --route-table-id rtb-1" in fix.commands[-1]


# Paths to a service ------------------------------------------------------------------------------------

OPEN = Exit("subnet-1", ExitState.OPEN, "through the NAT gateway nat-1")
CLOSED = Exit("subnet-1", ExitState.CLOSED, "rtb-1 has no default route")


def group(id: str, *, ingress: str = "10.0.0.0/16", egress: str = "0.0.0.0/0") -> SecurityGroup:
    def rule(cidr: str) -> dict[str, Any]:
        return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": cidr}]}

    return read_security_group({"GroupId": id, "IpPermissions": [rule(ingress)], "IpPermissionsEgress": [rule(egress)]})


def endpoint(service: str = "secretsmanager", **more: Any) -> VpcEndpoint:
    values = {
        "VpcEndpointId": "vpce-1",
        "ServiceName": f"com.amazonaws.us-east-1.{service}",
        "VpcEndpointType": "Interface",
        "State": "available",
        "PrivateDnsEnabled": True,
        "SubnetIds": ["subnet-1"],
        "Groups": [{"GroupId": "sg-2"}],
    }
    found = read_vpc_endpoint({**values, **more}, "us-east-1")
    assert found
    return found


def known(value: Any) -> Outcome[Any]:
    return Outcome(value, passed("") if value else skipped("denied"))


def view(
    *endpoints: VpcEndpoint, exit: Exit | None = CLOSED, own: RouteTable | None = None, abroad: bool = False,
    groups: PathGroups | None = None, names: PrivateNames | None = None, own_dns: bool = True,
    subnet: TaskSubnet = SUBNET, shared: bool = False,
) -> VpcView:  # fmt: skip
    servers = ("10.0.0.10",) if own_dns else ("AmazonProvidedDNS",)
    return VpcView(
        PLACE,
        TaskSubnets(VPC, (subnet,), shared),
        SubnetRoutes((("subnet-1", own or table()),)),
        VpcEndpoints(endpoints, abroad),
        known(Exits((exit,)) if exit else None),
        known(names),
        known(groups),
        known(DhcpOptions("vpc-1", "dopt-1", servers, None)),
    )


def judged(
    *endpoints: VpcEndpoint, out: Exit | None = CLOSED, service: str = "secretsmanager", shared: bool = False,
    groups: PathGroups | None = None, names: PrivateNames | None = None, own_dns: bool = False,
    subnet: TaskSubnet = SUBNET,
) -> tuple[Status, str]:  # fmt: skip
    vpc = view(*endpoints, exit=out, names=names, groups=groups, own_dns=own_dns, subnet=subnet, shared=shared)
    found = PathSearch(vpc, TaskAccess(("sg-1",)), subnet, Flow("subnet-1", service)).path()
    assert bool(found.faults) == found.blocked
    return found.status, found.text


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, Status.PASS),
        ({"State": "Available"}, Status.PASS),
        ({"State": "pendingAcceptance"}, Status.FAIL),
        ({"SubnetIds": []}, Status.FAIL),
        ({"PrivateDnsEnabled": False}, Status.FAIL),
    ],
)
def test_an_endpoint_must_be_available_with_private_dns(more: dict[str, Any], status: Status) -> None:
    assert judged(endpoint(**more))[0] is status


def test_a_broken_endpoint_is_a_warning_if_custom_dns_servers_may_use_the_route_out() -> None:
    broken = endpoint(State="failed")
    assert judged(broken, out=OPEN)[0] is Status.FAIL
    assert judged(broken, out=OPEN, own_dns=True)[0] is Status.WARN
    assert judged(broken, own_dns=True)[0] is Status.FAIL


def test_a_deleted_endpoint_does_not_hide_its_replacement() -> None:
    assert judged(endpoint(VpcEndpointId="vpce-0", State="deleted"), endpoint()) == (
        Status.PASS,
        "through the endpoint vpce-1",
    )


def test_private_dns_for_inbound_resolver_endpoints_only_does_not_count() -> None:
    options = {"DnsOptions": {"PrivateDnsOnlyForInboundResolverEndpoint": True}}
    assert judged(endpoint("s3", **options), service="s3")[0] is Status.FAIL
    gateway = endpoint("s3", VpcEndpointId="vpce-2", VpcEndpointType="Gateway", RouteTableIds=["rtb-1"], Groups=[])
    assert judged(endpoint("s3", **options), gateway, service="s3") == (
        Status.PASS,
        "through the gateway endpoint vpce-2",
    )


def test_an_endpoint_for_another_region_is_not_read() -> None:
    assert read_vpc_endpoint({"ServiceName": "com.amazonaws.eu-west-1.s3"}, "us-east-1") is None
    assert read_vpc_endpoint({"ServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-1"}, "us-east-1") is None
    chinese = read_vpc_endpoint({"ServiceName": "cn.com.amazonaws.cn-north-1.secretsmanager"}, "cn-north-1")
    assert chinese
    assert chinese.service == "secretsmanager"


@pytest.mark.parametrize(
    ("theirs", "task", "status"),
    [
        (group("sg-2"), group("sg-1"), Status.PASS),
        (group("sg-2", ingress="10.0.1.0/24"), group("sg-1", egress="10.0.0.0/8"), Status.PASS),
        (group("sg-2", ingress="10.0.2.0/24"), group("sg-1"), Status.FAIL),
        (group("sg-2", ingress="10.0.1.0/25"), group("sg-1"), Status.WARN),
        (group("sg-2"), group("sg-1", egress="52.0.0.0/8"), Status.FAIL),
    ],
)
def test_the_groups_on_both_sides_must_allow_the_request(
    theirs: SecurityGroup, task: SecurityGroup, status: Status
) -> None:
    assert judged(endpoint(), groups=PathGroups((task,), (theirs,)))[0] is status


def test_groups_that_are_not_visible_pass() -> None:
    assert judged(endpoint(), groups=PathGroups((group("sg-1"),)))[0] is Status.PASS


def test_without_the_vpcs_attributes_the_endpoint_is_not_used() -> None:
    off = PrivateNames(("enableDnsSupport",))
    status, text = judged(endpoint(), names=off)
    assert (status, "enableDnsSupport of vpc-1 is off" in text) == (Status.FAIL, True)
    assert judged(endpoint(), names=off, out=OPEN)[0] is Status.PASS


@pytest.mark.parametrize(
    ("out", "shared", "status"),
    [
        (OPEN, False, Status.PASS),
        (CLOSED, False, Status.FAIL),
        (CLOSED, True, Status.SKIPPED),
        (None, False, Status.SKIPPED),
        (Exit("subnet-1", ExitState.CLOSED, "no route", elsewhere=("10.0.0.0/8 to tgw-1",)), False, Status.WARN),
        (Exit("subnet-1", ExitState.ELSEWHERE, "through the transit gateway"), False, Status.PASS),
    ],
)  # fmt: skip
def test_without_an_endpoint_the_route_out_decides(out: Exit | None, shared: bool, status: Status) -> None:
    assert judged(out=out, shared=shared)[0] is status


def test_a_default_route_for_ipv6_may_be_used() -> None:
    ipv6 = {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1"}
    found = out(read_route_table({"RouteTableId": "rtb-1", "Routes": [ipv6]}))
    assert (found.state, found.elsewhere) == (ExitState.CLOSED, ("::/0 over IPv6",))


def test_if_ipv4_is_closed_ipv6_may_be_used() -> None:
    routes = [
        {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "blackhole"},
        {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1", "State": "active"},
    ]
    found = out(read_route_table({"RouteTableId": "rtb-1", "Routes": routes}))
    assert (found.state, found.elsewhere) == (ExitState.CLOSED, ("::/0 over IPv6",))
    assert judged(out=found)[0] is Status.WARN


def test_groups_that_allow_ipv6_are_open_in_a_dual_stack_subnet() -> None:
    ipv6 = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    task = read_security_group({"GroupId": "sg-1", "IpPermissionsEgress": [ipv6]})
    admits = read_security_group({"GroupId": "sg-2", "IpPermissions": [ipv6]})
    for groups, found in ((PathGroups((task,)), ()), (PathGroups((group("sg-1"),), (admits,)), (endpoint(),))):
        assert judged(*found, out=OPEN, groups=groups)[0] is Status.FAIL
        assert judged(*found, out=OPEN, groups=groups, subnet=replace(SUBNET, ipv6=True))[0] is Status.PASS


BY_LIST = read_route_table(
    {"RouteTableId": "rtb-1", "Routes": [{"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-9", "State": "active"}]}
)


@pytest.mark.parametrize(
    ("endpoints", "state"),
    [
        ([{"VpcEndpointId": "vpce-9", "VpcEndpointType": "Gateway"}], ExitState.CLOSED),
        ([{"VpcEndpointId": "vpce-9", "VpcEndpointType": "GatewayLoadBalancer"}], ExitState.ELSEWHERE),
        ([], ExitState.ELSEWHERE),
        (Denied("ec2:DescribeVpcEndpoints", "*"), ExitState.CLOSED),
    ],
)
def test_a_route_to_a_prefix_list_may_lead_to_a_firewall(
    endpoints: list[dict[str, Any]] | ClientError, state: ExitState
) -> None:
    assert out(BY_LIST, endpoints=endpoints).state is state


def test_a_nat_gateway_may_use_routes_to_halves_of_the_internet() -> None:
    behind = read_route_table(
        {
            "RouteTableId": "rtb-9",
            "Associations": [{"SubnetId": "subnet-9"}],
            "Routes": [{"DestinationCidrBlock": cidr, "GatewayId": "igw-1"} for cidr in ("0.0.0.0/1", "128.0.0.0/1")],
        }
    )
    assert out(BY_NAT, behind, nats=(NAT,)).state is ExitState.ELSEWHERE


@pytest.mark.parametrize(
    "target",
    [
        {"CarrierGatewayId": "cagw-1"},
        {"LocalGatewayId": "lgw-1"},
        {"CoreNetworkArn": "arn:aws:networkmanager::123456789012:core-network/core-network-1"},
        {"NetworkInterfaceId": "eni-1"},
        {"GatewayId": "vpce-1"},
        {"OdbNetworkArn": "arn:aws:odb:us-east-1:123456789012:odb-network/o"},
        {"GatewayId": "new-1"},
        {},
    ],
)
def test_other_targets_are_not_followed_and_pass(target: dict[str, str]) -> None:
    own = read_route_table(
        {"RouteTableId": "rtb-1", "Routes": [{"DestinationCidrBlock": "0.0.0.0/0", "State": "active", **target}]}
    )
    found = out(own)
    assert (found.state, "was not checked" in found.text) == (ExitState.ELSEWHERE, True)
    assert judged(out=found)[0] is Status.PASS


def test_an_endpoint_for_another_region_may_serve_that_region() -> None:
    for abroad, status in ((False, Status.FAIL), (True, Status.WARN)):
        search = PathSearch(view(abroad=abroad), TaskAccess(), SUBNET, Flow("subnet-1", "logs"))
        assert search.path_abroad().status is status
    raw = {"ServiceName": "com.amazonaws.eu-west-1.logs", "ServiceRegion": "eu-west-1"}
    assert is_of_another_region(raw, "us-east-1")
    assert not is_of_another_region(raw, "eu-west-1")
    assert not is_of_another_region({"ServiceName": "com.amazonaws.us-east-1.logs"}, "us-east-1")


def test_rules_for_private_addresses_do_not_allow_the_internet() -> None:
    groups = PathGroups((group("sg-1", egress="10.0.0.0/8"),))
    assert judged(out=OPEN, groups=groups)[0] is Status.FAIL
    assert judged(out=Exit("subnet-1", ExitState.ELSEWHERE, "through a firewall"), groups=groups)[0] is Status.PASS
    assert judged(out=OPEN, groups=groups, shared=True)[0] is Status.PASS


@pytest.mark.parametrize(
    ("account", "role", "shared"),
    [
        ("123456789012", None, True),
        (None, "arn:aws:iam::123456789012:role/execution", True),
        (None, "arn:aws:iam::999999999999:role/execution", False),
        (None, "execution", False),
        (None, None, False),
    ],
)
def test_a_vpc_of_another_account_is_shared(account: str | None, role: str | None, shared: bool) -> None:
    class Shared:
        def subnets(self, ids: tuple[str, ...]) -> list[dict[str, Any]]:
            return [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24"}]

        def vpc(self, id: str) -> dict[str, Any]:
            return {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "OwnerId": "999999999999"}

    definition = Outcome(TaskDefinition("web", (), execution_role_arn=role), passed(""))
    found = task_subnets(Network(("subnet-1",)), Shared(), AwsPlace("us-east-1", account), definition)  # type: ignore[arg-type]
    assert isinstance(found, Given)
    assert found.value.shared is shared


# Private hosted zones -----------------------------------------------------------------------------------

HUB = table("rtb-1", TransitGatewayId="tgw-1", DestinationCidrBlock="10.0.0.0/8")
ZONE = "secretsmanager.us-east-1.amazonaws.com"
OF_PROFILE = "arn:aws:ec2:us-east-1:999999999999:vpc-endpoint/vpce-9"


class Zoned:
    """What Route 53 would say, of zones and of Profiles."""

    def __init__(
        self,
        zones: list[str] | None,
        resources: tuple[str, ...] = (),
        address: str = "10.1.0.5",
        name: str = "",
        host_names: bool = True,
        owner: str = "123456789012",
    ) -> None:
        self.zones, self.address, self.host_names, self.owner = zones, address, host_names, owner
        self.arns, self.name = resources, name or ZONE

    def zones_of_vpc(self, vpc: str, region: str) -> list[dict[str, Any]]:
        if self.zones is None:
            raise ClientError("route53:ListHostedZonesByVPC: denied")
        owner = {"OwningAccount": self.owner}
        return [{"HostedZoneId": name, "Name": f"{name}.", "Owner": owner} for name in self.zones]

    def records(self, zone: str) -> list[dict[str, Any]]:
        if zone not in (self.zones or ()) and not zone.endswith("amazonaws.com"):
            raise Denied("route53:ListResourceRecordSets", zone)
        own = {"Name": f"{self.name}.", "Type": "A", "ResourceRecords": [{"Value": self.address}]}
        return [{"Name": f"{zone}.", "Type": "SOA"}, own]

    def profiles_of_vpc(self, vpc: str) -> tuple[str, ...]:
        return ("rp-1",)

    def resources(self, profile: str) -> tuple[str, ...]:
        return self.arns

    def vpc_attribute(self, vpc: str, name: str) -> bool:
        return self.host_names


def zoned(
    route53: Zoned, *endpoints: VpcEndpoint, own: RouteTable = HUB, by: Exit = CLOSED
) -> tuple[bool, Status, str]:
    vpc = view(*endpoints, exit=by, own=own)
    search = PathSearch(vpc, TaskAccess(), SUBNET, Flow("subnet-1", "secretsmanager"))
    found = search.path()
    reader = ZoneReader(route53, route53, route53)  # type: ignore[arg-type]
    judged = by_zone(search, found, reader.zones_of("vpc-1", PLACE), reader)
    return may_matter(vpc, found), judged.status, judged.text


@pytest.mark.parametrize(
    ("zones", "status"),
    [
        (Zoned([ZONE]), Status.PASS),
        (Zoned(["us-east-1.amazonaws.com"]), Status.PASS),
        (Zoned(["corp.example", "s3.us-east-1.amazonaws.com"]), Status.FAIL),
        (Zoned([ZONE], address="192.168.0.5"), Status.FAIL),
        (Zoned([ZONE], name="other.example"), Status.FAIL),
        (Zoned([ZONE], name=f"*.{ZONE}"), Status.PASS),
        (Zoned([ZONE], host_names=False), Status.FAIL),
        (Zoned([ZONE], owner="999999999999"), Status.PASS),
        (Zoned([], (OF_PROFILE,)), Status.PASS),
        (Zoned([], ("arn:aws:route53:::hostedzone/Z9",)), Status.WARN),
        (Zoned([], (f"arn:aws:route53:::hostedzone/{ZONE}",)), Status.PASS),
        (Zoned(None), Status.WARN),
    ],
)
def test_a_private_hosted_zone_may_point_to_an_endpoint(zones: Zoned, status: Status) -> None:
    without = endpoint(PrivateDnsEnabled=False)
    assert zoned(zones, without)[:2] == (True, status)
    blackhole = Exit("subnet-1", ExitState.CLOSED, "the NAT gateway is gone")
    assert zoned(zones, by=blackhole)[:2] == (True, status)


def test_a_zone_does_not_matter_without_an_endpoint_or_with_private_dns() -> None:
    assert not zoned(Zoned([ZONE]), own=table())[0]
    assert not zoned(Zoned([ZONE]), endpoint(State="failed"))[0]
    assert not zoned(Zoned([ZONE]), by=OPEN)[0]
