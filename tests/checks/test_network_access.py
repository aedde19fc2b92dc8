"""Routes and filters between the task and the AD, by values and with fake AWS and DNS clients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from gmsa_doctor.clients.aws.directory_service import DirectoryService
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.dns.resolver import Dns, Srv
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.errors import ClientError, Denied, NotFound, Refused, TimedOut
from gmsa_doctor.core.model import (
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    Status,
    failed,
    passed,
    skipped,
)
from gmsa_doctor.formats.aws.packet_filter import Protocol
from gmsa_doctor.formats.aws.route_table import read_route_table
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import AwsPlace, Launch, Network, Platform
from gmsa_doctor.given.vantage import KnownDnsServers, ServiceNames, Vantage
from gmsa_doctor_checks.domain import AdDomain
from gmsa_doctor_checks.domain_controllers import network as network_checks
from gmsa_doctor_checks.domain_controllers.dns import explained_by_vpc
from gmsa_doctor_checks.network_access.groups import of_hosts, of_task
from gmsa_doctor_checks.network_access.hosts import hosts, interfaces
from gmsa_doctor_checks.network_access.passage import passage
from gmsa_doctor_checks.network_access.routes import routes
from gmsa_doctor_checks.network_access.values import Host, Hosts, Interface, Interfaces, Passage
from gmsa_doctor_checks.network_access.verdict import BlockedFlows, FromInside, explained, verdict
from gmsa_doctor_checks.reachability.flow import ANY_SUBNET, Flow, Need, Port
from gmsa_doctor_checks.reachability.network import SubnetRoutes, TaskSubnet, TaskSubnets, Vpc
from gmsa_doctor_checks.reachability.obstacles import (
    Blockage,
    Extent,
    Fault,
    GroupsOfHosts,
    GroupsOfTask,
    Layer,
    NetworkAcls,
    Obstacle,
    RoutesToHosts,
)
from gmsa_doctor_checks.values import (
    Account,
    DhcpOptions,
    DomainControllers,
    DomainName,
    Endpoint,
    GmsaName,
    GmsaNames,
    ReachableKdcs,
)
from gmsa_doctor_checks.vpc_dns.values import OutboundEndpoint, ResolverFilter, VpcDns

NAMES = GmsaNames(DomainName("corp.example"), GmsaName("webapp01"))
NO_ACCOUNT: Outcome[Account] = Outcome(None, skipped("not read"))
PLACE = AwsPlace("us-east-1", "123456789012")
OUTSIDE, INSIDE, ASSERTED = Vantage(False), Vantage(True), Vantage(False, asserted=True, own_resolver=False)
GROUPS = CheckId("network-access.security-groups")
NO_TCP: Outcome[Tcp] = Outcome(None, skipped("live never"))
FROM_OUTSIDE = FromInside(NO_TCP, OUTSIDE)
ON_FARGATE = Outcome(Platform(Launch.FARGATE), passed(""))

KERBEROS = Port(Need.KERBEROS, Protocol.TCP, 88)
BY_UDP = Port(Need.KERBEROS, Protocol.UDP, 88, required=False)
LDAP = Port(Need.LDAP, Protocol.TCP, 389)
DNS = Port(Need.DNS, Protocol.UDP, 53)
ONE = Host("10.0.0.10", "dc1.corp.example", (KERBEROS, BY_UDP, LDAP))
TWO = Host("10.0.0.11", "dc2.corp.example", (KERBEROS, BY_UDP, LDAP))
BOTH = Hosts("corp.example", (ONE, TWO), answered=True)
A, B = "subnet-a", "subnet-b"


def ended(result: Result[Any]) -> tuple[Any, Finding]:
    return (result.value, result.finding) if isinstance(result, Given) else (None, result)


# The verdict ------------------------------------------------------------------------------------------


def judge(*closed: Obstacle, subnets: Sequence[str] = (A, B), seen: Sequence[Need] = ()) -> tuple[Blockage, Finding]:
    blocked = BlockedFlows(BOTH, tuple(subnets), closed)
    given = verdict(Blockage, blocked, "fine", lambda _: Fix("Add a rule."), lambda _, need: need in seen)
    return given.value, given.finding


def shut(host: Host, port: Port, *subnets: str, extent: Extent = Extent.ALL) -> tuple[Obstacle, ...]:
    fault = Fault(Layer.GROUP, "sg-1")
    return tuple(Obstacle(Flow(subnet, host.address, port), fault, "no rule allows it", extent) for subnet in subnets)


EVERYWHERE = (*shut(ONE, KERBEROS, A, B), *shut(TWO, KERBEROS, A, B))


def test_no_obstacle_passes() -> None:
    judged, finding = judge()
    assert (judged.out_of_reach, finding.status, finding.summary) == ((), Status.PASS, "fine")


def test_a_need_that_is_blocked_on_each_host_from_each_subnet_fails() -> None:
    judged, finding = judge(*EVERYWHERE)
    assert judged.out_of_reach == (Need.KERBEROS,)
    assert finding.status is Status.FAIL
    assert finding.overruled_by == "network.kerberos"
    assert finding.summary == "tasks cannot reach Kerberos of corp.example: no rule allows it"
    assert str(finding.observed).startswith("blocked: TCP 88 to 10.0.0.10, 10.0.0.11 from")


@pytest.mark.parametrize(
    ("closed", "says"),
    [
        (EVERYWHERE[:2], "1 of 2 hosts"),
        ((EVERYWHERE[0], EVERYWHERE[2]), "tasks in subnet-a (1 of 2 subnets)"),
        (shut(ONE, BY_UDP, A, B), "loses seconds"),
        (
            (*shut(ONE, LDAP, A, B, extent=Extent.PART), *shut(TWO, LDAP, A, B, extent=Extent.PART)),
            "fail intermittently",
        ),
    ],
)
def test_obstacles_that_leave_a_path_for_some_tasks_are_a_warning(closed: tuple[Obstacle, ...], says: str) -> None:
    judged, finding = judge(*closed)
    assert judged.out_of_reach == ()
    assert finding.status is Status.WARN
    assert says in finding.summary


def test_subnets_that_each_miss_another_need_fail_but_no_need_is_out_of_reach() -> None:
    closed = (*shut(ONE, KERBEROS, A), *shut(TWO, KERBEROS, A), *shut(ONE, LDAP, B), *shut(TWO, LDAP, B))
    judged, finding = judge(*closed)
    assert (judged.out_of_reach, finding.status) == ((), Status.FAIL)


def test_a_connection_from_inside_lowers_the_failure_to_a_warning() -> None:
    judged, finding = judge(*EVERYWHERE, seen=[Need.KERBEROS])
    assert (judged.out_of_reach, finding.status) == ((), Status.WARN)
    assert "but a connection from inside the task's network succeeded" in finding.summary


def test_hosts_that_tasks_may_not_use_are_a_warning() -> None:
    likely = Host("10.0.0.10", "--ad-dns", (Port(Need.LDAP, Protocol.TCP, 389, certain=False),))
    hosts = Hosts("corp.example", (likely,), False)
    blocked = BlockedFlows(hosts, (ANY_SUBNET,), shut(likely, likely.ports[0], ANY_SUBNET))
    finding = verdict(Blockage, blocked, "fine", lambda _: Fix("Add a rule."), lambda *_: False).finding
    assert finding.status is Status.WARN
    assert "it is not known whether tasks use these hosts" in finding.summary


def test_subnets_and_hosts_with_the_same_reason_are_reported_together() -> None:
    assert explained(EVERYWHERE) == "TCP 88 to 10.0.0.10, 10.0.0.11 from subnet-a, subnet-b: no rule allows it"


# The hosts --------------------------------------------------------------------------------------------


class Answering:
    """DNS that returns these hosts; ``silent``: it does not answer."""

    def __init__(self, addresses: dict[str, str], *, silent: bool = False) -> None:
        self._addresses, self._silent = addresses, silent

    def srv(self, name: str) -> tuple[Srv, ...]:
        if self._silent:
            raise TimedOut("DNS server 10.0.0.10", 4)
        port = 88 if "kerberos" in name else 389
        return tuple(Srv(host, port, 0, 100) for host in self._addresses if host.startswith("dc"))

    def addresses(self, host: str) -> tuple[str, ...]:
        if host not in self._addresses:
            raise NotFound(f"no such name {host}")
        return (self._addresses[host],)


class Directories:
    def __init__(self, *directories: dict[str, Any], error: ClientError | None = None) -> None:
        self._directories, self._error = directories, error

    def directories(self) -> list[dict[str, Any]]:
        if self._error:
            raise self._error
        return list(self._directories)


MANAGED = {
    "DirectoryId": "d-1",
    "Name": "corp.example",
    "Type": "MicrosoftAD",
    "DnsIpAddrs": ["10.0.0.10", "10.0.0.11"],
}
CONNECTOR = {
    "DirectoryId": "d-2",
    "Name": "CORP.example",
    "Type": "ADConnector",
    "ConnectSettings": {"CustomerDnsIps": ["10.20.0.10"]},
}
DENIED = Denied("ds:DescribeDirectories", "*")


def found(
    dns: Answering | None = None,
    directories: Directories | None = None,
    servers: tuple[str, ...] = ("10.0.0.10",),
    known: tuple[str, ...] = (),
    spns: tuple[str, ...] = (),
    launch: Launch = Launch.FARGATE,
    mode: str = "awsvpc",
    wrong: bool = False,
) -> tuple[Hosts | None, Finding]:
    options = DhcpOptions("vpc-1", "dopt-1", servers, "corp.example", ("10.0.0.2",))
    result = hosts(
        AdDomain(NAMES, NO_ACCOUNT),
        Outcome(options, passed("")),
        KnownDnsServers(known),
        ServiceNames(spns),
        Outcome(cast("Dns", dns), passed("")) if dns else Outcome[Dns](None, skipped("live never")),
        cast("DirectoryService", directories or Directories()),
        Outcome(Platform(launch), passed("")),
        Outcome(TaskDefinition("web", (), network_mode=mode), passed("")),
        Outcome[VpcDns](None, failed("wrong servers") if wrong else passed("")),
    )
    return ended(result)


def ports(value: Hosts | None) -> dict[str, str]:
    assert value
    return {host.address: ", ".join(map(str, host.ports)) for host in value.hosts}


OF_DC = "TCP 88, UDP 88, TCP 389"


def test_the_domain_controllers_are_those_that_dns_returns() -> None:
    value, _ = found(Answering({"dc1.corp.example": "10.0.0.10", "dc2.corp.example": "10.9.9.9"}), Directories(MANAGED))
    assert ports(value) == {"10.0.0.10": f"UDP 53, TCP 53, {OF_DC}", "10.9.9.9": OF_DC}
    assert value
    assert value.answered


def test_ipv6_only_domain_controllers_are_skipped_and_not_replaced_by_the_directory() -> None:
    of_ipv6 = Answering({"dc1.corp.example": "2001:db8::10"})
    value, finding = found(of_ipv6, Directories(MANAGED), ())
    assert value is None
    assert (finding.status, finding.summary) == (Status.SKIPPED, "2001:db8::10 is not IPv4 and is not checked")
    value, finding = found(Answering({"dc1.corp.example": "2001:db8::10", "dc2.corp.example": "10.0.0.11"}), None, ())
    assert ports(value) == {"10.0.0.11": OF_DC}
    assert "2001:db8::10 is not IPv4" in finding.summary


@pytest.mark.parametrize(("mode", "asked"), [("awsvpc", "TCP 88, UDP 88"), ("host", OF_DC), ("bridge", OF_DC)])
def test_on_ec2_with_awsvpc_the_instance_makes_the_ldap_connection(mode: str, asked: str) -> None:
    value, _ = found(Answering({"dc1.corp.example": "10.0.0.10"}), None, (), launch=Launch.EC2, mode=mode)
    assert ports(value) == {"10.0.0.10": asked}


def test_interfaces_of_hundreds_of_domain_controllers_are_read_in_batches() -> None:
    many = tuple(Host(f"10.9.{n // 200}.{n % 200}", f"dc{n}", (KERBEROS,)) for n in range(450))
    asked: list[int] = []

    class Counting:
        def network_interfaces(self, addresses: tuple[str, ...]) -> list[dict[str, Any]]:
            asked.append(len(addresses))
            return []

    interfaces(Hosts("corp.example", many, answered=True), cast("Ec2", Counting()))
    assert asked == [200, 200, 50]


@pytest.mark.parametrize("dns", [None, Answering({}, silent=True)])
def test_without_an_answer_the_domain_controllers_are_the_directorys(dns: Answering | None) -> None:
    value, _ = found(dns, Directories(MANAGED))
    assert ports(value) == {"10.0.0.10": f"UDP 53, TCP 53, {OF_DC}", "10.0.0.11": OF_DC}
    assert value
    assert all(port.certain for host in value.hosts for port in host.ports)


@pytest.mark.parametrize(
    ("directories", "known"),
    [(Directories(CONNECTOR), ()), (Directories(), ("10.20.0.10",)), (Directories(), ("::1", "10.20.0.10"))],
)
def test_dns_servers_of_an_ad_are_likely_domain_controllers(directories: Directories, known: tuple[str, ...]) -> None:
    value, _ = found(None, directories, ("10.20.0.10",), known)
    assert ports(value) == {"10.20.0.10": f"UDP 53, TCP 53, {OF_DC}"}
    assert value
    certain = {port.need for host in value.hosts for port in host.ports if port.certain}
    assert certain == {Need.DNS}


@pytest.mark.parametrize(("server", "wrong"), [("10.9.9.9", True), ("8.8.8.8", False)])
def test_dns_servers_that_certainly_do_not_resolve_the_domain_are_left_out(server: str, wrong: bool) -> None:
    value, _ = found(None, Directories(MANAGED), (server,), wrong=wrong)
    assert ports(value) == {"10.0.0.10": OF_DC, "10.0.0.11": OF_DC}


def test_unknown_dns_servers_are_included() -> None:
    value, _ = found(None, Directories(), ("10.9.9.9", "10.0.0.2"))
    assert ports(value) == {"10.9.9.9": "UDP 53, TCP 53"}


def test_without_any_address_it_is_skipped_unless_the_directories_are_denied() -> None:
    _, finding = found(None, Directories(), ("AmazonProvidedDNS",))
    assert finding.status is Status.SKIPPED
    assert finding.fix
    assert "--ad-dns" in finding.fix.text
    with pytest.raises(Denied):
        found(None, Directories(error=DENIED), ("AmazonProvidedDNS",))
    assert found(None, Directories(error=DENIED), ("10.0.0.10",))[0]


@pytest.mark.parametrize(
    ("spn", "asked"),
    [
        ("MSSQLSvc/sql.corp.example:1434", "TCP 1434"),
        ("mssqlsvc/SQL.corp.example", "TCP 1433"),
        ("MSSQLSvc/sql.corp.example:1433@CORP.EXAMPLE", "TCP 1433"),
    ],
)
def test_the_port_of_an_spn_is_included(spn: str, asked: str) -> None:
    value, _ = found(Answering({"sql.corp.example": "10.0.0.50"}), Directories(), (), spns=(spn,))
    assert ports(value) == {"10.0.0.50": asked}


@pytest.mark.parametrize("spn", ["HTTP/web.corp.example", "MSSQLSvc/sql.corp.example:INSTANCE"])
def test_other_services_and_named_instances_are_left_out(spn: str) -> None:
    value, _ = found(Answering({"sql.corp.example": "10.0.0.50"}), Directories(), (), spns=(spn,))
    assert value is None


# Security groups --------------------------------------------------------------------------------------


class Aws:
    """EC2 with these security groups and prefix lists; other calls are denied."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def _or_denied(self, name: str, action: str) -> Any:
        if name not in self._answers:
            raise Denied(f"ec2:{action}", "*")
        return self._answers[name]

    def security_groups(self, ids: tuple[str, ...]) -> Any:
        return [group for group in self._or_denied("groups", "DescribeSecurityGroups") if group["GroupId"] in ids]

    def default_security_group(self, vpc: str) -> Any:
        return self._or_denied("default", "DescribeSecurityGroups")

    def prefix_list_entries(self, id: str) -> Any:
        return self._or_denied("lists", "GetManagedPrefixListEntries")[id]

    def peering_connections(self, ids: tuple[str, ...]) -> Any:
        return self._or_denied("peerings", "DescribeVpcPeeringConnections")

    def nat_gateways(self, vpc: str) -> Any:
        return self._or_denied("nats", "DescribeNatGateways")


def group(id: str, *rules: dict[str, Any], inbound: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {
        "GroupId": id,
        "GroupName": id,
        "VpcId": "vpc-1",
        "IpPermissionsEgress": list(rules),
        "IpPermissions": list(inbound),
    }


def to(cidr: str = "", **others: Any) -> dict[str, Any]:
    return {"IpProtocol": "-1", "IpRanges": [{"CidrIp": cidr}] if cidr else [], **others}


TO_GROUP = to(UserIdGroupPairs=[{"GroupId": "sg-dc"}])
TO_LIST = to(PrefixListIds=[{"PrefixListId": "pl-1"}])
OF_DCS = Interfaces((Interface("eni-1", ONE.address, "vpc-1", "subnet-x", ("sg-dc",)),))
ONLY_ONE = Hosts("corp.example", (ONE,), answered=True)


SUBNETS = TaskSubnets(Vpc("vpc-1", ("10.0.0.0/16",), None, "dopt-1"), (TaskSubnet(A, "10.0.1.0/24", "a", "vpc-1"),))


def outbound(
    aws: Aws,
    interfaces: Interfaces | None = None,
    tcp: Outcome[Tcp] = NO_TCP,
    vantage: Vantage = OUTSIDE,
    routes: RoutesToHosts | None = None,
) -> tuple[GroupsOfTask | None, Finding]:
    known = Outcome(interfaces, passed("")) if interfaces else Outcome[Interfaces](None, skipped("denied"))
    network = Network((A,), ("sg-1",))
    return judged_of_task(network, known, aws, routes, tcp, vantage)


def judged_of_task(
    network: Network,
    interfaces: Outcome[Interfaces],
    aws: Aws,
    routes: RoutesToHosts | None = None,
    tcp: Outcome[Tcp] = NO_TCP,
    vantage: Vantage = OUTSIDE,
    subnets: TaskSubnets = SUBNETS,
) -> tuple[GroupsOfTask | None, Finding]:
    led = Outcome(routes, passed("")) if routes else Outcome[RoutesToHosts](None, skipped("denied"))
    ec2 = cast("Ec2", aws)
    known, inside = Outcome(subnets, passed("")), FromInside(tcp, vantage)
    return ended(of_task(network, known, ONLY_ONE, interfaces, led, ON_FARGATE, ec2, PLACE, inside))


@pytest.mark.parametrize(
    ("aws", "interfaces", "status"),
    [
        (Aws(groups=[group("sg-1", to("0.0.0.0/0"))]), None, Status.PASS),
        (Aws(groups=[group("sg-1")]), None, Status.FAIL),
        (Aws(groups=[group("sg-1", TO_GROUP)]), OF_DCS, Status.PASS),
        (Aws(groups=[group("sg-1", TO_GROUP)]), None, Status.UNKNOWN),
        (Aws(groups=[group("sg-1", TO_GROUP)]), Interfaces(), Status.UNKNOWN),
        (Aws(groups=[group("sg-1", TO_LIST)], lists={"pl-1": ("10.0.0.0/24", "::/0")}), None, Status.PASS),
        (Aws(groups=[group("sg-1", TO_LIST)], lists={"pl-1": ()}), None, Status.FAIL),
        (Aws(groups=[group("sg-1", TO_LIST, to("10.0.0.0/8"))]), None, Status.PASS),
    ],
)
def test_the_outbound_rules_of_the_tasks_groups(aws: Aws, interfaces: Interfaces | None, status: Status) -> None:
    value, finding = outbound(aws, interfaces)
    assert finding.status is status, finding.summary
    assert (value is None) == (status is Status.UNKNOWN)


TO_ANOTHER_GROUP = Aws(groups=[group("sg-1", to(UserIdGroupPairs=[{"GroupId": "sg-2"}]))])


@pytest.mark.parametrize(
    ("routes", "status"),
    [
        (RoutesToHosts(vpcs=((A, ONE.address, "vpc-1"),)), Status.FAIL),
        (RoutesToHosts(vpcs=((A, ONE.address, "vpc-9"),)), Status.UNKNOWN),
        (RoutesToHosts(), Status.UNKNOWN),
        (None, Status.UNKNOWN),
    ],
)
def test_an_interface_in_a_vpc_without_a_route_is_not_the_host(routes: RoutesToHosts | None, status: Status) -> None:
    assert outbound(TO_ANOTHER_GROUP, OF_DCS, routes=routes)[1].status is status


def test_the_fix_also_allows_https_if_no_rule_does() -> None:
    fix = outbound(Aws(groups=[group("sg-1")]))[1].fix
    assert fix
    assert "TCP 443" in fix.text
    assert "--port 443" in fix.commands[1]
    narrow = to("10.9.0.0/16", IpProtocol="tcp", FromPort=443, ToPort=443)
    other = outbound(Aws(groups=[group("sg-1", narrow)]))[1].fix
    assert other
    assert "443" not in other.text


def test_a_denied_prefix_list_raises_if_it_decides() -> None:
    with pytest.raises(Denied):
        outbound(Aws(groups=[group("sg-1", TO_LIST)]))


def test_unknown_groups_are_skipped() -> None:
    no_interfaces = Outcome[Interfaces](None, skipped(""))
    value, finding = judged_of_task(Network((A,)), no_interfaces, Aws())
    assert value is None
    assert (finding.status, "--security-groups" in str(finding.fix)) == (Status.SKIPPED, True)


def test_groups_that_do_not_exist_are_fixed_in_the_service_by_the_developer() -> None:
    class Gone:
        def security_groups(self, ids: tuple[str, ...]) -> Any:
            raise NotFound("no such group sg-1")

    no_interfaces = Outcome[Interfaces](None, skipped(""))
    _, finding = judged_of_task(Network((A,), ("sg-1",), public_address=True), no_interfaces, cast("Aws", Gone()))
    assert finding.fix
    assert finding.fix.owner is Owner.DEVELOPER
    assert "subnets=[subnet-a],securityGroups=[<security group>],assignPublicIp=ENABLED" in finding.fix.commands[1]


def test_a_service_without_groups_uses_the_default_group_of_the_vpc() -> None:
    no_interfaces = Outcome[Interfaces](None, skipped(""))
    network = Network((A,), (), public_address=False)
    for rules, status in (((), Status.FAIL), ((to("0.0.0.0/0"),), Status.PASS)):
        aws = Aws(default=[group("sg-default", *rules)])
        assert judged_of_task(network, no_interfaces, aws)[1].status is status


class Connecting:
    """TCP that finds these ports open, and nothing else."""

    def __init__(self, *ports: int, error: ClientError | None = None) -> None:
        self._ports, self._error = ports, error or TimedOut("TCP", 3)

    def connect(self, host: str, port: int) -> float:
        if port not in self._ports:
            raise self._error
        return 0.001


def open_on(*ports: int, error: ClientError | None = None) -> Outcome[Tcp]:
    return Outcome(cast("Tcp", Connecting(*ports, error=error)), passed(""))


@pytest.mark.parametrize(
    ("vantage", "tcp", "status"),
    [
        (INSIDE, open_on(88), Status.WARN),
        (INSIDE, open_on(), Status.FAIL),
        (INSIDE, NO_TCP, Status.FAIL),
        (ASSERTED, open_on(88, 389), Status.FAIL),
        (OUTSIDE, open_on(88, 389), Status.FAIL),
    ],
)
def test_only_a_connection_from_inside_overrules_a_closed_group(
    vantage: Vantage, tcp: Outcome[Tcp], status: Status
) -> None:
    assert outbound(Aws(groups=[group("sg-1")]), tcp=tcp, vantage=vantage)[1].status is status


IN_VPC = RoutesToHosts(vpcs=((A, ONE.address, "vpc-1"),))


@pytest.mark.parametrize(
    ("inbound", "routes", "status"),
    [
        ([to("10.0.0.0/16")], IN_VPC, Status.PASS),
        ([to("10.0.1.0/25")], IN_VPC, Status.WARN),
        ([to("10.0.2.0/24")], IN_VPC, Status.FAIL),
        ([to(UserIdGroupPairs=[{"GroupId": "sg-1"}])], IN_VPC, Status.PASS),
        ([to(UserIdGroupPairs=[{"GroupId": "sg-2"}])], IN_VPC, Status.FAIL),
        ([], RoutesToHosts(), Status.SKIPPED),
        ([], RoutesToHosts(vpcs=((A, ONE.address, "vpc-9"),)), Status.SKIPPED),
    ],
)
def test_the_inbound_rules_of_the_hosts_groups(
    inbound: list[dict[str, Any]], routes: RoutesToHosts, status: Status
) -> None:
    ec2 = cast("Ec2", Aws(groups=[group("sg-dc", inbound=inbound)]))
    result = of_hosts(SUBNETS, Network((A,), ("sg-1",)), ONLY_ONE, OF_DCS, routes, ec2, PLACE, FROM_OUTSIDE)
    assert ended(result)[1].status is status


# Routes -----------------------------------------------------------------------------------------------


def table(*given: dict[str, Any], id: str = "rtb-1") -> Any:
    local = {"DestinationCidrBlock": "10.1.0.0/16", "GatewayId": "local", "State": "active"}
    found = [{"State": "active", **route} for route in given]
    return read_route_table({"RouteTableId": id, "VpcId": "vpc-1", "Routes": [local, *found]})


def by(cidr: str, **target: str) -> dict[str, Any]:
    return {"DestinationCidrBlock": cidr, **target}


PEERING = by("10.0.0.0/8", VpcPeeringConnectionId="pcx-1")
NAT = by("0.0.0.0/0", NatGatewayId="nat-1")
PUBLIC = read_route_table(
    {
        "RouteTableId": "rtb-2",
        "VpcId": "vpc-1",
        "Associations": [{"SubnetId": "subnet-p"}],
        "Routes": [by("0.0.0.0/0", GatewayId="igw-1")],
    }
)


def connection(status: str) -> list[dict[str, Any]]:
    sides = {"AccepterVpcInfo": {"VpcId": "vpc-2"}, "RequesterVpcInfo": {"VpcId": "vpc-1"}}
    return [{"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": status}, **sides}]


@pytest.mark.parametrize(
    ("given", "answers", "status", "says"),
    [
        ([], {}, Status.FAIL, "rtb-1 has no route to 10.0.0.10, 10.0.0.11"),
        ([by("10.0.0.0/8", TransitGatewayId="tgw-1")], {}, Status.PASS, "not checked: its route tables"),
        ([by("10.0.0.0/8", GatewayId="vgw-1")], {}, Status.PASS, "whether the VPN is up"),
        ([{**by("10.0.0.0/8", TransitGatewayId="tgw-1"), "State": "blackhole"}], {}, Status.FAIL, "blackhole"),
        ([PEERING], {"peerings": connection("active")}, Status.PASS, "through pcx-1"),
        ([PEERING], {"peerings": connection("expired")}, Status.FAIL, "pcx-1 is expired"),
        ([PEERING], {"peerings": []}, Status.PASS, "through pcx-1"),
        ([by("0.0.0.0/0", GatewayId="igw-1")], {}, Status.FAIL, "to the internet (igw-1)"),
        ([by("0.0.0.0/0", CarrierGatewayId="cagw-1")], {}, Status.PASS, "the carrier's network behind it"),
        ([by("0.0.0.0/0", GatewayId="vpce-1")], {}, Status.PASS, "the firewall behind it"),
        ([by("0.0.0.0/0", LocalGatewayId="lgw-1")], {}, Status.PASS, "the local network behind it"),
        ([by("0.0.0.0/0", CoreNetworkArn="arn:aws:networkmanager::1:core-network/c")], {}, Status.PASS, "segments"),
        ([by("0.0.0.0/0", OdbNetworkArn="arn:aws:odb:us-east-1:1:odb-network/o")], {}, Status.PASS, "through"),
        (
            [
                {**by("0.0.0.0/0", NatGatewayId="nat-1"), "State": "blackhole"},
                by("10.0.0.0/16", TransitGatewayId="tgw-1"),
            ],
            {},
            Status.PASS,
            "through tgw-1",
        ),
        (
            [
                by("0.0.0.0/0", TransitGatewayId="tgw-1"),
                {**by("10.0.0.0/24", VpcPeeringConnectionId="pcx-9"), "State": "blackhole"},
            ],
            {},
            Status.FAIL,
            "is a blackhole: pcx-9",
        ),
        ([NAT], {"nats": [{"NatGatewayId": "nat-1", "SubnetId": "subnet-p"}]}, Status.FAIL, "behind nat-1"),
        ([NAT], {"nats": []}, Status.PASS, "through nat-1"),
        ([by("0.0.0.0/0", NetworkInterfaceId="eni-1")], {}, Status.PASS, "what it forwards"),
        (
            [{"DestinationPrefixListId": "pl-1", "TransitGatewayId": "tgw-1"}],
            {"lists": {"pl-1": ("10.0.0.0/24",)}},
            Status.PASS,
            "through tgw-1",
        ),
    ],
)
def test_the_targets_of_routes(given: list[dict[str, Any]], answers: dict[str, Any], status: Status, says: str) -> None:
    own = table(*given)
    known = SubnetRoutes(((A, own),), (own, PUBLIC))
    value, finding = ended(routes(SUBNETS, known, BOTH, cast("Ec2", Aws(**answers)), PLACE, FROM_OUTSIDE))
    assert finding.status is status, finding.summary
    assert says in finding.summary
    assert value.out_of_reach == ((Need.KERBEROS, Need.LDAP) if status is Status.FAIL else ())
    ends_in_peer = "peerings" in answers and "active" in str(answers)
    assert value.vpc(A, ONE.address) == ("vpc-2" if ends_in_peer else "")


def test_an_ipv6_only_subnet_is_skipped() -> None:
    own = table()
    subnets = replace(SUBNETS, subnets=(replace(SUBNETS.subnets[0], cidr=""),))
    found = routes(subnets, SubnetRoutes(((A, own),)), BOTH, cast("Ec2", Aws()), PLACE, FROM_OUTSIDE)
    assert ended(found)[1].status is Status.SKIPPED


def test_a_denied_peering_connection_raises() -> None:
    own = table(PEERING)
    with pytest.raises(Denied):
        routes(SUBNETS, SubnetRoutes(((A, own),)), BOTH, cast("Ec2", Aws()), PLACE, FROM_OUTSIDE)


# All together, and the live flow ----------------------------------------------------------------------


def test_the_passage_is_skipped_because_of_the_layer_that_blocks() -> None:
    result = passage(
        BOTH,
        Outcome(RoutesToHosts(), passed("")),
        Outcome(GroupsOfTask((Need.LDAP,)), passed("")),
        Outcome[NetworkAcls](None, skipped("denied")),
        Outcome(GroupsOfHosts(), passed("")),
    )
    assert result.value == Passage(((Need.LDAP, CheckId("network-access.security-groups")),))
    assert result.finding.because == ("network-access.security-groups",)


def test_the_passage_is_skipped_if_no_layer_was_checked() -> None:
    nothing = skipped("denied")
    result = passage(
        BOTH,
        Outcome[RoutesToHosts](None, nothing),
        Outcome[GroupsOfTask](None, nothing),
        Outcome[NetworkAcls](None, nothing),
        Outcome[GroupsOfHosts](None, nothing),
    )
    assert (result.value, result.finding.status) == (Passage(), Status.SKIPPED)


CONTROLLERS = DomainControllers(
    DomainName("corp.example"), (Endpoint("dc1", "10.0.0.10", 389),), (Endpoint("dc1", "10.0.0.10", 88),)
)
CLOSED = Passage(((Need.KERBEROS, CheckId("network-access.routes")),))
NO_KDCS: Outcome[ReachableKdcs] = Outcome(None, skipped("not checked"))
NO_VPC_DNS: Outcome[VpcDns] = Outcome(None, skipped("not read"))
NO_FILTER: Outcome[ResolverFilter] = Outcome(ResolverFilter(), passed("no firewall"))
NO_RESOLVER: Outcome[OutboundEndpoint] = Outcome(None, skipped("not read"))
NO_PASSAGE: Outcome[Passage] = Outcome(None, skipped("not read"))


@pytest.mark.parametrize(
    ("tcp", "known", "status", "because"),
    [
        (open_on(), CLOSED, Status.SKIPPED, ("network-access.routes",)),
        (open_on(), Passage(), Status.FAIL, ()),
        (open_on(), None, Status.FAIL, ()),
        (open_on(88), CLOSED, Status.PASS, ()),
        (open_on(error=Refused("TCP")), CLOSED, Status.FAIL, ()),
    ],
)
def test_no_answer_is_skipped_because_of_the_layer_that_blocks(
    tcp: Outcome[Tcp], known: Passage | None, status: Status, because: tuple[str, ...]
) -> None:
    assert tcp.value
    outcome = Outcome(known, passed("")) if known else Outcome[Passage](None, skipped("denied"))
    _, finding = ended(network_checks.kerberos(CONTROLLERS, tcp.value, INSIDE, outcome))
    assert (finding.status, finding.because) == (status, because)
    _, of_ldap = ended(network_checks.ldap(CONTROLLERS, tcp.value, INSIDE, outcome, NO_KDCS, Platform(Launch.FARGATE)))
    assert of_ldap.status is Status.FAIL


def test_no_dns_answer_is_skipped_because_of_the_layer_that_blocks() -> None:
    known = Outcome(Passage(((Need.DNS, CheckId("network-access.network-acls")),)), passed(""))
    closed = explained_by_vpc(TimedOut("DNS server", 4), INSIDE, NO_VPC_DNS, NO_RESOLVER, known, NO_FILTER)
    assert closed
    assert closed.because == ("network-access.network-acls",)
    assert explained_by_vpc(NotFound("no such name"), INSIDE, NO_VPC_DNS, NO_RESOLVER, known, NO_FILTER) is None
    assert explained_by_vpc(TimedOut("DNS server", 4), ASSERTED, NO_VPC_DNS, NO_RESOLVER, known, NO_FILTER) is None


@pytest.mark.parametrize(
    ("finding", "because"),
    [
        (replace(failed("the rule forwards nothing"), check="resolver-rule.endpoint"), ("resolver-rule.endpoint",)),
        (replace(skipped("the task's own groups"), because=(GROUPS,)), (GROUPS,)),
        (replace(skipped("denied"), because=("dhcp-options.set",)), ()),
        (passed("as it should be"), ()),
    ],
)
def test_no_dns_answer_is_skipped_because_of_a_rule_that_forwards_nothing(
    finding: Finding, because: tuple[str, ...]
) -> None:
    deferred = explained_by_vpc(
        TimedOut("DNS server", 4), INSIDE, NO_VPC_DNS, Outcome(None, finding), NO_PASSAGE, NO_FILTER
    )
    assert (deferred.because if deferred else ()) == because
