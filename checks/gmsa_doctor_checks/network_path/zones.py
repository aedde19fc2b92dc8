"""Private hosted zones that lead AWS's names to endpoints without private DNS, or in other networks.

Networks with endpoints in one VPC for all are made so.
Source: https://docs.aws.amazon.com/whitepapers/latest/building-scalable-secure-multi-vpc-network-infrastructure/centralized-access-to-vpc-private-endpoints.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gmsa_doctor.authoring import Status
from gmsa_doctor.clients.aws.route53 import Route53, Route53Profiles
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.aws.vpc_endpoint import INTERFACE
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.domain import is_part_of
from gmsa_doctor_checks.network_path.values import Way
from gmsa_doctor_checks.network_path.way_out import beside
from gmsa_doctor_checks.network_path.ways import LAYERS, Facts

_NAMES = {LAYERS: "s3", "ecr.api": "api.ecr", "ecr.dkr": "dkr.ecr"}
"""How a service's usual name begins, where that is not the last part of its endpoint service's name."""


@dataclass(frozen=True)
class Zones:
    """The names of the private hosted zones of a VPC; ``whole``: there are no others that were not looked at."""

    names: tuple[str, ...] = ()
    whole: bool = True


def may_matter(facts: Facts, way: Way) -> bool:
    """Whether a zone could open a way that is closed.

    Not where an endpoint has private DNS, which is a zone of its own, nor where there is nothing to be led to.
    """
    if way.status not in (Status.FAIL, Status.WARN):
        return False
    own = [one for one in facts.endpoints.of("s3" if way.service == LAYERS else way.service) if one.kind == INTERFACE]
    if any(one.private_dns for one in own):
        return False
    table = facts.routes.of(way.subnet)
    return any(one.available for one in own) or bool(table and beside(table))


def zones_of(vpc: str, place: AwsPlace, route53: Route53, profiles: Route53Profiles) -> Zones:
    """Those that are associated with a VPC. A Route 53 Profile may bring others."""
    try:
        names = tuple(route53.zones_of_vpc(vpc, place.region or ""))
    except ClientError:
        return Zones(whole=False)
    try:
        return Zones(names, not profiles.profiles_of_vpc(vpc))
    except ClientError:
        return Zones(names, whole=False)


def by_zone(way: Way, place: AwsPlace, zones: Zones) -> Way:
    """The way in the light of the zones: what a zone leads to is not looked at."""
    name = f"{_NAMES.get(way.service, way.service)}.{place.region}.amazonaws.com"
    name += ".cn" if place.partition == "aws-cn" else ""
    zone = next((one for one in zones.names if is_part_of(name, one) or is_part_of(one, name)), None)
    if zone:
        text = f"by the private hosted zone {zone}; what that leads to was not looked at"
        return Way(way.service, way.subnet, way.name, Status.PASS, text)
    if zones.whole or way.status is Status.WARN:
        return way
    text = f"{way.text}; whether a private hosted zone leads {name} to an endpoint could not be looked up"
    return replace(way, status=Status.WARN, text=text)
