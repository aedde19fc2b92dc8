"""What leads a VPC's own resolver to the AD domain: a Resolver rule, a private hosted zone, a Route 53 Profile."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.authoring import bundle
from gmsa_doctor.clients.aws.route53 import Route53, Route53Profiles, Route53Resolver
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.domain import is_part_of
from gmsa_doctor_checks.values import DomainName
from gmsa_doctor_checks.vpc_dns.resolver_rule.targets import rule_for
from gmsa_doctor_checks.vpc_dns.values import ForwardRule


@dataclass(frozen=True)
class Leading:
    """The first of them that there is. ``profiles`` may hold both, or neither.

    ``void`` says why a rule that is associated does not count; ``in_the_way`` is what could not be looked up.
    """

    rule: ForwardRule | None = None
    zone: str = ""
    profiles: tuple[str, ...] = ()
    void: str = ""
    in_the_way: tuple[ClientError, ...] = ()


@bundle
@dataclass(frozen=True)
class ResolverReader:
    """Where rules, zones and Profiles are read."""

    place: AwsPlace
    resolver: Route53Resolver
    route53: Route53
    profiles: Route53Profiles

    def leading(self, vpc: str, domain: DomainName) -> Leading:
        """What leads the resolver of a VPC to a domain."""
        in_the_way: list[ClientError] = []
        void = ""
        try:
            rule = rule_for(vpc, domain, self.resolver)
            if isinstance(rule, ForwardRule):
                return Leading(rule=rule)
            void = rule or ""
        except ClientError as error:
            in_the_way.append(error)
        try:
            zones = self.route53.zones_of_vpc(vpc, self.place.region or "")
            if fitting := [zone for zone in zones if _can_hold(zone, domain)]:
                return Leading(zone=f"private hosted zone {fitting[0]}")
            if not in_the_way:
                return Leading(profiles=tuple(self.profiles.profiles_of_vpc(vpc)), void=void)
        except ClientError as error:
            in_the_way.append(error)
        return Leading(void=void, in_the_way=tuple(in_the_way))


def _can_hold(zone: str, domain: DomainName) -> bool:
    """Whether SRV records of the domain can be in a zone: its own, a parent's, or one such as ``_msdcs`` below it."""
    return is_part_of(domain.text, zone) or (is_part_of(zone, domain.text) and zone.startswith("_"))
