"""Endpoints in other VPCs, to which private hosted zones or a Route 53 Profile point the names of AWS services.

Sources: https://docs.aws.amazon.com/whitepapers/latest/building-scalable-secure-multi-vpc-network-infrastructure/centralized-access-to-vpc-private-endpoints.html
and https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/profiles.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gmsa_doctor.authoring import Status, bundle
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.route53 import Route53, Route53Profiles
from gmsa_doctor.core.errors import ClientError, Denied, NotFound
from gmsa_doctor.formats.aws.hosted_zone import HostedZone, addresses, name_of, read_hosted_zone
from gmsa_doctor.formats.aws.vpc_endpoint import INTERFACE
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.domain import is_part_of
from gmsa_doctor_checks.network_path.exits import routes_elsewhere
from gmsa_doctor_checks.network_path.paths import PathSearch, VpcView
from gmsa_doctor_checks.reachability.services import PUBLIC_REGISTRY, ServicePath, endpoint_service, host_name


@dataclass(frozen=True)
class PrivateZones:
    """A VPC's private hosted zones, its own first; ``endpoints``: interface endpoints of its Profiles.

    ``off``: zones have no effect. ``unknown`` is why there may be others.
    """

    zones: tuple[HostedZone, ...] = ()
    endpoints: tuple[str, ...] = ()
    off: bool = False
    unknown: str = ""


@bundle
@dataclass(frozen=True)
class ZoneReader:
    """Reads private hosted zones and Profiles."""

    route53: Route53
    profiles: Route53Profiles
    ec2: Ec2

    def zones_of(self, vpc: str, place: AwsPlace) -> PrivateZones:
        """The zones that are associated with a VPC, and the resources of its Route 53 Profiles."""
        zones: list[HostedZone] = []
        endpoints: list[str] = []
        unread = ""
        try:
            zones += map(read_hosted_zone, self.route53.zones_of_vpc(vpc, place.region or ""))
            off = bool(zones) and not self.ec2.vpc_attribute(vpc, "enableDnsHostnames")
            for arn in (arn for own in self.profiles.profiles_of_vpc(vpc) for arn in self.profiles.resources(own)):
                kind, _, id = arn.rpartition(":")[2].partition("/")
                if kind == "vpc-endpoint":
                    endpoints.append(id)
                elif kind == "hostedzone":
                    try:
                        zones.append(HostedZone(id, name_of(self.route53.records(id))))
                    except (Denied, NotFound):
                        unread = f"the zone {id} of a Route 53 Profile is not visible here"
        except ClientError as error:
            return PrivateZones(tuple(zones), tuple(endpoints), unknown=error.text)
        return PrivateZones(tuple(zones), tuple(endpoints), off, unread)

    def target(self, zone: HostedZone, name: str, account: str | None) -> tuple[tuple[str, ...], str] | None:
        """The addresses and the alias that a zone has for a name or for all names below it; None if not visible."""
        if zone.owner and account and zone.owner != account:
            return None
        records = self.route53.records(zone.id)
        own = addresses(records, name)
        return own if any(own) else addresses(records, f"*.{name}")


def may_matter(view: VpcView, path: ServicePath) -> bool:
    """Whether a zone could open a blocked path: not if an endpoint has private DNS, or nothing else is reachable."""
    if not path.blocked or path.service == PUBLIC_REGISTRY:
        return False
    endpoints = view.endpoints.of(endpoint_service(path.service))
    own = [endpoint for endpoint in endpoints if endpoint.kind == INTERFACE]
    if any(endpoint.private_dns for endpoint in own):
        return False
    table = view.routes.of(path.flow.subnet)
    return any(endpoint.available for endpoint in own) or bool(table and routes_elsewhere(table))


def by_zone(search: PathSearch, path: ServicePath, zones: PrivateZones, reader: ZoneReader) -> ServicePath:
    """The path with the zones and Profiles taken into account."""
    place = search.view.place
    name = host_name(path.service, place)
    found = [zone for zone in zones.zones if zone.name and (is_part_of(name, zone.name) or is_part_of(zone.name, name))]
    if found and zones.off:
        vpc = search.view.subnets.vpc.id
        return replace(path, text=f"{path.text}; {found[0]} has no effect, since enableDnsHostnames of {vpc} is off")
    if found:
        zone = max(found, key=lambda zone: len(zone.name))
        return _through(search, path, zone, name, reader)
    if zones.endpoints:
        text = f"through the interface endpoints of a Route 53 Profile ({', '.join(zones.endpoints[:3])})"
        return replace(path, status=Status.PASS, text=f"{text}; not checked which services these are for", faults=())
    if not zones.unknown or path.status is Status.WARN:
        return path
    text = f"{path.text}; not known whether a private hosted zone points {name} to an endpoint: {zones.unknown}"
    return replace(path, status=Status.WARN, text=text)


def _through(
    search: PathSearch, path: ServicePath, zone: HostedZone, name: str, reader: ZoneReader
) -> ServicePath:  # fmt: skip
    """The path to the addresses that a zone has for a service."""
    try:
        target = reader.target(zone, name, search.view.place.account)
    except ClientError:
        target = None
    if target is None:
        text = f"through {zone}; the addresses in it are not visible here"
        return replace(path, status=Status.PASS, text=text, faults=())
    values, alias = target
    if not values and not alias:
        return replace(path, text=f"{path.text}; {zone} has no address for {name}")
    return search.at_addresses(values, f"through {zone}, which points {name} to {', '.join(values) or alias}")
