"""Which Resolver rule decides, and what is said of it, by values."""

from typing import Any, cast

import pytest

from gmsa_doctor.clients.services import Route53Resolver
from gmsa_doctor.model import Finding, Given, Outcome, Status, passed, skipped
from gmsa_doctor.subject import Place
from gmsa_doctor.vantage import KnownDnsServers
from gmsa_doctor_checks.dns_values import AwsDirectories, AwsDirectory, ForwardRule, Target
from gmsa_doctor_checks.resolver_rules import choose, endpoint, targets
from gmsa_doctor_checks.values import Account, DomainName, GmsaName, GmsaNames, VpcDns

DOMAIN = DomainName("corp.example")
NAMES = GmsaNames(DOMAIN, GmsaName("webapp01"))
NO_ACCOUNT: Outcome[Account] = Outcome(None, skipped("not read"))
NOT_READ: Outcome[AwsDirectories] = Outcome(
    None, Finding(Status.UNKNOWN, "denied", check="directory-service.directories")
)
PLACE = Place("us-east-1", "123456789012")
RULE = ForwardRule("rslvr-rr-1", "corp.example.", (Target("10.1.0.1"), Target("10.1.0.2")), "rslvr-out-1")


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
def test_the_most_specific_rule_that_is_in_force_decides(rules: list[Pair], id: str) -> None:
    found = choose(rules, DOMAIN)
    assert isinstance(found, ForwardRule)
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
            "the Resolver rule rr-corp.example. is there, but its association with the VPC has failed (no such VPC)",
        ),
        (
            [(ANY, rule("corp.example.", Status="DELETING"))],
            "the Resolver rule rr-corp.example. is there, but it is being deleted",
        ),
    ],
)
def test_without_a_rule_in_force_it_is_told_what_is_there(rules: list[Pair], words: str | None) -> None:
    assert choose(rules, DOMAIN) == words


@pytest.mark.parametrize(
    ("association", "pending"),
    [
        ({"Status": "CREATING"}, "its association is CREATING"),
        ({"Status": "OVERRIDDEN"}, "its association is OVERRIDDEN"),
        (ANY, None),
        ({}, None),
    ],
)
def test_a_rule_that_may_not_be_in_force_says_so(association: dict[str, Any], pending: str | None) -> None:
    found = choose([(association, rule("corp.example."))], DOMAIN)
    assert isinstance(found, ForwardRule)
    assert found.pending == pending


def test_a_rule_of_another_account_names_its_owner() -> None:
    found = choose([(ANY, rule("corp.example.", ShareStatus="SHARED_WITH_ME", OwnerId="210987654321"))], DOMAIN)
    assert isinstance(found, ForwardRule)
    assert found.owner == "210987654321"


# Its targets --------------------------------------------------------------------------------------------


def directories(*dns: str) -> Outcome[AwsDirectories]:
    known = (AwsDirectory("d-1", "corp.example", "MicrosoftAD", "Active", dns),) if dns else ()
    return Outcome(AwsDirectories(known), passed(""))


@pytest.mark.parametrize(
    ("rule", "known", "found", "status", "words"),
    [
        (None, (), NOT_READ, Status.PASS, "no Resolver rule is needed"),
        (RULE, (), directories("10.1.0.1", "10.1.0.2"), Status.PASS, "DNS of corp.example (the directory d-1)"),
        (RULE, (), directories("10.1.0.1"), Status.WARN, "of which 10.1.0.2 is not"),
        (RULE, (), directories("10.9.9.9"), Status.WARN, "none of which is"),
        (RULE, ("10.1.0.1", "10.1.0.2"), directories("10.9.9.9"), Status.PASS, "--ad-dns"),
        (RULE, ("10.9.9.9",), NOT_READ, Status.WARN, "--ad-dns"),
        (RULE, (), directories(), Status.PASS, "AWS knows no directory corp.example"),
        (RULE, (), NOT_READ, Status.SKIPPED, "directory-service.directories"),
    ],
)
def test_the_targets_are_compared_with_the_ads_dns_servers(
    rule: ForwardRule | None, known: tuple[str, ...], found: Outcome[AwsDirectories], status: Status, words: str
) -> None:
    way = VpcDns((), "", rule)
    finding = targets(way, NAMES, NO_ACCOUNT, KnownDnsServers(known), found, PLACE)
    assert finding.status is status, finding.summary
    assert words in finding.summary


def test_the_fix_names_the_rule_and_the_right_addresses() -> None:
    finding = targets(VpcDns((), "", RULE), NAMES, NO_ACCOUNT, KnownDnsServers(("10.9.9.9",)), NOT_READ, PLACE)
    assert finding.fix is not None
    assert finding.fix.commands == (
        "aws route53resolver update-resolver-rule --region us-east-1 --resolver-rule-id rslvr-rr-1 "
        "--config 'TargetIps=[{Ip=10.9.9.9}]'",
    )


# Its outbound endpoint ----------------------------------------------------------------------------------


class Resolver:
    def __init__(self, status: str) -> None:
        self.status = status

    def endpoint(self, id: str) -> dict[str, Any]:
        return {"Id": id, "Status": self.status, "StatusMessage": "so it is"}


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
def test_only_an_endpoint_that_is_going_away_surely_forwards_nothing(status: str, expected: Status) -> None:
    result = endpoint(VpcDns((), "", RULE), cast("Route53Resolver", Resolver(status)), PLACE)
    finding = result.finding if isinstance(result, Given) else result
    assert finding.status is expected
    assert isinstance(result, Given) == (expected is not Status.FAIL)
    if expected is not Status.PASS:
        assert "so it is" in str(finding.observed)


@pytest.mark.parametrize(
    "rule",
    [
        None,
        ForwardRule("rr", "corp.example.", (), "out-1", owner="210987654321"),
        ForwardRule("rr", "corp.example.", ()),
    ],
)
def test_an_endpoint_that_cannot_be_seen_from_here_is_not_asked_for(rule: ForwardRule | None) -> None:
    result = endpoint(VpcDns((), "", rule), cast("Route53Resolver", None), PLACE)
    assert isinstance(result, Given)
    assert result.finding.status is Status.PASS
