"""How the VPC resolver resolves the AD domain: by a Resolver rule, a private hosted zone, or a Route 53 Profile.

The most specific name of a rule or zone decides; a rule goes before a zone of the same name, and the VPC's own rules
and zones before those of a Profile. A zone that lacks the record answers NXDOMAIN.

Sources: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html and
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-overview-forward-vpc-to-network-domain-name-matches.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gmsa_doctor.authoring import bundle
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.route53 import MOST_RECORDS, Route53, Route53Profiles, Route53Resolver
from gmsa_doctor.core.errors import ClientError, Denied, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.hosted_zone import Answer, HostedZone, answer, name_of, read_hosted_zone
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.domain import is_part_of, srv_name
from gmsa_doctor_checks.values import DomainName
from gmsa_doctor_checks.vpc_dns.values import ForwardRule, ForwardTarget

Pair: TypeAlias = tuple[Mapping[str, Any], Mapping[str, Any]]
"""An association of a rule with a VPC, and the rule."""


@dataclass(frozen=True)
class Coverage:
    """The rule or the zone that resolves the domain.

    ``unread`` is what may resolve it but is not visible here. ``lacking`` is why an associated rule or zone does not
    resolve it; ``zone_in_way`` is the zone that must then be changed. ``errors`` are the lookups that failed.
    """

    rule: ForwardRule | None = None
    zone: HostedZone | None = None
    unread: str = ""
    lacking: str = ""
    zone_in_way: HostedZone | None = None
    errors: tuple[ClientError, ...] = ()

    @property
    def covers(self) -> bool:
        """Whether something resolves the domain, or may."""
        return bool(self.rule or self.zone or self.unread)

    @property
    def ruled_out(self) -> bool:
        """Whether certainly nothing resolves the domain."""
        return not (self.covers or self.errors)

    def __str__(self) -> str:
        return str(self.rule or self.zone or self.unread)


@dataclass(frozen=True)
class _Found:
    """The rules and zones of a VPC, its own or those of its Profiles; ``unread``: what is not visible here."""

    pairs: Sequence[Pair] = ()
    zones: Sequence[HostedZone] = ()
    unread: tuple[str, ...] = ()
    errors: tuple[ClientError, ...] = ()


@dataclass
class _Search:
    reader: ResolverReader
    vpc: str
    name: str
    lacking: list[str] = field(default_factory=list)
    in_way: HostedZone | None = None

    def among(self, found: _Found) -> Coverage | None:
        """What decides among rules and zones: None if nothing does, or if it is a zone without the record."""
        rule, specific = choose(found.pairs, self.name)
        self.lacking += refused(found.pairs, self.name)
        for zone in sorted(found.zones, key=lambda zone: -len(zone.name)):
            if not is_part_of(self.name, zone.name):
                continue
            if rule and len(zone.name) <= specific:
                break
            if coverage := self._by_zone(zone):
                return coverage
            if self.in_way:
                return None
        return Coverage(rule=rule) if rule else None

    def _by_zone(self, zone: HostedZone) -> Coverage | None:
        if not self.reader.ec2.vpc_attribute(self.vpc, "enableDnsHostnames"):
            self.lacking.append(f"{zone} has no effect, since enableDnsHostnames of {self.vpc} is off")
            return None
        account = self.reader.place.account
        if zone.owner and account and zone.owner != account:
            return Coverage(unread=f"{zone}, whose records only its owner {zone.owner} can read")
        records = self.reader.route53.records(zone.id)
        found = answer(records, self.name, "SRV")
        if found is Answer.RECORD:
            return Coverage(zone=zone)
        if found is Answer.UNCERTAIN or len(records) >= MOST_RECORDS:
            return Coverage(unread=f"{zone}, which has {Answer.UNCERTAIN} for {self.name}")
        self.in_way = zone
        self.lacking.append(f"{zone} has no record {self.name}, so it answers NXDOMAIN")
        return None


@bundle
@dataclass(frozen=True)
class ResolverReader:
    """Reads rules, zones and Profiles."""

    place: AwsPlace
    resolver: Route53Resolver
    route53: Route53
    profiles: Route53Profiles
    ec2: Ec2

    def coverage(self, vpc: str, domain: DomainName) -> Coverage:
        """What resolves the domain's SRV records for the resolver of a VPC."""
        search = _Search(self, vpc, srv_name(domain))
        found = self._of_vpc(vpc)
        errors = list(found.errors)
        unread: tuple[str, ...] = ()
        try:
            if not errors and (coverage := search.among(found)):
                return coverage
            if not errors and not search.in_way:
                shared = self._of_profiles(vpc)
                errors, unread = list(shared.errors), shared.unread
                if not errors and (coverage := search.among(shared)):
                    return coverage
        except ClientError as error:
            errors.append(error)
        lacking = "; ".join(search.lacking)
        return Coverage(None, None, "; ".join(unread), lacking, search.in_way, tuple(errors))

    def _of_vpc(self, vpc: str) -> _Found:
        """The VPC's own rules and zones.

        Associations with a VPC that were made in another account are not listed in this one.
        Source: https://docs.aws.amazon.com/Route53/latest/APIReference/API_route53resolver_ListResolverRuleAssociations.html
        """
        errors: list[ClientError] = []
        pairs: list[Pair] = []
        zones: list[HostedZone] = []
        try:
            pairs = self._with_rules(self.resolver.rules_of_vpc(vpc))
        except ClientError as error:
            errors.append(error)
        try:
            zones = list(map(read_hosted_zone, self.route53.zones_of_vpc(vpc, self.place.region or "")))
        except ClientError as error:
            errors.append(error)
        return _Found(pairs, zones, errors=tuple(errors))

    def _with_rules(self, associations: Sequence[Mapping[str, Any]]) -> list[Pair]:
        """The rules of associations: all are listed at once, and only what the list lacks is read separately.

        Resolver allows five requests a second and account. Raises ClientError.
        Source: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests
        """
        if not associations:
            return []
        known = {str(rule["Id"]): rule for rule in self.resolver.rules()}
        ids = [str(association["ResolverRuleId"]) for association in associations]
        pairs: list[Pair] = []
        read = dict(each([id for id in ids if id not in known], self.resolver.rule))
        for association, id in zip(associations, ids, strict=True):
            rule = known.get(id) or read[id]
            if isinstance(rule, ClientError):
                raise rule
            pairs.append((association, rule))
        return pairs

    def _of_profiles(self, vpc: str) -> _Found:
        """The rules and zones of the VPC's Profiles. Those of other accounts may not be visible."""
        pairs: list[Pair] = []
        zones: list[HostedZone] = []
        unread: list[str] = []
        try:
            for profile in self.profiles.profiles_of_vpc(vpc):
                for arn in self.profiles.resources(profile):
                    try:
                        pairs += self._rule(arn)
                        zones += self._zone(arn)
                    except (Denied, NotFound):
                        unread.append(f"the Route 53 Profile {profile} with {arn}, which is not visible here")
        except ClientError as error:
            return _Found(errors=(error,))
        return _Found(pairs, zones, tuple(unread))

    def _rule(self, arn: str) -> Iterator[Pair]:
        kind, _, id = arn.rpartition(":")[2].partition("/")
        if kind == "resolver-rule":
            yield {}, self.resolver.rule(id)

    def _zone(self, arn: str) -> Iterator[HostedZone]:
        """The zone with its name, which only its records show."""
        kind, _, id = arn.rpartition(":")[2].partition("/")
        if kind == "hostedzone" and (name := name_of(self.route53.records(id))):
            yield HostedZone(id, name)


def choose(pairs: Sequence[Pair], name: str) -> tuple[ForwardRule | None, int]:
    """The FORWARD rule for a name, and how specific it is.

    The most specific rule applies; a SYSTEM rule excludes a part of the domain again.
    """
    matching = [
        (association, rule)
        for association, rule in pairs
        if rule.get("RuleType") in ("FORWARD", "SYSTEM")
        and is_part_of(name, _domain(rule))
        and not _broken(association, rule)
    ]
    association, best = max(matching, key=lambda pair: len(_domain(pair[1])), default=({}, None))
    if best is None or best["RuleType"] != "FORWARD":
        return None, -1
    return _forward_rule(association, best), len(_domain(best))


def refused(pairs: Sequence[Pair], name: str) -> list[str]:
    """Why FORWARD rules for a name do not apply."""
    return [
        f"the Resolver rule {rule['Id']} exists, but {why}"
        for association, rule in pairs
        if rule.get("RuleType") == "FORWARD" and is_part_of(name, _domain(rule)) and (why := _broken(association, rule))
    ]


def _domain(rule: Mapping[str, Any]) -> str:
    return str(rule.get("DomainName", "")).rstrip(".")


def _broken(association: Mapping[str, Any], rule: Mapping[str, Any]) -> str | None:
    for name, raw in (("its association with the VPC", association), ("it", rule)):
        if raw.get("Status") in ("FAILED", "DELETING"):
            word = "has failed" if raw["Status"] == "FAILED" else "is being deleted"
            message = raw.get("StatusMessage")
            return f"{name} {word}{f' ({message})' if message else ''}"
    return None


def _pending(association: Mapping[str, Any], rule: Mapping[str, Any]) -> str | None:
    for name, raw in (("association", association), ("rule", rule)):
        if raw.get("Status") not in (None, "", "COMPLETE"):
            return f"its {name} is {raw['Status']}"
    return None


def _forward_rule(association: Mapping[str, Any], rule: Mapping[str, Any]) -> ForwardRule:
    shared = rule.get("ShareStatus") == "SHARED_WITH_ME"
    return ForwardRule(
        id=str(rule["Id"]),
        domain=str(rule["DomainName"]),
        targets=tuple(map(_target, rule.get("TargetIps", ()))),
        endpoint=rule.get("ResolverEndpointId"),
        owner=str(rule.get("OwnerId") or "unknown") if shared else None,
        pending=_pending(association, rule),
    )


def _target(raw: Mapping[str, Any]) -> ForwardTarget:
    """An entry of TargetIps. DNS over HTTPS uses no UDP."""
    https = str(raw.get("Protocol") or "").startswith("DoH")
    return ForwardTarget(str(raw.get("Ip") or raw.get("Ipv6")), int(raw.get("Port") or (443 if https else 53)), https)
