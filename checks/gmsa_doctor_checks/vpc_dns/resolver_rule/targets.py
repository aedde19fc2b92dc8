"""Route 53 Resolver: the FORWARD rule that leads the VPC's resolver to the AD."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gmsa_doctor.authoring import Finding, Fix, check, deferred_to, passed, warned
from gmsa_doctor.clients.aws.route53 import Route53Resolver
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain import AdDomain, is_part_of
from gmsa_doctor_checks.values import DomainName
from gmsa_doctor_checks.vpc_dns.values import NO_RULE, AdServers, ForwardRule, ForwardTarget, VpcDns


@check("resolver-rule.targets", title="The Resolver rule forwards to the AD's DNS servers", docs=links.RESOLVER)
def targets(dns: VpcDns, ad: AdDomain, servers: AdServers, place: AwsPlace) -> Finding:
    """Compares the rule's target addresses with `--ad-dns`, else with those of the directory of the domain's name.

    Why: a rule for the right domain that forwards to something else (an AD that was replaced, a Resolver endpoint, an
    AD Connector) gives no SRV record. Other servers may forward the domain in their turn, so this only warns.

    Fix: let the rule's targets be the AD's DNS servers.
    """
    rule, domain = dns.rule, ad.in_use
    if rule is None:
        return passed(NO_RULE)
    if in_the_way := servers.in_the_way:
        return deferred_to(in_the_way)
    right, source = servers.of(domain)
    if not right:
        return passed(
            f"{rule}; AWS knows no directory {domain.text} to compare them with (--ad-dns can name its servers)"
        )
    wrong = [target for target in rule.targets if target.address not in right]
    if not wrong:
        return passed(f"{rule}, DNS of {domain.text} ({source})")
    which = "none of which is" if len(wrong) == len(rule.targets) else f"of which {_list(wrong)} is not"
    return warned(
        f"{rule}, {which} a DNS server of {domain.text} ({source}); that is right only if they forward the domain",
        observed=_list(rule.targets),
        expected=f"{', '.join(right)} ({source})",
        fix=Fix(
            f"Let {rule.id} forward to the AD's DNS servers.",
            (_update(rule.id, right, place),) if not rule.owner else (),
        ),
    )


# Which rule decides ---------------------------------------------------------------------------------


def rule_for(vpc: str, domain: DomainName, resolver: Route53Resolver) -> ForwardRule | str | None:
    """The FORWARD rule that decides for the domain; else why one that is associated does not, or None.

    The most specific rule decides; a SYSTEM rule takes a part of the domain out again. Raises ClientError.
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
    """The rule of :func:`rule_for`, out of pairs of an association and its rule."""
    matching = [
        (association, rule)
        for association, rule in rules
        if rule.get("RuleType") in ("FORWARD", "SYSTEM")
        and is_part_of(domain.text, str(rule.get("DomainName", "")).rstrip("."))
    ]
    valid = [pair for pair in matching if not _void(*pair)]
    association, best = max(valid, key=lambda pair: len(str(pair[1]["DomainName"]).rstrip(".")), default=({}, None))
    if best is not None and best["RuleType"] == "FORWARD":
        return _forward_rule(association, best)
    refused = [
        f"the Resolver rule {rule['Id']} is there, but {why}"
        for association, rule in matching
        if rule["RuleType"] == "FORWARD" and (why := _void(association, rule))
    ]
    return "; ".join(refused) or None


def _void(association: Mapping[str, Any], rule: Mapping[str, Any]) -> str | None:
    """Why a rule does not count, though it is associated."""
    for name, raw in (("its association with the VPC", association), ("it", rule)):
        if raw.get("Status") in ("FAILED", "DELETING"):
            word = "has failed" if raw["Status"] == "FAILED" else "is being deleted"
            message = raw.get("StatusMessage")
            return f"{name} {word}{f' ({message})' if message else ''}"
    return None


def _pending(association: Mapping[str, Any], rule: Mapping[str, Any]) -> str | None:
    """Why a rule may not be in force."""
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
    """Of TargetIps. Over HTTPS, no UDP is used."""
    https = str(raw.get("Protocol") or "").startswith("DoH")
    return ForwardTarget(str(raw.get("Ip") or raw.get("Ipv6")), int(raw.get("Port") or (443 if https else 53)), https)


def _update(id: str, addresses: tuple[str, ...], place: AwsPlace) -> str:
    values = ",".join(f"{{{'Ipv6' if ':' in address else 'Ip'}={address}}}" for address in addresses)
    return (
        f"aws route53resolver update-resolver-rule{place.region_option} --resolver-rule-id {posix(id)} "
        f"--config {posix(f'TargetIps=[{values}]')}"
    )


def _list(found: Iterable[ForwardTarget]) -> str:
    return ", ".join(map(str, found)) or "none"
