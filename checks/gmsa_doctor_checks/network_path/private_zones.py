"""Private hosted zones that lead AWS's names to endpoints without private DNS, or in other networks.

Networks with endpoints in one VPC for all are made so.
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
    """The names of the private hosted zones of a VPC; ``whole``: there are no others that were not looked at."""

    names: tuple[str, ...] = ()
    whole: bool = True


@bundle
@dataclass(frozen=True)
class ZoneReader:
    """Where private hosted zones are read."""

    route53: Route53
    profiles: Route53Profiles

    def zones_of(self, vpc: str, place: AwsPlace) -> PrivateZones:
        """Those that are associated with a VPC. A Route 53 Profile may bring others."""
        names: tuple[str, ...] = ()
        try:
            names = tuple(self.route53.zones_of_vpc(vpc, place.region or ""))
            return PrivateZones(names, not self.profiles.profiles_of_vpc(vpc))
        except ClientError:
            return PrivateZones(names, whole=False)


def may_matter(view: VpcView, path: ServicePath) -> bool:
    """Whether a zone could open a path that is closed.

    Not where an endpoint has private DNS, which is a zone of its own, nor where there is nothing to be led to.
    """
    if not path.blocked:
        return False
    endpoints = view.endpoints.of(endpoint_service(path.service))
    own = [endpoint for endpoint in endpoints if endpoint.kind == INTERFACE]
    if any(endpoint.private_dns for endpoint in own):
        return False
    table = view.routes.of(path.flow.subnet)
    return any(endpoint.available for endpoint in own) or bool(table and routes_elsewhere(table))


def by_zone(path: ServicePath, place: AwsPlace, zones: PrivateZones) -> ServicePath:
    """The path in the light of the zones: what a zone leads to is not looked at."""
    name = host_name(path.service, place)
    zone = next((zone for zone in zones.names if is_part_of(name, zone) or is_part_of(zone, name)), None)
    if zone:
        text = f"by the private hosted zone {zone}; what that leads to was not looked at"
        return replace(path, status=Status.PASS, text=text, faults=())
    if zones.whole or path.status is Status.WARN:
        return path
    text = f"{path.text}; whether a private hosted zone leads {name} to an endpoint could not be looked up"
    return replace(path, status=Status.WARN, text=text)
