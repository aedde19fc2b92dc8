"""What stands between the task and the domain controllers is found, and is the one root cause."""

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


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda one: one.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda one: one.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda one: one.name)
def test_it_only_warns(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


# By where it is seen from -----------------------------------------------------------------------------

INSIDE = {"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:9/v4"}
GROUPS = "network-access.security-groups"


def check(change: Change, dc: DomainController, aws: EmbeddedAws, **variables: str) -> Ended:
    with ExitStack() as stack:
        environment = healthy(dc)
        change(environment, Lab(dc, aws, stack))
        create(environment, aws)
        return doctor(*environment.command, "--format", "json", env={**aws.environ(), **variables})


def test_seen_from_inside_an_open_port_outweighs_a_closed_group(dc: DomainController, aws: EmbeddedAws) -> None:
    ended = check(egress(), dc, aws, **INSIDE)
    assert ended.statuses()[GROUPS] == "warn", brief(ended)
    assert ended.statuses()["network-access.passage"] == "pass"
    assert (ended.document["root_causes"], ended.code) == ([], 0)


def test_seen_from_inside_silence_has_its_cause_in_the_closed_group(dc: DomainController, aws: EmbeddedAws) -> None:
    def silent(lab: Lab) -> str:
        return lab.dns_of_controllers({"dc2.corp.example": lab.black_hole(88, 389)})

    ended = check(changes.all_of(egress(), changes.dns_server(silent)), dc, aws, **INSIDE)
    assert ended.document["root_causes"] == [GROUPS], brief(ended)
    for name in ("network.kerberos", "network.ldap"):
        assert (ended.statuses()[name], ended.finding(name)["because"]) == ("skipped", [GROUPS])


# What may not be asked --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "unknown"),
    [
        ("DescribeSecurityGroups", {GROUPS, "network-access.hosts-security-groups"}),
        ("DescribeNetworkAcls", {"network-access.network-acls"}),
        ("DescribeNetworkInterfaces", {"network-access.interfaces"}),
    ],
)
def test_a_denied_call_is_unknown_where_it_is_made(
    operation: str, unknown: set[str], dc: DomainController, aws: EmbeddedAws
) -> None:
    ended = check(changes.denied("ec2", operation), dc, aws)
    found = {
        one for one, status in ended.statuses().items() if status == "unknown" and one.startswith("network-access")
    }
    assert found == unknown, brief(ended)
    assert all(f"ec2:{operation}" in ended.finding(one)["summary"] for one in unknown)
    assert ended.statuses()["kerberos.gmsa-ticket"] == "pass"
    assert ended.code == 3


def test_a_denied_peering_connection_leaves_the_rest_as_it_is(dc: DomainController, aws: EmbeddedAws) -> None:
    ended = check(changes.all_of(peered(), changes.denied("ec2", "DescribeVpcPeeringConnections")), dc, aws)
    assert ended.statuses()["network-access.routes"] == "unknown"
    assert ended.statuses()[GROUPS] == "pass"
