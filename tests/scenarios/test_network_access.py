"""Faults of routes and filters between the task and the domain controllers are the only root cause."""

from contextlib import ExitStack

import pytest

from tests.command import Ended, doctor
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import healthy
from tests.scenarios import changes
from tests.scenarios.judge import brief
from tests.scenarios.lab import Change, Lab, Scenario
from tests.scenarios.network_access import FAULTS, HEALTHY, WARNINGS, egress, peered
from tests.scenarios.verdicts import fails, passes, warns


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda scenario: scenario.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda scenario: scenario.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda scenario: scenario.name)
def test_it_is_a_warning(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


# By vantage ------------------------------------------------------------------------------------------

INSIDE = {"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:9/v4"}
GROUPS = "network-access.security-groups"


def check(change: Change, dc: DomainController, aws: EmbeddedAws, **variables: str) -> Ended:
    with ExitStack() as stack:
        environment = healthy(dc)
        change(environment, Lab(dc, aws, stack))
        create(environment, aws)
        return doctor(*environment.command, "--format", "json", env={**aws.environ(), **variables})


def test_a_connection_from_inside_overrules_a_closed_group(dc: DomainController, aws: EmbeddedAws) -> None:
    ended = check(egress(), dc, aws, **INSIDE)
    assert ended.statuses()[GROUPS] == "warn", brief(ended)
    assert ended.statuses()["network-access.passage"] == "pass"
    assert (ended.roots, ended.code) == ([], 0)


def test_no_answer_inside_is_skipped_because_of_the_closed_group(dc: DomainController, aws: EmbeddedAws) -> None:
    def silent(lab: Lab) -> str:
        return lab.dns_of_controllers({"dc2.corp.example": lab.black_hole(88, 389)})

    ended = check(changes.all_of(egress(), changes.dns_server(silent)), dc, aws, **INSIDE)
    assert ended.roots == [GROUPS], brief(ended)
    for name in ("network.kerberos", "network.ldap"):
        assert (ended.statuses()[name], ended.finding(name)["because"]) == ("skipped", [GROUPS])


# Denied calls ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "unknown"),
    [
        ("DescribeSecurityGroups", {GROUPS, "network-access.hosts-security-groups"}),
        ("DescribeNetworkAcls", {"network-access.network-acls"}),
        ("DescribeNetworkInterfaces", {"network-access.interfaces"}),
    ],
)
def test_a_denied_call_is_unknown_in_the_checks_that_make_it(
    operation: str, unknown: set[str], dc: DomainController, aws: EmbeddedAws
) -> None:
    ended = check(changes.denied("ec2", operation), dc, aws)
    found = {id for id, status in ended.statuses().items() if status == "unknown" and id.startswith("network-access")}
    assert found == unknown, brief(ended)
    assert all(f"ec2:{operation}" in ended.finding(id)["summary"] for id in unknown)
    assert ended.statuses()["kerberos.gmsa-ticket"] == "pass"
    assert ended.code == 3


def test_a_denied_peering_connection_does_not_affect_other_checks(dc: DomainController, aws: EmbeddedAws) -> None:
    ended = check(changes.all_of(peered(), changes.denied("ec2", "DescribeVpcPeeringConnections")), dc, aws)
    assert ended.statuses()["network-access.routes"] == "unknown"
    assert ended.statuses()[GROUPS] == "pass"
