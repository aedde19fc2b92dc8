"""The Resolver rule that applies, its targets and its outbound endpoint, by values."""

from typing import Any, cast

import pytest

from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.route53 import Route53Resolver
from gmsa_doctor.core.model import Finding, Given, Outcome, Status, failed, passed, skipped
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.given.vantage import KnownDnsServers
from gmsa_doctor_checks.domain import AdDomain
from gmsa_doctor_checks.reachability.obstacles import Fault, GroupsOfTask, Layer
from gmsa_doctor_checks.values import Account, DomainName, GmsaName, GmsaNames
from gmsa_doctor_checks.vpc_dns.coverage import choose, refused
from gmsa_doctor_checks.vpc_dns.resolver_rule import endpoint, targets
from gmsa_doctor_checks.vpc_dns.values import (
    AdServers,
    AwsDirectories,
    AwsDirectory,
    ForwardRule,
    ForwardTarget,
    VpcDns,
)

DOMAIN = DomainName("corp.example")
AD = AdDomain(GmsaNames(DOMAIN, GmsaName("webapp01")), Outcome[Account](None, skipped("not read")))
NOT_READ: Outcome[AwsDirectories] = Outcome(
    None, Finding(Status.UNKNOWN, "denied", check="directory-service.directories")
)
PLACE = AwsPlace("us-east-1", "123456789012")
RULE = ForwardRule("rslvr-rr-1", "corp.example.", (ForwardTarget("10.1.0.1"), ForwardTarget("10.1.0.2")), "rslvr-out-1")


def rule(domain: str, kind: str = "FORWARD", **fields: Any) -> dict[str, Any]:
    return {"Id": f"rr-{domain}", "DomainName": domain, "RuleType": kind, "TargetIps": [{"Ip": "10.1.0.1"}], **fields}


Pair = tuple[dict[str, Any], dict[str, Any]]
ANY: dict[str, Any] = {"Status": "COMPLETE"}


@pytest.mark.parametrize(
    ("rules", "id"),
    [
        ([(ANY, rule("corp.example."))], "rr-corp.example."),
        ([(ANY, rule("example.")), (ANY, rule("corp.example."))], "rr-corp.example."),
        ([(ANY, rule("."))], "rr-."),
        ([(ANY, rule("example.")), ({"Status": "FAILED"}, rule("corp.example."))], "rr-example."),
        ([(ANY, rule("example.")), (ANY, rule("corp.example.", Status="DELETING"))], "rr-example."),
        ([(ANY, rule("CORP.EXAMPLE."))], "rr-CORP.EXAMPLE."),
    ],
)
def test_the_most_specific_rule_in_effect_applies(rules: list[Pair], id: str) -> None:
    found, _ = choose(rules, DOMAIN.text)
    assert found
    assert found.id == id


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([], None),
        ([(ANY, rule("other.example."))], None),
        ([(ANY, rule("example.")), (ANY, rule("corp.example.", "SYSTEM"))], None),
        ([(ANY, rule(".", "RECURSIVE"))], None),
        (
            [({"Status": "FAILED", "StatusMessage": "no such VPC"}, rule("corp.example."))],
            "the Resolver rule rr-corp.example. exists, but its association with the VPC has failed (no such VPC)",
        ),
        (
            [(ANY, rule("corp.example.", Status="DELETING"))],
            "the Resolver rule rr-corp.example. exists, but it is being deleted",
        ),
    ],
)
def test_without_a_rule_in_effect_the_reason_is_reported(rules: list[Pair], words: str | None) -> None:
    assert choose(rules, DOMAIN.text)[0] is None
    assert refused(rules, DOMAIN.text) == ([words] if words else [])


@pytest.mark.parametrize(
    ("association", "pending"),
    [
        ({"Status": "CREATING"}, "its association is CREATING"),
        ({"Status": "OVERRIDDEN"}, "its association is OVERRIDDEN"),
        (ANY, None),
        ({}, None),
    ],
)
def test_a_rule_that_may_not_be_in_effect_says_why(association: dict[str, Any], pending: str | None) -> None:
    found, _ = choose([(association, rule("corp.example."))], DOMAIN.text)
    assert found
    assert found.pending == pending


def test_a_rule_of_another_account_names_its_owner() -> None:
    shared = rule("corp.example.", ShareStatus="SHARED_WITH_ME", OwnerId="210987654321")
    found, _ = choose([(ANY, shared)], DOMAIN.text)
    assert found
    assert found.owner == "210987654321"


# Its targets --------------------------------------------------------------------------------------------


def directories(*dns: str) -> Outcome[AwsDirectories]:
    known = (AwsDirectory("d-1", "corp.example", "MicrosoftAD", "Active", dns),) if dns else ()
    return Outcome(AwsDirectories(known), passed(""))


@pytest.mark.parametrize(
    ("rule", "known", "found", "status", "words"),
    [
        (None, (), NOT_READ, Status.PASS, "no Resolver rule is needed"),
        (RULE, (), directories("10.1.0.1", "10.1.0.2"), Status.PASS, "DNS servers of corp.example (the directory d-1)"),
        (RULE, (), directories("10.1.0.1"), Status.WARN, "of which 10.1.0.2 is not"),
        (RULE, (), directories("10.9.9.9"), Status.WARN, "none of which is"),
        (RULE, ("10.1.0.1", "10.1.0.2"), directories("10.9.9.9"), Status.PASS, "--ad-dns"),
        (RULE, ("10.9.9.9",), NOT_READ, Status.WARN, "--ad-dns"),
        (RULE, (), directories(), Status.PASS, "no Directory Service directory corp.example"),
        (RULE, (), NOT_READ, Status.SKIPPED, "directory-service.directories"),
    ],
)
def test_the_targets_are_compared_with_the_ads_dns_servers(
    rule: ForwardRule | None, known: tuple[str, ...], found: Outcome[AwsDirectories], status: Status, words: str
) -> None:
    servers = AdServers(KnownDnsServers(known), found)
    finding = targets(VpcDns((), "", rule), AD, servers, PLACE)
    assert finding.status is status, finding.summary
    assert words in finding.summary


def test_the_fix_names_the_rule_and_the_right_addresses() -> None:
    finding = targets(VpcDns((), "", RULE), AD, AdServers(KnownDnsServers(("10.9.9.9",)), NOT_READ), PLACE)
    assert finding.fix is not None
    assert finding.fix.commands == (
        "aws route53resolver update-resolver-rule --region us-east-1 --resolver-rule-id rslvr-rr-1 "
        "--config 'TargetIps=[{Ip=10.9.9.9}]'",
    )


# Its outbound endpoint ----------------------------------------------------------------------------------


class Resolver:
    """Route 53 Resolver and EC2, with one endpoint and its security group."""

    def __init__(self, status: str, *egress: dict[str, Any]) -> None:
        self.status, self.egress = status, egress

    def endpoint(self, id: str) -> dict[str, Any]:
        return {"Id": id, "Status": self.status, "StatusMessage": "a reason", "SecurityGroupIds": ["sg-1"]}

    def security_groups(self, ids: tuple[str, ...]) -> list[dict[str, Any]]:
        return [{"GroupId": id, "IpPermissionsEgress": list(self.egress)} for id in ids]

    def prefix_list_entries(self, id: str) -> tuple[str, ...]:
        return ("10.1.0.0/24",)


def allow(protocol: str, port: int, *cidrs: str, **fields: Any) -> dict[str, Any]:
    ranges = {"FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr} for cidr in cidrs]}
    return {"IpProtocol": protocol, **(ranges if protocol != "-1" else {"IpRanges": ranges["IpRanges"]}), **fields}


ALL = allow("-1", 0, "0.0.0.0/0")
RIGHT = passed("outbound rules admit it")
SHUT = failed("no outbound rule")


def checked(
    resolver: Resolver, rule: ForwardRule | None = RULE, groups: tuple[str, ...] = ("sg-9",), of_task: Finding = RIGHT
) -> tuple[bool, Finding]:
    clients = cast("Route53Resolver", resolver), cast("Ec2", resolver)
    faults = tuple(Fault(Layer.GROUP, group) for group in groups)
    result = endpoint(VpcDns((), "", rule), *clients, PLACE, Outcome(GroupsOfTask((), faults), of_task))
    return (True, result.finding) if isinstance(result, Given) else (False, result)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("OPERATIONAL", Status.PASS),
        ("UPDATING", Status.PASS),
        ("CREATING", Status.WARN),
        ("AUTO_RECOVERING", Status.WARN),
        ("ACTION_NEEDED", Status.WARN),
        ("DELETING", Status.FAIL),
    ],
)
def test_only_an_endpoint_that_is_being_deleted_fails(status: str, expected: Status) -> None:
    given, finding = checked(Resolver(status, ALL))
    assert finding.status is expected
    assert given == (expected is not Status.FAIL)
    if expected is not Status.PASS:
        assert "a reason" in str(finding.observed)


@pytest.mark.parametrize(
    "rule",
    [
        None,
        ForwardRule("rr", "corp.example.", (), "out-1", owner="210987654321"),
        ForwardRule("rr", "corp.example.", ()),
    ],
)
def test_an_endpoint_that_is_not_visible_is_not_read(rule: ForwardRule | None) -> None:
    given, finding = checked(cast("Resolver", None), rule)
    assert given
    assert finding.status is Status.PASS


def test_an_endpoint_with_the_tasks_own_groups_is_skipped_because_of_them() -> None:
    given, finding = checked(Resolver("OPERATIONAL"), groups=("sg-1", "sg-2"), of_task=SHUT)
    assert (given, finding.status) == (False, Status.SKIPPED)
    assert finding.because == ("network-access.security-groups",)
    assert checked(Resolver("OPERATIONAL"), groups=("sg-1",))[1].status is Status.FAIL
    assert checked(Resolver("OPERATIONAL"), groups=("sg-2",), of_task=SHUT)[1].status is Status.FAIL


UDP, TCP = allow("udp", 53, "10.1.0.0/24"), allow("tcp", 53, "10.1.0.0/24")
BY_LIST = [allow(protocol, 53, PrefixListIds=[{"PrefixListId": "pl-1"}]) for protocol in ("udp", "tcp")]
BY_GROUP = [allow(protocol, 53, UserIdGroupPairs=[{"GroupId": "sg-2"}]) for protocol in ("udp", "tcp")]


@pytest.mark.parametrize(
    ("egress", "status", "words"),
    [
        ([ALL], Status.PASS, "allow outbound DNS"),
        ([UDP, TCP], Status.PASS, "allow outbound DNS"),
        (BY_LIST, Status.PASS, "allow outbound DNS"),
        (BY_GROUP, Status.PASS, "allow outbound DNS"),
        ([], Status.FAIL, "UDP 53 and TCP 53 to 10.1.0.1, 10.1.0.2"),
        ([TCP], Status.FAIL, "outbound UDP 53 to 10.1.0.1, 10.1.0.2"),
        ([UDP], Status.WARN, "outbound TCP 53 to 10.1.0.1, 10.1.0.2"),
        ([allow("-1", 0, "10.9.0.0/16")], Status.FAIL, "so the rule forwards nothing"),
        ([allow("-1", 0, "10.1.0.1/32")], Status.WARN, "UDP 53 and TCP 53 to 10.1.0.2"),
    ],
)
def test_the_endpoints_groups_must_allow_outbound_dns(egress: list[dict[str, Any]], status: Status, words: str) -> None:
    given, finding = checked(Resolver("OPERATIONAL", *egress))
    assert (finding.status, given) == (status, status is not Status.FAIL), finding.summary
    assert words in finding.summary
    if status is not Status.PASS:
        assert finding.fix is not None
        assert all("--group-id sg-1" in command for command in finding.fix.commands)


def test_over_https_no_udp_is_needed() -> None:
    rule = ForwardRule("rr", "corp.example.", (ForwardTarget("10.1.0.1", 443, https=True),), "out-1")
    assert checked(Resolver("OPERATIONAL", allow("tcp", 443, "10.1.0.1/32")), rule)[1].status is Status.PASS
    assert checked(Resolver("OPERATIONAL", UDP, TCP), rule)[1].status is Status.FAIL
