"""Whether a task gets from each of its subnets to S3, Secrets Manager, ECR and CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Row,
    ShowsAs,
    Status,
    check,
    failed,
    passed,
    skipped,
    stands_behind,
    warned,
)
from gmsa_doctor.clients.aws.route53 import Route53, Route53Profiles
from gmsa_doctor.formats.aws.arn import ArnError, RoleArn, parse_role_arn
from gmsa_doctor.formats.aws.image_name import ecr_repository
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.shared_values import CredSpecLocation, CredSpecObject, ExecutionRole, LinkedSecret
from gmsa_doctor.given.subject import AwsPlace, Launch, Network, Platform
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.network_access.values import GroupsOfTask, Ways
from gmsa_doctor_checks.network_path.elsewhere import Elsewhere, by_their_exit
from gmsa_doctor_checks.network_path.values import (
    PathGroups,
    PrivateNames,
    ServicePaths,
    VpcEndpoints,
    Way,
    WaysOut,
)
from gmsa_doctor_checks.network_path.ways import LAYERS, Asked, Facts, egress_of, service_name, way, way_to_elsewhere
from gmsa_doctor_checks.network_path.zones import by_zone, may_matter, zones_of
from gmsa_doctor_checks.values import DhcpOptions, SecretObject
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import own_servers
from gmsa_doctor_checks.vpc_dns.values import VpcDns, VpcResolver
from gmsa_doctor_checks.vpc_values import SubnetRoutes, TaskSubnets

_S3, _SECRETS, _ECR, _LOGS = "network-path.s3", "network-path.secrets-manager", "network-path.ecr", "network-path.logs"
_OF = {_S3: ("s3",), _SECRETS: ("secretsmanager",), _ECR: ("ecr.api", "ecr.dkr", LAYERS), _LOGS: ("logs",)}
"""The services that a check is about; a fault that several have in common is told by the first of them."""


@check(
    "network-path.services",
    title="The ways from the task's subnets to AWS's services are known",
    docs=links.FARGATE_ENDPOINTS,
)
def services(
    network: Network,
    definition: TaskDefinition,
    platform: Platform,
    place: AwsPlace,
    subnets: TaskSubnets,
    routes: SubnetRoutes,
    endpoints: VpcEndpoints,
    ways_out: Outcome[WaysOut],
    names: Outcome[PrivateNames],
    groups: Outcome[PathGroups],
    options: Outcome[DhcpOptions],
    role: Outcome[ExecutionRole],
    location: Outcome[CredSpecLocation],
    secret: Outcome[LinkedSecret],
    route53: Route53,
    profiles: Route53Profiles,
) -> Result[ServicePaths]:
    """Puts together routes, gateways, endpoints with their policies, and security groups, for each subnet and service.

    Where a way is closed that a private hosted zone could open, by leading to endpoints in another VPC, it asks for
    the zones of the VPC.

    On Fargate the task's own network interface is the way to S3 (the CredSpec), Secrets Manager, CloudWatch Logs
    (driver `awslogs`) and ECR (images). On EC2 instances the instance asks them, from a subnet that is not known here.

    Why: without a way to them the task does not start, and the message rarely says which part of the network it is.

    Fix: see network-path.s3, network-path.secrets-manager, network-path.ecr and network-path.logs.
    """
    if platform.launch is not Launch.FARGATE:
        return skipped("on EC2 instances the instance asks AWS's services, from a subnet that is not known here")
    asked = {}
    if location.value and location.value.bucket:
        asked["s3"] = Asked("s3:GetObject", location.value.arn)
    if secret.value:
        asked["secretsmanager"] = Asked("secretsmanager:GetSecretValue", secret.value.text)
    bucket = f"prod-{place.region}-starport-layer-bucket"
    asked[LAYERS] = Asked("s3:GetObject", f"arn:{place.partition}:s3:::{bucket}/layer")
    facts = Facts(
        place,
        subnets,
        routes,
        endpoints,
        ways_out.value,
        names.value,
        groups.value,
        tuple(one.id for one in groups.value.task) if groups.value else network.security_groups,
        options.value is None or bool(own_servers(options.value)),
        _role(role.value),
        asked,
    )
    found = tuple(
        (way if here else way_to_elsewhere)(facts, service, subnet)
        for service, here in _needed(definition, place)
        for subnet in subnets.subnets
    )
    elsewhere = {service for service, here in _needed(definition, place) if not here}
    open_to_zones = [one for one in found if one.service not in elsewhere and may_matter(facts, one)]
    if open_to_zones:
        zones = zones_of(subnets.vpc.id, place, route53, profiles)
        found = tuple(by_zone(one, place, zones) if one in open_to_zones else one for one in found)
    wanted = ", ".join(dict.fromkeys(service_name(one.service) for one in found))
    because = () if ways_out.value else stands_behind([ways_out.finding]).because
    return Given(
        ServicePaths(by_their_exit(found), because, egress_of(facts.groups_of_task)), passed(f"judged for {wanted}")
    )


def _role(role: ExecutionRole | None) -> RoleArn | None:
    try:
        return parse_role_arn(role.arn) if role else None
    except ArnError:
        return None


def _needed(definition: TaskDefinition, place: AwsPlace) -> Iterable[tuple[str, bool]]:
    """The services that the task asks, and whether those of its own region, which endpoints are for."""
    yield "s3", True
    yield "secretsmanager", True
    regions = {found.region for one in definition.containers if (found := ecr_repository(one.image or ""))}
    here = regions <= {place.region}
    yield from ((one, here) for one in _OF[_ECR] if regions)
    streams = [one.logs for one in definition.containers if one.logs]
    if streams:
        yield "logs", all(one.region in (None, place.region) for one in streams)


# The services ---------------------------------------------------------------------------------------


@check(
    _S3,
    title="Tasks get to S3 from each subnet",
    docs=links.FARGATE_ENDPOINTS,
    shows=(texts.NOT_RETRIEVED, texts.NO_REGISTRY),
)
def s3(
    paths: ServicePaths,
    found: Outcome[CredSpecObject],
    groups: Outcome[GroupsOfTask],
    ways: Outcome[Ways],
    dns: Outcome[VpcDns],
    resolver: Outcome[VpcResolver],
    vantage: Vantage,
) -> Finding:
    """Judges the way to S3 from each of the task's subnets.

    That is a gateway endpoint on the subnet's route table, an interface endpoint with private DNS, or a way out of the
    VPC. A fault that keeps tasks from other services too is told here alone.

    Why: Credentials Fetcher reads the CredSpec from S3 over the task's network interface. One wrong subnet of several
    makes tasks fail now and then.

    Fix: add the subnet's route table to a gateway endpoint for S3, or give it a way out by a NAT gateway.
    """
    seen = bool(vantage.inside and found.value and not found.value.location.file)
    return _judge(
        paths, _Told(_S3, texts.NOT_RETRIEVED, Elsewhere(groups, ways, dns, resolver), "credspec.object", seen)
    )


@check(
    _SECRETS,
    title="Tasks get to Secrets Manager from each subnet",
    docs=links.FARGATE_ENDPOINTS,
    shows=(texts.SECRET, texts.NO_REGISTRY),
)
def secrets_manager(
    paths: ServicePaths,
    found: Outcome[SecretObject],
    groups: Outcome[GroupsOfTask],
    ways: Outcome[Ways],
    dns: Outcome[VpcDns],
    resolver: Outcome[VpcResolver],
    vantage: Vantage,
) -> Finding:
    """Judges the way to Secrets Manager from each of the task's subnets.

    That is an interface endpoint with private DNS, or a way out of the VPC.

    Why: Credentials Fetcher reads the user's password from there, over the task's network interface. One wrong subnet
    of several makes tasks fail now and then.

    Fix: make an interface endpoint with private DNS whose groups admit TCP 443 from the task, or give the subnets a way
    out by a NAT gateway.
    """
    seen = bool(vantage.inside and found.value)
    return _judge(paths, _Told(_SECRETS, texts.SECRET, Elsewhere(groups, ways, dns, resolver), "secret.value", seen))


@check(_ECR, title="Tasks get to ECR from each subnet", docs=links.ECR_ENDPOINTS, shows=(texts.NO_REGISTRY,))
def ecr(
    paths: ServicePaths,
    groups: Outcome[GroupsOfTask],
    ways: Outcome[Ways],
    dns: Outcome[VpcDns],
    resolver: Outcome[VpcResolver],
) -> Finding:
    """Judges the way to ECR from each of the task's subnets, if an image comes from there.

    It takes three: to ECR's API, to the registry, and to S3, where the layers lie.

    Why: without one of the three the image is not pulled, and the task does not start.

    Fix: make interface endpoints for `ecr.api` and `ecr.dkr` and a gateway endpoint for S3, or give the subnets a way
    out by a NAT gateway.
    """
    return _judge(
        paths, _Told(_ECR, texts.NO_REGISTRY, Elsewhere(groups, ways, dns, resolver), none="no image comes from ECR")
    )


@check(_LOGS, title="Tasks get to CloudWatch Logs from each subnet", docs=links.AWSLOGS, shows=(texts.NO_LOGGER,))
def logs(
    paths: ServicePaths,
    groups: Outcome[GroupsOfTask],
    ways: Outcome[Ways],
    dns: Outcome[VpcDns],
    resolver: Outcome[VpcResolver],
) -> Finding:
    """Judges the way to CloudWatch Logs from each of the task's subnets, if a container uses the log driver `awslogs`.

    Why: the driver makes the log stream before the container starts; if it cannot, the task does not start.

    Fix: make an interface endpoint for `logs`, or give the subnets a way out by a NAT gateway.
    """
    none = "no container uses the log driver awslogs"
    return _judge(paths, _Told(_LOGS, texts.NO_LOGGER, Elsewhere(groups, ways, dns, resolver), none=none))


@dataclass(frozen=True)
class _Told:
    """The check that tells, and what it says beside. ``seen``: the service was asked from the task's place."""

    id: str
    shows_as: ShowsAs
    elsewhere: Elsewhere
    overruled_by: str | None = None
    seen: bool = False
    none: str = ""


def _judge(paths: ServicePaths, told: _Told) -> Finding:
    ways = paths.to(*_OF[told.id])
    if not ways:
        return passed(told.none)
    by_subnet = {one.subnet: _worst([other for other in ways if other.subnet == one.subnet]) for one in ways}
    bad = [one for one in by_subnet.values() if one.status in (Status.FAIL, Status.WARN)]
    rows = tuple(one.row for one in by_subnet.values())
    if not bad:
        return _well(ways, rows, paths.because)
    if other := told.elsewhere.tells(paths, bad, everywhere=len(bad) == len(rows)):
        why = "; ".join(dict.fromkeys(one.text for one in bad))
        fix = next((one.fix for one in bad if one.fix), None)
        return skipped(f"{why}: it is what {other} tells", fix=fix, because=(other,))
    if first := _told_before(paths, told.id, bad):
        return skipped(f"not judged by itself: it is what {first} tells", because=(first,))
    return _bad(paths, told, bad, rows)


def _well(ways: tuple[Way, ...], rows: tuple[Row, ...], because: tuple[str, ...]) -> Finding:
    """Where a way is not known in any subnet, the others do not tell whether tasks get there."""
    not_known = [one for one in ways if one.status is Status.SKIPPED]
    if not_known and (because or len(not_known) == len(ways)):
        fix = Fix("Ask who manages the VPC, or let gmsa-doctor run ask from there.")
        return skipped(not_known[0].text, fix=None if because else fix, because=because)
    return passed("; ".join(dict.fromkeys(one.text for one in ways)), rows=rows if len(rows) > 1 else ())


def _worst(ways: list[Way]) -> Way:
    """The first of the worst, with the service where there are several."""
    order = (Status.FAIL, Status.WARN, Status.SKIPPED, Status.PASS)
    worst = min(ways, key=lambda one: order.index(one.status))
    if len(ways) == 1 or worst.status is Status.PASS:
        return worst
    return replace(worst, text=f"{service_name(worst.service)}: {worst.text}")


def _told_before(paths: ServicePaths, id: str, bad: list[Way]) -> str | None:
    """The check before this one that tells of the same fault, at least as badly."""
    for other in list(_OF)[: list(_OF).index(id)]:
        theirs = {(one.subnet, one.by): one.status for one in paths.to(*_OF[other]) if one.by}
        if all(theirs.get((one.subnet, one.by)) in (one.status, Status.FAIL) for one in bad):
            return other
    return None


def _bad(paths: ServicePaths, told: _Told, bad: list[Way], rows: tuple[Row, ...]) -> Finding:
    causes = {one.by for one in bad}
    also = [one for one in paths.ways if one.by in causes and one.service not in _OF[told.id]]
    others = ", ".join(dict.fromkeys(service_name(one.service) for one in also))
    what = ", ".join(dict.fromkeys(service_name(one.service) for one in bad))
    why = "; ".join(dict.fromkeys(one.text for one in bad))
    beside = f" (and so it is for {others})" if others else ""
    fix = next((one.fix for one in bad if one.fix), Fix("Give the subnets a way to the service."))
    expected = "an endpoint for the service that admits the task, or a way out of the VPC"
    if len(bad) < len(rows):
        names = ", ".join(one.name for one in bad)
        return warned(
            f"tasks in {names} do not get to {what}{beside}, those in the other subnets do, so that tasks fail now and "
            f"then: {why}",
            observed=why,
            expected=expected,
            fix=fix,
            rows=rows,
        )
    shown = rows if len(rows) > 1 else ()
    if told.seen or any(one.status is not Status.FAIL for one in bad):
        but = "; but it was read from here" if told.seen else ""
        summary = f"tasks are likely not to get to {what}{beside}: {why}{but}"
        return warned(summary, observed=why, expected=expected, fix=fix, rows=shown)
    return failed(
        f"tasks do not get to {what}{beside}: {why}",
        observed=why,
        expected=expected,
        fix=fix,
        shows_as=told.shows_as,
        rows=shown,
        overruled_by=told.overruled_by,
    )
