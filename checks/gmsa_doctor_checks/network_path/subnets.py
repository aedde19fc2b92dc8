"""The subnets of the task's network interface, their VPC, and their route tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gmsa_doctor.authoring import (
    CheckId,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    Row,
    Status,
    check,
    deferred_to,
    failed,
    fix_in_steps,
    passed,
    skipped,
)
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.formats.aws.arn import ArnError, parse_role_arn
from gmsa_doctor.formats.aws.route_table import RouteTable, read_route_table, table_of
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.reachability.fixes import set_network
from gmsa_doctor_checks.reachability.network import SubnetRoutes, TaskSubnet, TaskSubnets, Vpc

_SET = CheckId("dhcp-options.set")
"""Reports faults of the subnets: without one VPC there is no DHCP options set."""


@check("network-path.subnets", title="The task's subnets and their VPC can be read", docs=links.FARGATE_NETWORK)
def subnets(network: Network, ec2: Ec2, place: AwsPlace, definition: Outcome[TaskDefinition]) -> Result[TaskSubnets]:
    """Finds the subnets that the task may be placed in, and their VPC.

    If a subnet does not exist, or the subnets are in several VPCs, dhcp-options.set reports it.

    Why: the subnet and its VPC determine the task's routes, endpoints, filters and DNS servers.

    Fix: Allow `ec2:DescribeSubnets` and `ec2:DescribeVpcs`.
    """
    try:
        raw = ec2.subnets(network.subnets)
    except NotFound as error:
        finding = failed(
            f"a subnet in the service's network configuration does not exist: {error.text}",
            observed=", ".join(network.subnets),
            expected=f"existing subnets of one VPC in {place.region}",
            fix=_other_subnets("Set existing subnets in the VPC of the security groups,", network, place),
        )
        return deferred_to(_SET, finding)
    vpcs = sorted({str(subnet["VpcId"]) for subnet in raw})
    if len(vpcs) != 1:
        finding = failed(
            f"the task's subnets are in {len(vpcs)} VPCs",
            observed=", ".join(f"{subnet['SubnetId']} in {subnet['VpcId']}" for subnet in raw),
            expected="subnets of one VPC",
            fix=_other_subnets("Set subnets of one VPC,", network, place),
        )
        return deferred_to(_SET, finding)
    vpc = _vpc(ec2.vpc(vpcs[0]))
    found = tuple(map(_subnet, raw))
    account = place.account or _account(definition.value)
    shared = bool(vpc.owner and account and vpc.owner != account)
    whose = f" of account {vpc.owner}, shared with this one" if shared else ""
    rows = tuple(Row(subnet.id, Status.PASS, f"{subnet.cidr or 'no IPv4'} in {subnet.zone}") for subnet in found)
    number = "1 subnet" if len(found) == 1 else f"{len(found)} subnets"
    text = f"{number} of {vpc.id} ({', '.join(vpc.cidrs)}){whose}"
    return Given(TaskSubnets(vpc, found, shared), passed(text, rows=rows))


def _other_subnets(action: str, network: Network, place: AwsPlace) -> Fix:
    """The last command replaces the whole configuration, so the first one shows it as it is now."""
    show = Fix(
        "Show the network configuration as it is now.",
        (
            f"aws ecs describe-services{place.region_option} --cluster {posix('<cluster>')} "
            f"--services {posix('<service>')} --query 'services[].networkConfiguration'",
        ),
    )
    subnets = f"aws ec2 describe-subnets{place.region_option} --query 'Subnets[].[SubnetId,VpcId]'"
    find = Fix("List the subnets with their VPCs.", (subnets,))
    if network.security_groups:
        ids = " ".join(map(posix, network.security_groups))
        groups = (
            f"aws ec2 describe-security-groups{place.region_option} --group-ids {ids} "
            "--query 'SecurityGroups[].[GroupId,VpcId]'"
        )
        find = Fix("Find the VPC of the security groups, and its subnets.", (groups, subnets))
    put = Fix(f"{action} and keep the other values.", (set_network(network, place, subnets=("<subnet>",)),))
    return fix_in_steps(show, find, put, owner=Owner.DEVELOPER)


def _account(definition: TaskDefinition | None) -> str | None:
    """The account of the execution role, the only one that a task definition in a file names."""
    try:
        return parse_role_arn(definition.execution_role_arn or "").account if definition else None
    except ArnError:
        return None


def _vpc(raw: Mapping[str, Any]) -> Vpc:
    blocks = raw.get("CidrBlockAssociationSet", ())
    primary = str(raw["CidrBlock"])
    cidrs = [str(block["CidrBlock"]) for block in blocks if _associated(block, "CidrBlockState")]
    cidrs = list(dict.fromkeys((primary, *cidrs)))
    blocked = (raw.get("BlockPublicAccessStates") or {}).get("InternetGatewayBlockMode")
    dhcp_options = str(raw.get("DhcpOptionsId") or "default")
    return Vpc(str(raw["VpcId"]), tuple(cidrs), raw.get("OwnerId"), dhcp_options, str(blocked or "off"))


def _subnet(raw: Mapping[str, Any]) -> TaskSubnet:
    blocks = raw.get("Ipv6CidrBlockAssociationSet") or ()
    return TaskSubnet(
        str(raw["SubnetId"]),
        str(raw.get("CidrBlock") or ""),
        str(raw.get("AvailabilityZone") or ""),
        str(raw["VpcId"]),
        any(_associated(block, "Ipv6CidrBlockState") for block in blocks),
    )


def _associated(block: Mapping[str, Any], state: str) -> bool:
    return bool((block.get(state) or {}).get("State", "associated") == "associated")


@check("network-path.route-tables", title="The route tables of the task's subnets can be read", docs=links.ROUTE_TABLES)
def route_tables(subnets: TaskSubnets, ec2: Ec2) -> Result[SubnetRoutes]:
    """Finds the route table of each subnet: the one associated with it, otherwise the VPC's main route table.

    Why: it determines the path of packets to AWS services, and to domain controllers outside the VPC.

    Fix: Allow `ec2:DescribeRouteTables`.
    """
    tables = tuple(map(read_route_table, ec2.route_tables(subnets.vpc.id)))
    by_subnet = [(id, table) for id in subnets.ids if (table := table_of(id, tables))]
    if not by_subnet:
        return skipped(
            f"no route table of {subnets.vpc.id} is visible from this account",
            fix=Fix(f"Ask the owner of the VPC (account {subnets.vpc.owner})."),
        )
    rows = tuple(Row(id, Status.PASS, _in_words(id, table)) for id, table in by_subnet)
    names = ", ".join(dict.fromkeys(table.id for _, table in by_subnet))
    return Given(SubnetRoutes(tuple(by_subnet), tables), passed(f"{names} of {subnets.vpc.id}", rows=rows))


def _in_words(subnet: str, table: RouteTable) -> str:
    main = "" if subnet in table.subnets else ", the VPC's main route table"
    blackhole = " (blackhole)" if table.default and table.default.blackhole else ""
    return f"{table.id}{main}: {table.default or 'no default route'}{blackhole}"
