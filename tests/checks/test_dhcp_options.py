"""Cause 4, by values and with fake AWS clients."""

from dataclasses import replace
from typing import Any, cast

import pytest

from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.route53 import Route53, Route53Profiles, Route53Resolver
from gmsa_doctor.clients.dns.resolver import Dns, Srv
from gmsa_doctor.core.errors import ClientError, Denied, NotFound
from gmsa_doctor.core.model import Finding, Given, Outcome, Owner, Status, passed, skipped
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.given.vantage import DnsServersInUse, KnownDnsServers, Vantage
from gmsa_doctor_checks.domain import AdDomain
from gmsa_doctor_checks.reachability.network import TaskSubnets, Vpc
from gmsa_doctor_checks.values import Account, DhcpOptions, DomainName, GmsaName, GmsaNames
from gmsa_doctor_checks.vpc_dns.coverage import ResolverReader
from gmsa_doctor_checks.vpc_dns.dhcp_options.domain_name_servers import TaskResolver, domain_name_servers
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import dhcp_options_set, domain_name, in_use
from gmsa_doctor_checks.vpc_dns.values import AdServers, AwsDirectories, AwsDirectory, VpcDns, VpcResolver

NAMES = GmsaNames(DomainName("corp.example"), GmsaName("webapp01"))
NO_ACCOUNT: Outcome[Account] = Outcome(None, skipped("not read"))
PLACE = AwsPlace("us-east-1", "123456789012")
VPC = Vpc("vpc-1", ("10.0.0.0/16",), "999999999999", "dopt-1")
OUTSIDE, INSIDE = Vantage(inside=False), Vantage(inside=True)


class Aws:
    """Directories, Resolver rules and hosted zones; an error among them is raised."""

    def __init__(
        self,
        directories: Any = (),
        rules: Any = (),
        zones: Any = (),
        profiles: Any = (),
        interfaces: Any = (),
        resources: Any = (),
        **more: Any,
    ) -> None:
        self._directories, self._rules, self._zones, self._profiles = directories, rules, zones, profiles
        self._interfaces, self._resources = interfaces, resources
        self.host_names = more.get("host_names", True)
        self.owner = more.get("owner", "123456789012")
        self.looked_for: list[str] = []
        self.asked_of: list[str] = []

    @staticmethod
    def _or_raise(value: Any) -> Any:
        if isinstance(value, ClientError):
            raise value
        return value

    def directories(self) -> Outcome[AwsDirectories]:
        if isinstance(self._directories, ClientError):
            return Outcome(None, replace(self._directories.finding(), check="directory-service.directories"))
        return Outcome(AwsDirectories(tuple(map(AwsDirectory.of, self._directories))), passed(""))

    def network_interfaces(self, addresses: tuple[str, ...]) -> Any:
        self.looked_for += addresses
        found = self._or_raise(self._interfaces)
        return [interface for interface in found if interface["PrivateIpAddress"] in addresses]

    def rules_of_vpc(self, vpc: str) -> Any:
        self.asked_of.append(vpc)
        return [{"ResolverRuleId": str(number)} for number in range(len(self._or_raise(self._rules)))]

    def rules(self) -> Any:
        return [self._rule(id) for id in range(len(self._rules)) if id % 2 == 0]

    def _rule(self, id: int) -> Any:
        kind, domain = self._rules[id]
        return {"Id": str(id), "RuleType": kind, "DomainName": domain, "TargetIps": [{"Ip": "10.0.0.2"}]}

    def rule(self, id: str) -> Any:
        if not id.isdigit():
            raise Denied("route53resolver:GetResolverRule", id)
        return self._rule(int(id))

    def profiles_of_vpc(self, vpc: str) -> Any:
        return self._or_raise(self._profiles)

    def resources(self, profile: str) -> Any:
        return self._or_raise(self._resources)

    def zones_of_vpc(self, vpc: str, region: str) -> Any:
        zones = self._or_raise(self._zones)
        owner = {"OwningAccount": self.owner}
        return [{"HostedZoneId": name.rstrip("-"), "Name": f"{name.rstrip('-')}.", "Owner": owner} for name in zones]

    def records(self, zone: str) -> Any:
        """A name of a zone that ends with a hyphen: the zone has no SRV records."""
        soa = {"Name": f"{zone}.", "Type": "SOA"}
        empty = f"{zone}-" in self._or_raise(self._zones)
        return [soa] if empty else [soa, {"Name": "_ldap._tcp.dc._msdcs.corp.example.", "Type": "SRV"}]

    def vpc_attribute(self, vpc: str, name: str) -> Any:
        assert name == "enableDnsHostnames"
        return self.host_names


class Answering:
    def srv(self, name: str) -> tuple[Srv, ...]:
        return (Srv("dc1.corp.example", 389, 0, 100),)


class Silent:
    def srv(self, name: str) -> tuple[Srv, ...]:
        raise NotFound("no such name")


def judge(
    servers: tuple[str, ...],
    aws: Aws,
    known: tuple[str, ...] = (),
    vantage: Vantage = OUTSIDE,
    dns: Any = None,
    used: tuple[str, ...] | None = None,
    on: bool | None = True,
    shared: bool = False,
) -> tuple[VpcDns | None, Finding]:
    options = DhcpOptions("vpc-1", "dopt-1", servers, "corp.example", ("169.254.169.253", "10.0.0.2"))
    asked = Outcome(cast("Dns", dns), passed("")) if dns else Outcome[Dns](None, skipped("live never"))
    in_use = Outcome(DnsServersInUse(used), passed("")) if used else Outcome[DnsServersInUse](None, skipped(""))
    result = domain_name_servers(
        options,
        AdDomain(NAMES, NO_ACCOUNT),
        AdServers(KnownDnsServers(known), aws.directories()),
        TaskResolver(vantage, asked, in_use),
        Outcome(VpcResolver(on), passed("")) if on is not None else Outcome(None, skipped("denied")),
        ResolverReader(
            PLACE,
            cast("Route53Resolver", aws),
            cast("Route53", aws),
            cast("Route53Profiles", aws),
            cast("Ec2", aws),
        ),
        Outcome(TaskSubnets(VPC, (), shared), passed("")),
        cast("Ec2", aws),
    )
    return (result.value, result.finding) if isinstance(result, Given) else (None, result)


AMAZON = ("AmazonProvidedDNS",)
DENIED = Denied("route53resolver:ListResolverRuleAssociations", "vpc-1")
DIRECTORY = {"DirectoryId": "d-1", "Name": "CORP.example", "DnsIpAddrs": ["10.1.0.1", "10.1.0.2"]}
CONNECTOR = {
    "DirectoryId": "d-2",
    "Name": "corp.example",
    "DnsIpAddrs": ["10.1.0.1"],
    "ConnectSettings": {"ConnectIps": ["10.0.9.4"]},
}
HYBRID = {**DIRECTORY, "HybridSettings": {"SelfManagedDnsIpAddrs": ["10.5.0.1", "10.5.0.2"]}}
FOREIGN_RULE = "arn:aws:route53resolver:us-east-1:999999999999:resolver-rule/rslvr-rr-9"
SHARED = {"DirectoryId": "d-3", "Name": "corp.example", "OwnerDirectoryDescription": {"DnsIpAddrs": ["10.1.0.1"]}}


@pytest.mark.parametrize(
    ("servers", "aws", "known", "status"),
    [
        (("10.1.0.1", "10.1.0.2"), Aws([DIRECTORY]), (), Status.PASS),
        (("10.1.0.1",), Aws([CONNECTOR]), (), Status.PASS),
        (("10.0.9.4",), Aws([CONNECTOR]), (), Status.WARN),
        (("10.1.0.1",), Aws([SHARED]), (), Status.PASS),
        (("10.9.9.9",), Aws([DIRECTORY]), (), Status.WARN),
        (("10.5.0.1",), Aws([HYBRID]), (), Status.PASS),
        (("10.1.0.1", "10.9.9.9"), Aws([DIRECTORY]), (), Status.WARN),
        (("10.9.9.9",), Aws([{**DIRECTORY, "Name": "other.example"}]), (), Status.PASS),
        (("10.9.9.9",), Aws([DIRECTORY]), ("10.9.9.9",), Status.PASS),
        (("10.9.9.9",), Aws(), ("10.1.0.1",), Status.WARN),
        (("10.9.9.9",), Aws(Denied("ds:DescribeDirectories", "*")), (), Status.SKIPPED),
        (AMAZON, Aws(), (), Status.FAIL),
        (("10.0.0.2",), Aws(), (), Status.FAIL),
        ((), Aws(), (), Status.FAIL),
        (AMAZON, Aws(rules=[("FORWARD", "corp.example.")]), (), Status.PASS),
        (AMAZON, Aws(rules=[("FORWARD", "example.")]), (), Status.PASS),
        (AMAZON, Aws(rules=[("FORWARD", ".")]), (), Status.PASS),
        (AMAZON, Aws(rules=[("FORWARD", "notcorp.example.")]), (), Status.FAIL),
        (AMAZON, Aws(rules=[("RECURSIVE", ".")]), (), Status.FAIL),
        (AMAZON, Aws(rules=[("FORWARD", "example."), ("SYSTEM", "corp.example.")]), (), Status.FAIL),
        (AMAZON, Aws(rules=[("SYSTEM", "example."), ("FORWARD", "corp.example.")]), (), Status.PASS),
        (AMAZON, Aws(zones=["corp.example"]), (), Status.PASS),
        (AMAZON, Aws(zones=["_msdcs.corp.example"]), (), Status.PASS),
        (AMAZON, Aws(zones=["other.example"]), (), Status.FAIL),
        (AMAZON, Aws(zones=["corp.example-"]), (), Status.FAIL),
        (AMAZON, Aws(zones=["corp.example-"], owner="999999999999"), (), Status.PASS),
        (AMAZON, Aws(zones=["corp.example"], host_names=False), (), Status.FAIL),
        (AMAZON, Aws(rules=[("FORWARD", "corp.example.")], zones=["corp.example-"]), (), Status.PASS),
        (AMAZON, Aws(rules=[("FORWARD", "corp.example.")], zones=["_msdcs.corp.example-"]), (), Status.FAIL),
        (
            AMAZON,
            Aws(rules=[("FORWARD", "corp.example.")], zones=["_msdcs.corp.example-"], host_names=False),
            (),
            Status.PASS,
        ),
        (AMAZON, Aws(rules=[("FORWARD", "example."), ("FORWARD", "corp.example.")]), (), Status.PASS),
        (AMAZON, Aws(profiles=["rp-1"]), (), Status.FAIL),
        (AMAZON, Aws(profiles=["rp-1"], resources=[FOREIGN_RULE]), (), Status.PASS),
        (AMAZON, Aws(profiles=["rp-1"], resources=["arn:aws:route53:::hostedzone/corp.example"]), (), Status.PASS),
        (AMAZON, Aws(profiles=Denied("route53profiles:ListProfileAssociations", "vpc-1")), (), Status.UNKNOWN),
        (AMAZON, Aws(rules=DENIED), (), Status.UNKNOWN),
        (AMAZON, Aws(rules=DENIED, zones=["corp.example"]), (), Status.UNKNOWN),
        (AMAZON, Aws(zones=Denied("route53:ListHostedZonesByVPC", "vpc-1")), (), Status.UNKNOWN),
    ],
)
def test_where_the_vpc_sends_queries_for_the_domain(
    servers: tuple[str, ...], aws: Aws, known: tuple[str, ...], status: Status
) -> None:
    value, finding = judge(servers, aws, known)
    assert finding.status is status, finding.summary
    assert (value is not None) == (status in (Status.PASS, Status.WARN))


def test_a_denied_lookup_names_its_iam_action() -> None:
    _, finding = judge(AMAZON, Aws(rules=DENIED))
    assert finding.fix is not None
    assert "route53resolver:ListResolverRuleAssociations" in finding.summary + finding.fix.text


def test_without_the_directories_it_is_skipped_because_of_them() -> None:
    _, finding = judge(("10.9.9.9",), Aws(Denied("ds:DescribeDirectories", "*")))
    assert finding.because == ("directory-service.directories",)


def test_a_resolver_that_is_off_fails_in_spite_of_rules() -> None:
    rules = Aws(rules=[("FORWARD", "corp.example.")])
    finding = judge(AMAZON, rules, on=False)[1]
    assert finding.status is Status.FAIL
    assert "enableDnsSupport of vpc-1 is off" in finding.summary
    assert judge(AMAZON, rules, on=None)[1].status is Status.PASS
    assert judge(("10.1.0.1",), Aws([DIRECTORY]), on=False)[1].status is Status.PASS


def test_the_addresses_of_an_ad_connector_are_named_as_such() -> None:
    assert "10.0.9.4: the AD Connector d-2 itself" in judge(("10.0.9.4",), Aws([CONNECTOR]))[1].summary


@pytest.mark.parametrize(
    ("used", "status"), [(("10.9.9.9",), Status.PASS), (("10.1.0.1",), Status.WARN), (None, Status.PASS)]
)
def test_an_answer_does_not_overrule_a_set_that_was_changed_after_the_task_started(
    used: tuple[str, ...] | None, status: Status
) -> None:
    aws = Aws([DIRECTORY])
    assert judge(("10.9.9.9",), aws, vantage=INSIDE, dns=Answering(), used=used)[1].status is status


def test_an_answer_of_the_tasks_own_resolver_lowers_a_failure_to_a_warning() -> None:
    value, finding = judge(AMAZON, Aws(), vantage=INSIDE, dns=Answering())
    assert finding.status is Status.WARN
    assert value is not None


@pytest.mark.parametrize(("servers", "aws"), [(AMAZON, Aws()), (("10.9.9.9",), Aws([DIRECTORY]))])
def test_a_failure_deduced_from_configuration_names_the_check_that_overrules_it(
    servers: tuple[str, ...], aws: Aws
) -> None:
    assert judge(servers, aws)[1].overruled_by == "dns.domain-controllers"
    assert judge(servers, aws, vantage=INSIDE, dns=Answering())[1].overruled_by is None


@pytest.mark.parametrize(
    ("vantage", "dns"),
    [
        (INSIDE, Silent()),
        (Vantage(inside=True, own_resolver=False), Answering()),
        (Vantage(inside=False, asserted=True, own_resolver=False), Answering()),
        (OUTSIDE, Answering()),
    ],
)
def test_nothing_else_lowers_it(vantage: Vantage, dns: Any) -> None:
    assert judge(AMAZON, Aws(), vantage=vantage, dns=dns)[1].status is Status.FAIL


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("corp.example", Status.PASS),
        ("CORP.EXAMPLE", Status.PASS),
        ("ec2.internal corp.example", Status.PASS),
        ("ec2.internal", Status.WARN),
        (None, Status.WARN),
    ],
)
def test_a_wrong_domain_name_is_a_warning(name: str | None, status: Status) -> None:
    options = DhcpOptions("vpc-1", "dopt-1", ("10.1.0.1",), name)
    assert domain_name(options, AdDomain(NAMES, NO_ACCOUNT), PLACE).status is status


# The servers in use -------------------------------------------------------------------------------------

NOT_READ: Outcome[DhcpOptions] = Outcome(None, skipped("denied"))


def used(
    *servers: str, named: tuple[str, ...] | None = None, known: tuple[str, ...] = (), id: str = "dopt-1"
) -> Finding:
    resolvers = ("169.254.169.253", "fd00:ec2::253", "10.0.0.2")
    read = Outcome(DhcpOptions("vpc-1", id, named, None, resolvers), passed("")) if named is not None else NOT_READ
    return in_use(DnsServersInUse(servers), read, KnownDnsServers(known), PLACE)


@pytest.mark.parametrize(
    ("servers", "named", "id", "status"),
    [
        (("10.1.0.1", "10.1.0.2"), ("10.1.0.1", "10.1.0.2"), "dopt-1", Status.PASS),
        (("10.1.0.2", "10.1.0.1"), ("10.1.0.1", "10.1.0.2"), "dopt-1", Status.PASS),
        (("10.1.0.1",), ("10.1.0.1", "10.1.0.2"), "dopt-1", Status.PASS),
        (("10.1.0.1", "10.1.0.2"), ("10.1.0.1",), "dopt-1", Status.WARN),
        (("10.0.0.2",), ("10.1.0.1",), "dopt-1", Status.WARN),
        (("10.0.0.2",), AMAZON, "dopt-1", Status.PASS),
        (("169.254.169.253",), AMAZON, "dopt-1", Status.PASS),
        (("fd00:ec2::253", "10.0.0.2"), AMAZON, "dopt-1", Status.PASS),
        (("169.254.169.253",), ("10.0.0.2",), "dopt-1", Status.PASS),
        (("10.1.0.1", "10.0.0.2"), ("10.1.0.1", *AMAZON), "dopt-1", Status.PASS),
        (("10.1.0.1",), AMAZON, "dopt-1", Status.WARN),
        (("10.0.0.2",), (), "default", Status.PASS),
        (("10.1.0.1",), (), "default", Status.WARN),
    ],
)
def test_the_servers_in_use_are_compared_to_the_set(
    servers: tuple[str, ...], named: tuple[str, ...], id: str, status: Status
) -> None:
    finding = used(*servers, named=named, id=id)
    assert finding.status is status
    assert all(text in finding.summary for text in (*servers, id, "vpc-1"))
    if status is Status.WARN:
        assert finding.observed == ", ".join(servers)
        assert finding.expected == (", ".join(named) or "AmazonProvidedDNS")
        assert finding.fix is not None
        assert finding.fix.owner is Owner.DEVELOPER
        assert "--force-new-deployment" in finding.fix.commands[0]


def test_a_set_that_was_read_is_compared_instead_of_ad_dns() -> None:
    """`dhcp-options.domain-name-servers` compares the set with `--ad-dns`."""
    assert used("10.1.0.1", named=("10.1.0.1",), known=("10.9.9.9",)).status is Status.PASS


@pytest.mark.parametrize(
    ("servers", "known", "status", "words"),
    [
        (("10.1.0.1",), (), Status.PASS, "nothing to compare"),
        (("10.1.0.1", "10.1.0.2"), ("10.1.0.2", "10.1.0.1", "10.1.0.3"), Status.PASS, "DNS of the AD"),
        (("10.0.0.2",), ("10.1.0.1",), Status.WARN, "none of which is in --ad-dns"),
        (("10.1.0.1", "10.0.0.2"), ("10.1.0.1",), Status.WARN, "of which 10.0.0.2 is not in --ad-dns"),
    ],
)
def test_without_the_set_ad_dns_is_compared(
    servers: tuple[str, ...], known: tuple[str, ...], status: Status, words: str
) -> None:
    finding = used(*servers, known=known)
    assert finding.status is status
    assert words in finding.summary
    assert all(server in finding.summary for server in servers)


def test_a_warning_about_other_servers_names_the_check_that_decides() -> None:
    assert "dns.domain-controllers" in used("10.0.0.2", known=("10.1.0.1",)).summary


# A VPC that another account shares ----------------------------------------------------------------------


@pytest.mark.parametrize("aws", [Aws(), Aws(rules=DENIED), Aws(zones=DENIED)])
def test_in_a_shared_vpc_the_owners_rules_may_cover_the_domain(aws: Aws) -> None:
    assert judge(AMAZON, aws)[1].status is not Status.PASS
    value, finding = judge(AMAZON, aws, shared=True)
    assert finding.status is Status.PASS
    assert "rules and zones of account 999999999999, which owns vpc-1" in finding.summary
    assert value
    assert value.rule is None


def test_in_a_shared_vpc_a_resolver_that_is_off_and_public_servers_fail() -> None:
    assert judge(AMAZON, Aws(), on=False, shared=True)[1].status is Status.FAIL
    assert judge(("8.8.8.8",), Aws([DIRECTORY]), shared=True)[1].status is Status.FAIL


def test_the_owners_dhcp_options_set_may_not_be_visible() -> None:
    class Ec2:
        def dhcp_options(self, id: str) -> dict[str, tuple[str, ...]]:
            raise NotFound("ec2:DescribeDhcpOptions: no such set", "InvalidDhcpOptionID.NotFound")

    found = dhcp_options_set(TaskSubnets(VPC, (), shared=True), Ec2())  # type: ignore[arg-type]
    assert isinstance(found, Finding)
    assert (found.status, "999999999999" in found.summary) == (Status.SKIPPED, True)
    with pytest.raises(NotFound):
        dhcp_options_set(TaskSubnets(VPC, ()), Ec2())  # type: ignore[arg-type]


# Servers that may forward -------------------------------------------------------------------------------

OTHER = {"DirectoryId": "d-9", "Name": "other.example", "DnsIpAddrs": ["10.9.9.9"]}
PUBLIC = ("8.8.8.8", "1.1.1.1")


def interface(address: str = "10.9.9.9", vpc: str = "vpc-hub", description: str = "") -> dict[str, Any]:
    return {
        "NetworkInterfaceId": "eni-9",
        "PrivateIpAddress": address,
        "VpcId": vpc,
        "Description": description,
    }


INBOUND = interface(description="Route 53 Resolver: rslvr-in-0123456789abcdef0:rni-0123456789abcdef0")
OWN_INBOUND = {**INBOUND, "VpcId": "vpc-1"}


@pytest.mark.parametrize(
    ("servers", "aws", "known", "status", "says"),
    [
        (
            ("10.9.9.9",),
            Aws([DIRECTORY], [("FORWARD", "corp.example.")], interfaces=[INBOUND]),
            (),
            Status.PASS,
            "rule",
        ),
        (("10.9.9.9",), Aws([], [("FORWARD", ".")], interfaces=[INBOUND]), ("10.1.0.1",), Status.PASS, "rslvr-in-"),
        (("10.9.9.9",), Aws([DIRECTORY], zones=["corp.example"], interfaces=[INBOUND]), (), Status.PASS, "zone"),
        (
            ("10.9.9.9",),
            Aws([DIRECTORY], profiles=["rp-1"], resources=[FOREIGN_RULE], interfaces=[INBOUND]),
            (),
            Status.PASS,
            "rp-1",
        ),
        (
            ("10.9.9.9",),
            Aws([DIRECTORY], interfaces=[INBOUND]),
            (),
            Status.WARN,
            "no visible rule or zone for",
        ),
        (("10.9.9.9",), Aws([DIRECTORY], interfaces=[OWN_INBOUND]), (), Status.FAIL, "none of which"),
        (("10.9.9.9",), Aws([DIRECTORY], interfaces=[interface()]), (), Status.WARN, "eni-9 in vpc-hub"),
        (("10.9.9.9",), Aws([DIRECTORY], interfaces=[INBOUND, INBOUND]), (), Status.WARN, "eni-9 in vpc-hub"),
        (("10.9.9.9",), Aws([DIRECTORY, OTHER]), (), Status.WARN, "DNS of d-9 (other.example)"),
        (("10.9.9.9",), Aws([DIRECTORY]), (), Status.WARN, "--ad-dns"),
        (("10.0.0.2", "10.8.0.2"), Aws([DIRECTORY]), (), Status.WARN, "no network interface"),
        (PUBLIC, Aws([DIRECTORY], interfaces=[INBOUND]), (), Status.FAIL, "none of which"),
        (PUBLIC, Aws(), (), Status.FAIL, "only public names"),
        (("8.8.8.8", "10.9.9.9"), Aws(), (), Status.WARN, "also lists 8.8.8.8"),
        (("2001:4860:4860::8888",), Aws([DIRECTORY]), (), Status.FAIL, "none of which"),
        (("fd00::53",), Aws([DIRECTORY]), (), Status.WARN, "no network interface"),
    ],
)
def test_servers_that_are_not_the_ads_may_forward_the_domain(
    servers: tuple[str, ...], aws: Aws, known: tuple[str, ...], status: Status, says: str
) -> None:
    value, finding = judge(servers, aws, known)
    assert finding.status is status, finding.summary
    assert says in f"{finding.summary} {finding.fix}"
    assert (value is None) == (status is Status.FAIL)


def test_an_inbound_endpoint_is_judged_by_the_rules_of_its_own_vpc() -> None:
    aws = Aws([DIRECTORY], [("FORWARD", "corp.example.")], interfaces=[INBOUND])
    value, _ = judge(("10.9.9.9",), aws)
    assert aws.asked_of == ["vpc-hub"]
    assert value
    assert value.rule


def test_an_interface_in_the_tasks_vpc_goes_before_one_with_the_same_address() -> None:
    aws = Aws([DIRECTORY], [("FORWARD", ".")], interfaces=[interface(), OWN_INBOUND])
    assert judge(("10.9.9.9",), aws)[1].status is Status.PASS
    assert aws.asked_of == ["vpc-1"]


@pytest.mark.parametrize(
    "aws",
    [
        Aws([DIRECTORY], interfaces=Denied("ec2:DescribeNetworkInterfaces", "*")),
        Aws([DIRECTORY], DENIED, interfaces=[INBOUND]),
    ],
)
def test_denied_lookups_raise(aws: Aws) -> None:
    with pytest.raises(Denied):
        judge(("10.9.9.9",), aws)


def test_servers_that_certainly_do_not_forward_are_not_looked_up() -> None:
    aws = Aws([CONNECTOR])
    assert judge(("1.1.1.1", "8.8.8.8"), aws)[1].status is Status.FAIL
    assert aws.looked_for == []


def test_the_owner_of_a_shared_vpc_may_run_forwarders() -> None:
    finding = judge(("10.9.9.9",), Aws([DIRECTORY]), shared=True)[1]
    assert finding.status is Status.WARN
    assert "999999999999" in finding.summary
