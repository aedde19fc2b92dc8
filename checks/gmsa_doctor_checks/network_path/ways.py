"""How tasks in a subnet get to a service of AWS: by an endpoint, or by the way out of the VPC. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network

from gmsa_doctor.authoring import Fix, Status
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.formats.aws.iam_policy_document import PolicyError, PolicyRequest, rule
from gmsa_doctor.formats.aws.packet_filter import Packets, Protocol
from gmsa_doctor.formats.aws.route_table import EVERYWHERE, is_public
from gmsa_doctor.formats.aws.security_group import admit, by_ipv6
from gmsa_doctor.formats.aws.vpc_endpoint import GATEWAY, INTERFACE, VpcEndpoint
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_path.endpoints import SERVICES
from gmsa_doctor_checks.network_path.values import Exit, PathGroups, PrivateNames, VpcEndpoints, Way, WaysOut
from gmsa_doctor_checks.vpc_values import SubnetRoutes, TaskSubnet, TaskSubnets

LAYERS = "layers"
"""The layers of ECR's images lie in S3: asked like S3, and for an object of its own."""
_PORT = 443
_HTTPS = Packets(Protocol.TCP, EVERYWHERE, _PORT, _PORT)


@dataclass(frozen=True)
class Asked:
    """What the task does at a service, as an endpoint's policy sees it."""

    action: str
    resource: str


@dataclass(frozen=True)
class Facts:
    """What the judgement rests on. What is None is not known; ``own_dns``: the VPC's tasks may ask other DNS servers.

    ``asked`` is by service; ``groups_of_task`` are the ids, also where the groups cannot be read.
    """

    place: AwsPlace
    subnets: TaskSubnets
    routes: SubnetRoutes
    endpoints: VpcEndpoints
    ways_out: WaysOut | None = None
    names: PrivateNames | None = None
    groups: PathGroups | None = None
    groups_of_task: tuple[str, ...] = ()
    own_dns: bool = True
    role: RoleArn | None = None
    asked: Mapping[str, Asked] = field(default_factory=dict)


def way(facts: Facts, service: str, subnet: TaskSubnet) -> Way:
    """The way from a subnet to a service of the task's region."""
    if not subnet.cidr:
        return Way(service, subnet.id, str(subnet), Status.SKIPPED, f"{subnet.id} has no IPv4, and is not judged")
    endpoints = facts.endpoints.of("s3" if service == LAYERS else service)
    in_use = [one for one in endpoints if one.kind == INTERFACE and one.private_dns]
    if in_use and not (facts.names and facts.names.off):
        found = next((one for one in in_use if one.available), in_use[0])  # those deleted are listed for a while
        return _by_interface(facts, service, subnet, found)
    return _by_public_addresses(facts, service, subnet, endpoints)


def way_to_elsewhere(facts: Facts, service: str, subnet: TaskSubnet) -> Way:
    """The way to a service of another region, which an endpoint may be for as well: that is not looked at."""
    found = _by_way_out(facts, service, subnet, ())
    if found.status is not Status.FAIL or not facts.endpoints.abroad:
        return found
    text = (
        f"{found.text}; whether an endpoint of {facts.subnets.vpc.id} for another region leads there was not looked at"
    )
    return replace(found, status=Status.WARN, text=text)


def _by_public_addresses(facts: Facts, service: str, subnet: TaskSubnet, endpoints: tuple[VpcEndpoint, ...]) -> Way:
    table = facts.routes.of(subnet.id)
    for one in endpoints:
        if one.kind == GATEWAY and table and table.id in one.route_tables:
            return _by_gateway(facts, service, subnet, one)
    return _by_way_out(facts, service, subnet, endpoints)


# By an endpoint -------------------------------------------------------------------------------------


def _by_interface(facts: Facts, service: str, subnet: TaskSubnet, endpoint: VpcEndpoint) -> Way:
    found = _at_interface(facts, service, subnet, endpoint)
    if not facts.own_dns:
        return found
    if found.status is not Status.FAIL:
        others = tuple(one for one in facts.endpoints.of("s3" if service == LAYERS else service) if one != endpoint)
        other = _by_public_addresses(facts, service, subnet, others)
        return replace(found, only_by=endpoint.id if other.status in (Status.FAIL, Status.WARN) else "")
    out = _by_way_out(facts, service, subnet, ())
    if out.status is not Status.PASS:
        return found
    text = f"{found.text}; it is a way only if the task's DNS servers give the service's public addresses"
    return replace(found, status=Status.WARN, text=text)


def _at_interface(facts: Facts, service: str, subnet: TaskSubnet, endpoint: VpcEndpoint) -> Way:
    name = f"the endpoint {endpoint.id}"
    if not endpoint.available or not endpoint.subnets:
        state = "in no subnet" if endpoint.available else endpoint.state
        fix = Fix(
            f"Make {endpoint.id} available, or make another endpoint for the service.", (_describe(facts, endpoint),)
        )
        return _closed(subnet, service, f"{name} is {state}", endpoint.id, fix)
    if shut := _group_shut(facts, service, subnet, endpoint):
        return shut
    in_vpc = tuple(map(IPv4Network, facts.subnets.vpc.cidrs))
    to_endpoint = _lets_out(
        facts, subnet, lambda network: any(network.overlaps(one) for one in in_vpc), endpoint.groups
    )
    if not to_endpoint:
        return _closed(subnet, service, *_no_egress(facts, f"{name}"))
    if denied := _denied(facts, service, endpoint):
        return _closed(subnet, service, denied, endpoint.id, _fix_policy(facts, service, endpoint))
    dns = ", if the VPC's DNS servers ask the VPC's resolver for it" if facts.own_dns else ""
    return Way(service, subnet.id, str(subnet), Status.PASS, f"by {name}{dns}")


def _group_shut(facts: Facts, service: str, subnet: TaskSubnet, endpoint: VpcEndpoint) -> Way | None:
    """What the endpoint's groups keep out; None if nothing, or if it cannot be known."""
    known = facts.groups.named(endpoint.groups) if facts.groups else ()
    if not known or len(known) != len(set(endpoint.groups)) or facts.groups is None:
        return None
    asked = Packets(Protocol.TCP, IPv4Network(subnet.cidr), _PORT, _PORT)
    rules = [one for group in known for one in group.ingress]
    if subnet.ipv6 and by_ipv6(rules, asked):
        return None
    admission = admit(rules, asked, dict(facts.groups.prefix_lists), frozenset(facts.groups_of_task) or None)
    if admission.whole or admission.doubts:
        return None
    names = ", ".join(endpoint.groups)
    source = f"--source-group {posix(facts.groups_of_task[0])}" if facts.groups_of_task else f"--cidr {subnet.cidr}"
    fix = Fix(
        f"Let {names} of {endpoint.id} admit TCP {_PORT} from the task.",
        (
            f"aws ec2 authorize-security-group-ingress{facts.place.region_option} "
            f"--group-id {posix(endpoint.groups[0])} --protocol tcp --port {_PORT} {source}",
        ),
    )
    if sum(one.count for one in admission.missing) < asked.count:
        text = f"{names} of the endpoint {endpoint.id} admits TCP {_PORT} only from a part of {subnet.cidr}"
        return Way(service, subnet.id, str(subnet), Status.WARN, text, names, fix)
    text = f"{names} of the endpoint {endpoint.id} does not admit TCP {_PORT} from {subnet.cidr}"
    return _closed(subnet, service, text, names, fix)


def _by_gateway(facts: Facts, service: str, subnet: TaskSubnet, endpoint: VpcEndpoint) -> Way:
    name = f"the gateway endpoint {endpoint.id}"
    if not endpoint.available:
        out = _by_way_out(facts, service, subnet, ())
        return replace(out, text=f"{name} is {endpoint.state}; {out.text}")
    if not _lets_out(facts, subnet, is_public):
        return _closed(subnet, service, *_no_egress(facts, "S3's public addresses, which the gateway endpoint is for"))
    if denied := _denied(facts, service, endpoint):
        return _closed(subnet, service, denied, endpoint.id, _fix_policy(facts, service, endpoint))
    return Way(service, subnet.id, str(subnet), Status.PASS, f"by {name}")


def _denied(facts: Facts, service: str, endpoint: VpcEndpoint) -> str | None:
    """Why an endpoint's policy certainly refuses what is asked."""
    asked = facts.asked.get(service)
    if not asked or not facts.role or not endpoint.policy:
        return None
    context = {
        "aws:principalarn": (str(facts.role),),
        "aws:principalaccount": (facts.role.account,),
        "aws:principaltype": ("AssumedRole",),
        "aws:securetransport": ("true",),
        "aws:sourcevpc": (facts.subnets.vpc.id,),
        "aws:sourcevpce": (endpoint.id,),
        **({"aws:requestedregion": (facts.place.region,)} if facts.place.region else {}),
    }
    try:
        ruling = rule(endpoint.policy, PolicyRequest(facts.role, asked.action, asked.resource, context))
    except PolicyError:
        return None
    what = f"{asked.action} on {asked.resource}"
    if ruling.denies is True:
        by = f" ({ruling.denied_by})" if ruling.denied_by else ""
        return f"a statement{by} in the policy of the endpoint {endpoint.id} denies {what}"
    if ruling.allows is False and ruling.delegates is False:
        return f"the policy of the endpoint {endpoint.id} does not allow {what}"
    return None


# By the way out -------------------------------------------------------------------------------------


def _by_way_out(facts: Facts, service: str, subnet: TaskSubnet, unused: tuple[VpcEndpoint, ...]) -> Way:
    out = facts.ways_out.of(subnet.id) if facts.ways_out else None
    if out is None:
        return Way(service, subnet.id, str(subnet), Status.SKIPPED, "its way out of the VPC is not known")
    if out.exit is Exit.CLOSED:
        why, by, fix = _why_unused(facts, subnet, unused) or ("no endpoint", out.by, out.fix)
        text = f"{why}, and {out.text}"
        if facts.subnets.shared:
            text = f"{out.text}; whether {facts.subnets.vpc.owner}, who owns the VPC, has endpoints cannot be seen"
            return Way(service, subnet.id, str(subnet), Status.SKIPPED, text)
        if out.beside:
            beside = ", ".join(out.beside[:3])
            text = f"{text}; only an endpoint in another network could serve it, or what else is reached by {beside}"
            return Way(service, subnet.id, str(subnet), Status.WARN, text, by, fix, exit=out.by)
        return Way(service, subnet.id, str(subnet), Status.FAIL, text, by, fix, exit=out.by)
    anywhere = out.exit is Exit.ELSEWHERE or facts.subnets.shared  # the owner's endpoints are not seen
    if not _lets_out(facts, subnet, (lambda _: True) if anywhere else is_public):
        return _closed(subnet, service, *_no_egress(facts, "addresses outside the VPC"))
    return Way(service, subnet.id, str(subnet), Status.PASS, out.text)


def _why_unused(
    facts: Facts, subnet: TaskSubnet, unused: tuple[VpcEndpoint, ...]
) -> tuple[str, str, Fix | None] | None:
    """Why there is an endpoint, and it is of no use to the subnet; what has to be mended, and how."""
    if not unused:
        return None
    region, one = facts.place.region_option, unused[0]
    if one.kind == GATEWAY:
        table = facts.routes.of(subnet.id)
        name = table.id if table else "<route table>"
        command = (
            f"aws ec2 modify-vpc-endpoint{region} --vpc-endpoint-id {posix(one.id)} --add-route-table-ids {posix(name)}"
        )
        fix = Fix(f"Add {name} to the route tables of the gateway endpoint {one.id}.", (command,))
        return f"the gateway endpoint {one.id} is not on {name}", f"{one.id} on {name}", fix
    if one.private_dns and facts.names and facts.names.off:
        off = facts.names.off
        commands = tuple(
            f"aws ec2 modify-vpc-attribute{region} --vpc-id {posix(facts.subnets.vpc.id)} "
            f"--{'enable-dns-support' if name == 'enableDnsSupport' else 'enable-dns-hostnames'} Value=true"
            for name in off
        )
        what = " and ".join(off)
        fix = Fix(f"Turn on {what} of {facts.subnets.vpc.id}: the private DNS of endpoints needs it.", commands)
        return f"{what} of {facts.subnets.vpc.id} is off, so that the endpoint {one.id} is not found", what, fix
    command = f"aws ec2 modify-vpc-endpoint{region} --vpc-endpoint-id {posix(one.id)} --private-dns-enabled"
    fix = Fix(f"Turn on the private DNS of {one.id}.", (command,))
    text = f"the endpoint {one.id} has no private DNS, so that the service's usual name does not lead to it"
    return text, f"private DNS of {one.id}", fix


# Common ---------------------------------------------------------------------------------------------


def _closed(subnet: TaskSubnet, service: str, text: str, by: str, fix: Fix | None) -> Way:
    return Way(service, subnet.id, str(subnet), Status.FAIL, text, by, fix)


def _lets_out(
    facts: Facts, subnet: TaskSubnet, wanted: Callable[[IPv4Network], bool], peers: tuple[str, ...] = ()
) -> bool:
    """Whether the task's groups let it out to port 443 of anything that is wanted.

    Yes, where they are not known, or let it out by IPv6, which is not judged.
    """
    if not facts.groups or not facts.groups.task:
        return True
    if subnet.ipv6 and by_ipv6((one for group in facts.groups.task for one in group.egress), _HTTPS):
        return True
    lists = dict(facts.groups.prefix_lists)
    for one in (each for group in facts.groups.task for each in group.egress if each.covers(_HTTPS)):
        networks = (*one.networks, *(network for id in one.prefix_lists for network in lists.get(id, ())))
        if set(one.groups) & set(peers) or any(map(wanted, networks)):
            return True
    return False


def _no_egress(facts: Facts, what: str) -> tuple[str, str, Fix]:
    names = ", ".join(facts.groups_of_task)
    fix = Fix(
        f"Let {names} out to TCP {_PORT}.",
        (
            f"aws ec2 authorize-security-group-egress{facts.place.region_option} "
            f"--group-id {posix(facts.groups_of_task[0])} --protocol tcp --port {_PORT} --cidr 0.0.0.0/0",
        ),
    )
    return f"no outbound rule of {names} admits TCP {_PORT} to {what}", egress_of(facts.groups_of_task), fix


def egress_of(groups: tuple[str, ...]) -> str:
    """What has to be mended where the task's groups do not let it out."""
    return f"egress of {', '.join(groups)}"


def _fix_policy(facts: Facts, service: str, endpoint: VpcEndpoint) -> Fix:
    asked = facts.asked[service]
    return Fix(
        f"Let the policy of {endpoint.id} allow {asked.action} on {asked.resource}.",
        (_describe(facts, endpoint),),
    )


def _describe(facts: Facts, endpoint: VpcEndpoint) -> str:
    return f"aws ec2 describe-vpc-endpoints{facts.place.region_option} --vpc-endpoint-ids {posix(endpoint.id)}"


def service_name(service: str) -> str:
    """What people call it."""
    return "the layers of ECR's images in S3" if service == LAYERS else SERVICES[service]
