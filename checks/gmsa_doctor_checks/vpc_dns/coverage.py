"""How the VPC resolver resolves the AD domain: by a Resolver rule, a private hosted zone, or a Route 53 Profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.authoring import bundle
from gmsa_doctor.clients.aws.route53 import Route53, Route53Profiles, Route53Resolver
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.domain import is_part_of
from gmsa_doctor_checks.values import DomainName
from gmsa_doctor_checks.vpc_dns.values import ForwardRule, ForwardTarget


@dataclass(frozen=True)
class Coverage:
    """The first rule or zone that covers the domain. ``profiles`` may contain rules and zones, or none.

    ``ineffective`` is why an associated rule does not apply; ``errors`` are the lookups that failed.
    """

    rule: ForwardRule | None = None
    zone: str = ""
    profiles: tuple[str, ...] = ()
    ineffective: str = ""
    errors: tuple[ClientError, ...] = ()

    @property
    def ruled_out(self) -> bool:
        """Whether certainly nothing covers the domain."""
        return not (self.rule or self.zone or self.profiles or self.errors)


@bundle
@dataclass(frozen=True)
class ResolverReader:
    """Reads rules, zones and Profiles."""

    place: AwsPlace
    resolver: Route53Resolver
    route53: Route53
    profiles: Route53Profiles

    def coverage(self, vpc: str, domain: DomainName) -> Coverage:
        """What covers a domain for the resolver of a VPC."""
        errors: list[ClientError] = []
        ineffective = ""
        try:
            rule = _rule_for(vpc, domain, self.resolver)
            if isinstance(rule, ForwardRule):
                return Coverage(rule=rule)
            ineffective = rule or ""
        except ClientError as error:
            errors.append(error)
        try:
            zones = self.route53.zones_of_vpc(vpc, self.place.region or "")
            if zone := next((zone for zone in zones if _can_hold(zone, domain)), None):
                return Coverage(zone=f"private hosted zone {zone}")
            if not errors:
                return Coverage(profiles=tuple(self.profiles.profiles_of_vpc(vpc)), ineffective=ineffective)
        except ClientError as error:
            errors.append(error)
        return Coverage(ineffective=ineffective, errors=tuple(errors))


def _can_hold(zone: str, domain: DomainName) -> bool:
    """Whether a zone can hold the domain's SRV records: the domain, a parent, or one such as ``_msdcs`` below it."""
    return is_part_of(domain.text, zone) or (is_part_of(zone, domain.text) and zone.startswith("_"))


def _rule_for(vpc: str, domain: DomainName, resolver: Route53Resolver) -> ForwardRule | str | None:
    """The FORWARD rule that applies to the domain, otherwise why an associated rule does not apply, or None.

    The most specific rule applies; a SYSTEM rule excludes a part of the domain again. Raises ClientError.
    Source: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-overview-forward-vpc-to-network-domain-name-matches.html
    """
    associations = resolver.rules_of_vpc(vpc)
    answers = each([str(association["ResolverRuleId"]) for association in associations], resolver.rule)
    rules = []
    for association, (_, rule) in zip(associations, answers, strict=True):
        if isinstance(rule, ClientError):
            raise rule
        rules.append((association, rule))
    return choose(rules, domain)


def choose(
    rules: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]], domain: DomainName
) -> ForwardRule | str | None:
    """The result of :func:`_rule_for`, from pairs of an association and its rule."""
    matching = [
        (association, rule)
        for association, rule in rules
        if rule.get("RuleType") in ("FORWARD", "SYSTEM")
        and is_part_of(domain.text, str(rule.get("DomainName", "")).rstrip("."))
    ]
    valid = [pair for pair in matching if not _broken(*pair)]
    association, best = max(valid, key=lambda pair: len(str(pair[1]["DomainName"]).rstrip(".")), default=({}, None))
    if best is not None and best["RuleType"] == "FORWARD":
        return _forward_rule(association, best)
    refused = [
        f"the Resolver rule {rule['Id']} exists, but {why}"
        for association, rule in matching
        if rule["RuleType"] == "FORWARD" and (why := _broken(association, rule))
    ]
    return "; ".join(refused) or None


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
