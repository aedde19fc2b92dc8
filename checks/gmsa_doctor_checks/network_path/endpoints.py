"""The VPC's endpoints for AWS services, and the security groups on both sides of them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from gmsa_doctor.authoring import Given, Result, Row, Status, check, passed, skipped
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.formats.aws.security_group import SecurityGroup
from gmsa_doctor.formats.aws.vpc_endpoint import INTERFACE, VpcEndpoint, is_of_another_region, read_vpc_endpoint
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor_checks import links
from gmsa_doctor_checks.reachability import network as vpc_network
from gmsa_doctor_checks.reachability.network import TaskSubnets, groups_of_task, prefix_lists
from gmsa_doctor_checks.reachability.services import SERVICES

_ATTRIBUTES = ("enableDnsSupport", "enableDnsHostnames")
_USED = "the services that a task uses"


@dataclass(frozen=True)
class VpcEndpoints:
    """The VPC's endpoints for the services that a task uses; ``abroad``: there are others, for other regions."""

    endpoints: tuple[VpcEndpoint, ...] = ()
    abroad: bool = False

    def of(self, service: str) -> tuple[VpcEndpoint, ...]:
        """The endpoints for a service."""
        return tuple(endpoint for endpoint in self.endpoints if endpoint.service == service)


@dataclass(frozen=True)
class PrivateNames:
    """Whether private DNS works in the VPC: ``off`` are the attributes that it needs and that are off."""

    off: tuple[str, ...] = ()


@dataclass(frozen=True)
class PathGroups:
    """The security groups of the task (empty if not known) and of the endpoints, and their prefix lists' networks."""

    task: tuple[SecurityGroup, ...] = ()
    endpoints: tuple[SecurityGroup, ...] = ()
    prefix_lists: tuple[tuple[str, tuple[IPv4Network, ...]], ...] = ()

    def named(self, ids: tuple[str, ...]) -> tuple[SecurityGroup, ...]:
        """The known groups with these ids."""
        return tuple(group for group in (*self.task, *self.endpoints) if group.id in ids)


@check("network-path.endpoints", title="The VPC's endpoints can be listed", docs=links.FARGATE_ENDPOINTS)
def endpoints(subnets: TaskSubnets, ec2: Ec2, place: AwsPlace) -> Result[VpcEndpoints]:
    """Lists the VPC's endpoints for S3, Secrets Manager, ECR and CloudWatch Logs.

    Why: the task uses an endpoint if there is one, and its security groups and policy must then allow the request.

    Fix: Allow `ec2:DescribeVpcEndpoints`.
    """
    if not place.region:
        return skipped("the task's region is not known")
    raw = ec2.vpc_endpoints(subnets.vpc.id)
    abroad = any(is_of_another_region(endpoint, place.region) for endpoint in raw)
    read = (read_vpc_endpoint(endpoint, place.region) for endpoint in raw)
    found = tuple(endpoint for endpoint in read if endpoint and endpoint.service in SERVICES)
    if not found:
        return Given(VpcEndpoints(abroad=abroad), passed(f"{subnets.vpc.id} has no endpoint for {_USED}"))
    rows = tuple(Row(endpoint.id, Status.PASS, _in_words(endpoint)) for endpoint in found)
    names = ", ".join(dict.fromkeys(SERVICES[endpoint.service] for endpoint in found))
    return Given(VpcEndpoints(found, abroad), passed(f"{subnets.vpc.id} has endpoints for {names}", rows=rows))


def _in_words(endpoint: VpcEndpoint) -> str:
    dns = f", with{'' if endpoint.private_dns else 'out'} private DNS" if endpoint.kind == INTERFACE else ""
    return f"{endpoint.kind} endpoint for {SERVICES[endpoint.service]}, {endpoint.state}{dns}"


@check("network-path.private-names", title="The VPC's private DNS attributes can be read", docs=links.PRIVATE_NAMES)
def private_names(subnets: TaskSubnets, found: VpcEndpoints, ec2: Ec2) -> Given[PrivateNames]:
    """Reads `enableDnsSupport` and `enableDnsHostnames`, if an interface endpoint has private DNS.

    network-path.s3 and the checks of the other services decide whether the task needs them.

    Why: without both, a service's public host name resolves to its public addresses in spite of the endpoint.

    Fix: Allow `ec2:DescribeVpcAttribute`.
    """
    if not any(endpoint.private_dns for endpoint in found.endpoints):
        return Given(PrivateNames(), passed(f"no endpoint for {_USED} has private DNS"))
    off = tuple(name for name in _ATTRIBUTES if not ec2.vpc_attribute(subnets.vpc.id, name))
    names = " and ".join(off or _ATTRIBUTES)
    text = f"{subnets.vpc.id} has {names} {'off, so private DNS has no effect' if off else 'on'}"
    return Given(PrivateNames(off), passed(text))


@check(
    "network-path.security-groups",
    title="The task's and the endpoints' security groups can be read",
    docs=links.FARGATE_ENDPOINTS,
)
def security_groups(network: Network, subnets: TaskSubnets, found: VpcEndpoints, ec2: Ec2) -> Result[PathGroups]:
    """Reads the task's security groups and those of the endpoints, with the prefix lists in their rules.

    A service without security groups uses the default group of its VPC. network-path.s3 and the checks of the other
    services evaluate the rules.

    Why: the task's groups must allow outbound TCP 443, and an endpoint's groups must allow it inbound.

    Fix: Allow `ec2:DescribeSecurityGroups` and `ec2:GetManagedPrefixListEntries`.
    """
    try:
        task = groups_of_task(network, subnets, ec2)
        others = {id for endpoint in found.endpoints for id in endpoint.groups} - {group.id for group in task}
        theirs = vpc_network.security_groups(tuple(sorted(others)), ec2)
    except NotFound as error:  # reported by network-access.security-groups, or owned by another account
        return skipped(f"not all security groups are visible from this account: {error.text}")
    if not task and not theirs:
        return skipped("the task's security groups are not known, and no endpoint has any")
    rules = [rule for group in task for rule in group.egress]
    rules += [rule for group in (*task, *theirs) for rule in group.ingress]
    lists = prefix_lists(dict.fromkeys(id for rule in rules for id in rule.prefix_lists), ec2)
    names = ", ".join(group.id for group in (*task, *theirs))
    return Given(PathGroups(task, theirs, tuple(lists.items())), passed(names))
