"""The paths from each of the task's subnets to S3, Secrets Manager, ECR and CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import (
    CheckId,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Row,
    ShowsAs,
    Status,
    alternatives,
    bundle,
    check,
    deferred_to,
    failed,
    if_several,
    in_words,
    one_after_the_other,
    passed,
    skipped,
)
from gmsa_doctor.core.severity import worst
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.shared_values import CredSpecObject
from gmsa_doctor.given.subject import AwsPlace, Network, Platform
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.network_path.acls import ON_EC2
from gmsa_doctor_checks.network_path.first_pulls import first_pull
from gmsa_doctor_checks.network_path.needs import OF_ECR, TaskRequests, needed, public_registries
from gmsa_doctor_checks.network_path.paths import PathSearch, VpcView
from gmsa_doctor_checks.network_path.zones import PrivateZones, ZoneReader, by_zone, may_matter
from gmsa_doctor_checks.reachability.attribution import Report, blame, report
from gmsa_doctor_checks.reachability.flow import Flow
from gmsa_doctor_checks.reachability.obstacles import Fault, GroupsOfTask, Layer, RoutesToHosts
from gmsa_doctor_checks.reachability.services import PUBLIC_REGISTRY, ServicePath, ServicePaths, service_name
from gmsa_doctor_checks.values import ImageSettings, SecretObject
from gmsa_doctor_checks.versions import FARGATE_ONLY, may_run_on_fargate
from gmsa_doctor_checks.vpc_dns.values import VpcDns, VpcResolver

_S3, _SECRETS, _ECR, _LOGS, _SSM, _PUBLIC = map(
    CheckId,
    (
        "network-path.s3",
        "network-path.secrets-manager",
        "network-path.ecr",
        "network-path.logs",
        "network-path.systems-manager",
        "network-path.public-registry",
    ),
)
_OF = {
    _S3: ("s3",),
    _SECRETS: ("secretsmanager",),
    _ECR: OF_ECR,
    _LOGS: ("logs",),
    _SSM: ("ssm",),
    _PUBLIC: (PUBLIC_REGISTRY,),
}
"""The services of each check; a fault that several share is reported by the first of them."""
_GROUPS, _ROUTES = CheckId("network-access.security-groups"), CheckId("network-access.routes")
_DNS = CheckId("dhcp-options.domain-name-servers")


@check(
    "network-path.services",
    title="Paths from the task's subnets to AWS services are known",
    docs=links.FARGATE_ENDPOINTS,
)
def services(
    network: Network,
    definition: TaskDefinition,
    platform: Platform,
    view: VpcView,
    requests: TaskRequests,
    zone_reader: ZoneReader,
) -> Result[ServicePaths]:
    """Combines routes, gateways, endpoints with their policies, and security groups, for each subnet and service.

    If a path is closed, it also looks for private hosted zones that point the service's name to an endpoint in another
    VPC.

    On Fargate the task's own network interface connects to S3 (the CredSpec), Secrets Manager, CloudWatch Logs (log
    driver `awslogs`) and ECR (images). On EC2 the container instance does, from a subnet that is not known here. If the
    launch type is unknown, what fails on Fargate is a warning.

    Why: without these paths the task does not start, and the message rarely says which part of the network is at fault.

    Fix: See network-path.s3, network-path.secrets-manager, network-path.ecr and network-path.logs.
    """
    if not may_run_on_fargate(platform, definition):
        return skipped(ON_EC2)
    place, groups = view.place, view.groups.value
    ids = tuple(group.id for group in groups.task) if groups else network.security_groups
    access = requests.access(ids, place)
    found = [
        (search, search.path() if here else search.path_abroad(), here)
        for service, here in needed(definition, place)
        for subnet in view.subnets.subnets
        for search in (PathSearch(view, access, subnet, Flow(subnet.id, service)),)
    ]
    zones: PrivateZones | None = None
    paths: list[ServicePath] = []
    for search, path, here in found:
        if here and may_matter(view, path):
            zones = zones or zone_reader.zones_of(view.subnets.vpc.id, place)
            path = by_zone(search, path, zones, zone_reader)
        paths.append(path)
    roots = iter(blame([path.faults for path in paths if path.faults]))
    blamed = tuple(replace(path, faults=next(roots)) if path.faults else path for path in paths)
    unknown_exits = None if view.exits.value else view.exits.finding
    doubt = "" if platform.launch else FARGATE_ONLY
    to_public = ((subnet, Flow(subnet.id, PUBLIC_REGISTRY)) for subnet in view.subnets.subnets)
    exits = (PathSearch(view, access, subnet, flow).path() for subnet, flow in to_public)
    value = ServicePaths(blamed, unknown_exits, doubt, tuple(exits))
    return Given(value, passed(f"evaluated for {', '.join(_list(paths))}{doubt}"))


@bundle
@dataclass(frozen=True)
class OtherReports:
    """The results of checks that may report the same fault, since it also blocks the AD.

    One change, such as a deleted default route or deleted outbound rules, is one root cause.
    """

    groups: Outcome[GroupsOfTask]
    routes: Outcome[RoutesToHosts]
    dns: Outcome[VpcDns]
    resolver: Outcome[VpcResolver]

    def reports(self, *, everywhere: bool) -> Iterable[Report]:
        """``everywhere``: the paths are blocked in each subnet, which is worse than a warning."""
        yield report(_GROUPS, self.groups)
        off = self.resolver.value is not None and not self.resolver.value.on  # otherwise it fails for another reason
        if off and self.dns.finding.status is Status.FAIL:
            yield Report(_DNS, (Fault(Layer.DNS, "enableDnsSupport"),))
        yield report(_ROUTES, self.routes, even_warned=not everywhere)


@check(
    "network-path.s3",
    title="Tasks in each subnet can reach S3",
    docs=links.FARGATE_ENDPOINTS,
    shows=(texts.NOT_RETRIEVED, texts.NO_REGISTRY),
)
def s3(paths: ServicePaths, found: Outcome[CredSpecObject], others: OtherReports, vantage: Vantage) -> Finding:
    """Checks the path to S3 from each of the task's subnets.

    The path is a gateway endpoint on the subnet's route table, an interface endpoint with private DNS, or a route out
    of the VPC. A fault that also blocks other services is reported here only.

    Why: Credentials Fetcher reads the CredSpec from S3 over the task's network interface. If only some subnets have a
    path, tasks fail intermittently.

    Fix: Add the subnet's route table to a gateway endpoint for S3, or add a default route through a NAT gateway.
    """
    seen = bool(vantage.inside and found.value and not found.value.location.file)
    return _Paths(_S3, paths, texts.NOT_RETRIEVED, CheckId("credspec.object"), seen).finding(others)


@check(
    "network-path.secrets-manager",
    title="Tasks in each subnet can reach Secrets Manager",
    docs=links.FARGATE_ENDPOINTS,
    shows=(texts.SECRET, texts.NO_REGISTRY),
)
def secrets_manager(
    paths: ServicePaths, found: Outcome[SecretObject], others: OtherReports, vantage: Vantage
) -> Finding:
    """Checks the path to Secrets Manager from each of the task's subnets.

    The path is an interface endpoint with private DNS, or a route out of the VPC.

    Why: Credentials Fetcher reads the user's password from Secrets Manager over the task's network interface. If only
    some subnets have a path, tasks fail intermittently.

    Fix: Create an interface endpoint with private DNS whose security groups allow TCP 443 from the task, or
    default routes through a NAT gateway.
    """
    seen = bool(vantage.inside and found.value)
    return _Paths(_SECRETS, paths, texts.SECRET, CheckId("secret.value"), seen).finding(others)


@check(
    "network-path.ecr",
    title="Tasks in each subnet can reach ECR",
    docs=links.ECR_ENDPOINTS,
    shows=(texts.NO_REGISTRY, texts.NO_IMAGE),
)
def ecr(paths: ServicePaths, others: OtherReports) -> Finding:
    """Checks the paths to ECR from each of the task's subnets, if an image comes from ECR.

    A pull needs three paths: to ECR's API, to its registry, and to S3, where ECR stores image layers.

    Why: without one of the three the image cannot be pulled, and the task does not start.

    Fix: Create interface endpoints for `ecr.api` and `ecr.dkr` and a gateway endpoint for S3, or default routes through
    a NAT gateway.
    """
    if not paths.to(*_OF[_ECR]):
        return passed("no image comes from ECR")
    token_blocked = any(path.blocked and path.service == "ecr.api" for path in paths.to(*_OF[_ECR]))
    return _Paths(_ECR, paths, texts.NO_REGISTRY if token_blocked else texts.NO_IMAGE).finding(others)


@check(
    "network-path.logs",
    title="Tasks in each subnet can reach CloudWatch Logs",
    docs=links.AWSLOGS,
    shows=(texts.NO_LOGGER,),
)
def logs(paths: ServicePaths, others: OtherReports) -> Finding:
    """Checks the path to CloudWatch Logs from each of the task's subnets, if a container uses the log driver `awslogs`.

    Why: the driver creates the log stream before the container starts; if it cannot, the task does not start.

    Fix: Create an interface endpoint for `logs`, or default routes through a NAT gateway.
    """
    if not paths.to(*_OF[_LOGS]):
        return passed("no container uses the log driver awslogs")
    return _Paths(_LOGS, paths, texts.NO_LOGGER).finding(others)


@check(
    "network-path.systems-manager",
    title="Tasks in each subnet can reach Systems Manager",
    docs=links.TASK_SECRETS,
    shows=(texts.NO_REGISTRY,),
)
def systems_manager(paths: ServicePaths, others: OtherReports) -> Finding:
    """Checks the path to Systems Manager from each of the task's subnets, if a container's `secrets` name a parameter.

    Why: on Fargate, ECS reads the parameters over the task's network interface before it starts the containers.

    Fix: Create an interface endpoint for `ssm`, or default routes through a NAT gateway.
    """
    if not paths.to(*_OF[_SSM]):
        return passed("no container's secrets name a parameter of Systems Manager")
    return _Paths(_SSM, paths, texts.NO_REGISTRY).finding(others)


@check(
    "network-path.public-registry",
    title="Tasks in each subnet can reach public registries",
    docs=links.ECR_ENDPOINTS,
)
def public_registry(
    paths: ServicePaths,
    definition: TaskDefinition,
    others: OtherReports,
    place: AwsPlace,
    image: Outcome[ImageSettings],
) -> Finding:
    """Checks the route out of the VPC from each of the task's subnets, if an image comes from a public registry.

    Public registries are Docker Hub (also for a name without a registry), Amazon ECR Public, and other well-known ones.
    An image that ECR has yet to import by a pull through cache rule needs the same route: without it, it is a warning.

    Why: no VPC endpoint serves them, so a task in a subnet without a route to the internet cannot pull the image.

    Fix: Copy the image to a private ECR repository, or add a default route through a NAT gateway.
    """
    if not paths.to(*_OF[_PUBLIC]):
        return first_pull(paths, place, image) or passed("no image comes from a public registry")
    finding = _Paths(_PUBLIC, paths, None).finding(others)
    hosts = in_words(public_registries(definition))
    return replace(finding, summary=finding.summary.replace(service_name(PUBLIC_REGISTRY), hosts))


@dataclass(frozen=True)
class _Paths:
    """The paths to the services of a check. ``seen``: the service answered inside."""

    id: CheckId
    all: ServicePaths
    shows_as: ShowsAs | None
    overruled_by: CheckId | None = None
    seen: bool = False

    def finding(self, others: OtherReports) -> Finding:
        """The finding, or a reference to the check that reports the same fault."""
        paths = self.all.to(*_OF[self.id])
        subnets = dict.fromkeys(path.flow.subnet for path in paths)
        worst_of = [worst(path for path in paths if path.flow.subnet == subnet) for subnet in subnets]
        bad = [path for path in worst_of if path.blocked]
        rows = if_several(tuple(path.row for path in (_named(worst_of) if len(_OF[self.id]) > 1 else worst_of)))
        if len({path.service for path in bad}) > 1:
            bad = _named(bad)
        everywhere = len(bad) == len(worst_of)
        if not bad:
            return self._passed(paths, rows)
        if elsewhere := _reported_by(bad, others.reports(everywhere=everywhere)):
            return deferred_to(elsewhere, f"{_why(bad)}; same cause as {elsewhere}", fix=_first_fix(bad))
        if before := _reported_by(bad, self._checks_before()):
            return deferred_to(before, f"skipped: same cause as {before}")
        causes = {path.faults[0] for path in bad}
        also = [path for path in self.all.paths if causes & {*path.faults[:1]} and path.service not in _OF[self.id]]
        services, why = in_words(_list([*bad, *also])), _why(bad)
        finding = failed(
            f"tasks cannot reach {services}: {why}",
            observed=f"{why}{self._open()}",
            expected=f"{self._endpoint(services)}a route out of the VPC",
            fix=_fix([*bad, *also]),
            shows_as=self.shows_as,
            rows=rows,
            overruled_by=self.overruled_by,
        )
        if self.all.doubt:
            finding = finding.to_warning(self.all.doubt)
        if not everywhere:
            summary = (
                f"tasks in {', '.join(path.subnet_name for path in bad)} cannot reach {services}; tasks in the other "
                f"subnets can, so deployments fail intermittently: {why}"
            )
        elif self.seen or any(path.status is not Status.FAIL for path in bad):
            but = "; but a request from this task succeeded" if self.seen else ""
            summary = f"tasks probably cannot reach {services}: {why}{but}"
        else:
            return finding
        return replace(finding.to_warning(), summary=f"{summary}{self.all.doubt}", shows_as=None)

    def _open(self) -> str:
        """The services that tasks in each subnet can reach: they need no other endpoint."""
        not_open = {path.service for path in self.all.paths if path.status is not Status.PASS}
        reached = [path for path in self.all.paths if path.service not in not_open]
        return f"; tasks can reach {in_words(_list(reached))}" if reached else ""

    def _endpoint(self, services: str) -> str:
        if self.id == _PUBLIC:
            return ""
        return f"endpoints for {services} that allow the task, or "

    def _checks_before(self) -> Iterable[Report]:
        for id in list(_OF)[: list(_OF).index(self.id)]:
            by_status: dict[Status, list[Fault]] = {}
            for path in self.all.to(*_OF[id]):
                by_status.setdefault(path.status, []).extend(path.faults[:1])
            yield Report(id, by_status.get(Status.FAIL, ()), by_status.get(Status.WARN, ()))

    def _passed(self, paths: Sequence[ServicePath], rows: tuple[Row, ...]) -> Finding:
        """Skipped if the path is not known in any subnet."""
        not_known = [path for path in paths if path.status is Status.SKIPPED]
        if not_known and self.all.unknown_exits:
            return deferred_to(self.all.unknown_exits, not_known[0].text)
        if not_known and len(not_known) == len(paths):
            fix = Fix("Ask the owner of the VPC, or use `gmsa-doctor run`, which connects from the task's subnets.")
            return skipped(not_known[0].text, fix=fix)
        return passed(_why(paths), rows=rows)


def _reported_by(bad: Sequence[ServicePath], reports: Iterable[Report]) -> CheckId | None:
    for other in reports:
        if all(other.explains(path.faults, certain=path.status is Status.FAIL) for path in bad):
            return other.check
    return None


def _named(paths: Iterable[ServicePath]) -> list[ServicePath]:
    """The paths, with the service's name in the text of each blocked one."""
    return [
        replace(path, text=f"{service_name(path.service)}: {path.text}") if path.blocked else path for path in paths
    ]


def _why(paths: Iterable[ServicePath]) -> str:
    return "; ".join(dict.fromkeys(path.text for path in paths))


def _list(paths: Iterable[ServicePath]) -> tuple[str, ...]:
    """The names of the services, in order; all three of ECR are one."""
    services = dict.fromkeys(path.service for path in paths)
    ecr = set(_OF[_ECR]) <= set(services)
    return tuple(dict.fromkeys("ECR" if ecr and name in _OF[_ECR] else service_name(name) for name in services))


def _fix(paths: Sequence[ServicePath]) -> Fix:
    """The fix of the first fault; if that is a route, endpoints for all services are the alternative."""
    fix = _first_fix(paths) or Fix("Create an endpoint for the service, or a route out of the VPC.")
    root = paths[0].faults[:1]
    if fix.owner or not root or root[0].layer is not Layer.ROUTE or not any(path.endpoint for path in paths):
        return fix
    missing = dict.fromkeys(path.endpoint for path in paths if path.endpoint and not path.endpoint_fix)
    others = list(dict.fromkeys(path.endpoint_fix for path in paths if path.endpoint_fix))
    if missing:
        noun = "endpoints" if len(missing) > 1 else "endpoint"
        text = f"If tasks need no other service outside the VPC, create the {noun} {in_words(missing)}."
        others.append(Fix(text, tuple(endpoint.command for endpoint in missing)))
    return alternatives(fix, one_after_the_other(*others), owner=fix.owner)


def _first_fix(paths: Iterable[ServicePath]) -> Fix | None:
    return next((path.fix for path in paths if path.fix), None)
