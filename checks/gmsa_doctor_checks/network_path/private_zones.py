"""Private hosted zones that point AWS host names to endpoints without private DNS, or in other VPCs.

Networks with shared endpoints in one central VPC use them.
Source: https://docs.aws.amazon.com/whitepapers/latest/building-scalable-secure-multi-vpc-network-infrastructure/centralized-access-to-vpc-private-endpoints.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gmsa_doctor.authoring import Status, bundle
from gmsa_doctor.clients.aws.route53 import Route53, Route53Profiles
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.aws.vpc_endpoint import INTERFACE
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.domain import is_part_of
from gmsa_doctor_checks.network_path.exits import routes_elsewhere
from gmsa_doctor_checks.network_path.paths import VpcView
from gmsa_doctor_checks.reachability.services import ServicePath, endpoint_service, host_name


@dataclass(frozen=True)
class PrivateZones:
    """The names of a VPC's private hosted zones; ``whole``: there are no others."""

    names: tuple[str, ...] = ()
    whole: bool = True


@bundle
@dataclass(frozen=True)
class ZoneReader:
    """Reads private hosted zones."""

    route53: Route53
    profiles: Route53Profiles

    def zones_of(self, vpc: str, place: AwsPlace) -> PrivateZones:
        """The zones that are associated with a VPC. A Route 53 Profile may contain others."""
        names: tuple[str, ...] = ()
        try:
            names = tuple(self.route53.zones_of_vpc(vpc, place.region or ""))
            return PrivateZones(names, not self.profiles.profiles_of_vpc(vpc))
        except ClientError:
            return PrivateZones(names, whole=False)


def may_matter(view: VpcView, path: ServicePath) -> bool:
    """Whether a zone could open a blocked path: not if an endpoint has private DNS, or nothing else is reachable."""
    if not path.blocked:
        return False
    endpoints = view.endpoints.of(endpoint_service(path.service))
    own = [endpoint for endpoint in endpoints if endpoint.kind == INTERFACE]
    if any(endpoint.private_dns for endpoint in own):
        return False
    table = view.routes.of(path.flow.subnet)
    return any(endpoint.available for endpoint in own) or bool(table and routes_elsewhere(table))


def by_zone(path: ServicePath, place: AwsPlace, zones: PrivateZones) -> ServicePath:
    """The path with the zones taken into account; the addresses in a zone are not checked."""
    name = host_name(path.service, place)
    zone = next((zone for zone in zones.names if is_part_of(name, zone) or is_part_of(zone, name)), None)
    if zone:
        text = f"through the private hosted zone {zone}; the addresses in it were not checked"
        return replace(path, status=Status.PASS, text=text, faults=())
    if zones.whole or path.status is Status.WARN:
        return path
    text = f"{path.text}; not known whether a private hosted zone points {name} to an endpoint"
    return replace(path, status=Status.WARN, text=text)
