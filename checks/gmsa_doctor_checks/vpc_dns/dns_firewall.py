"""DNS Firewall: rule groups of the VPC that block the AD domain or AWS host names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.authoring import (
    CheckId,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Row,
    Status,
    check,
    failed,
    if_several,
    listed,
    passed,
)
from gmsa_doctor.clients.aws.route53 import Route53Profiles, Route53Resolver
from gmsa_doctor.core.errors import Denied, NotFound
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain import AdDomain, is_part_of, srv_name
from gmsa_doctor_checks.reachability.services import ServicePaths, host_name
from gmsa_doctor_checks.values import DhcpOptions
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import SEEN_BY
from gmsa_doctor_checks.vpc_dns.values import ResolverFilter, VpcDns

_SRV, _A = "SRV", "A"


@dataclass(frozen=True)
class FirewallRule:
    """A rule of DNS Firewall with the domains of its list, none if these are AWS's own."""

    group: str
    name: str
    action: str
    list: str
    domains: tuple[str, ...] = ()
    kind: str = ""
    priority: int = 0

    def matches(self, name: str, kind: str) -> bool:
        """Whether it is about a query for this name and kind of record."""
        return self.kind in ("", kind) and any(_is_for(domain, name) for domain in self.domains)


def _is_for(domain: str, name: str) -> bool:
    """Whether an entry of a domain list is for a name: itself, or with an asterisk all names that end like that.

    Source: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-dns-firewall-domain-lists.html
    """
    domain, name = domain.rstrip(".").lower(), name.lower()
    return name.endswith(domain[1:]) if domain.startswith("*") else name == domain


@check(
    "dns-firewall.names",
    title="DNS Firewall does not block the AD domain",
    docs=links.DNS_FIREWALL,
    shows=(texts.NO_DNS, texts.NOT_RETRIEVED),
)
def names(
    dns: VpcDns,
    options: DhcpOptions,
    ad: AdDomain,
    paths: Outcome[ServicePaths],
    resolver: Route53Resolver,
    profiles: Route53Profiles,
    place: AwsPlace,
) -> Result[ResolverFilter]:
    """Reads the rules of DNS Firewall for the VPC and its Route 53 Profiles, if tasks use the VPC resolver.

    The rule groups apply in the order of their priority, and so do the rules in a group; the first rule whose list
    contains the name decides. AWS's own lists cannot be read, and are taken not to contain the domain.

    Why: a rule group that allows only listed domains blocks the SRV records of the AD, and the names of S3 and Secrets
    Manager, if these are not in the list. The VPC resolver then answers NXDOMAIN or no data.

    Fix: Add the AD domain to a domain list of a rule with the action ALLOW.
    """
    if dns.servers and not dns.rule:
        return Given(ResolverFilter(), passed("tasks use custom DNS servers, which DNS Firewall does not filter"))
    rules, hidden = _rules(options.vpc, resolver, profiles)
    services = dict.fromkeys(path.service for path in paths.value.paths) if paths.value else ()
    wanted = {srv_name(ad.in_use): _SRV, **{host_name(service, place): _A for service in services}}
    deciding = {name: next((rule for rule in rules if rule.matches(name, kind)), None) for name, kind in wanted.items()}
    blocked = {name: rule for name, rule in deciding.items() if rule and rule.action == "BLOCK"}
    if not blocked:
        groups = listed(dict.fromkeys(rule.group for rule in rules)) or "no rule group"
        unseen = f"; the rules of {listed(hidden)} are not visible" if hidden else ""
        return Given(ResolverFilter(), passed(f"{groups} of {options.vpc}: none blocks these names{unseen}"))
    finding = _blocked(blocked, rules, ad, options, place)
    doubt = paths.value.doubt if paths.value and srv_name(ad.in_use) not in blocked else ""
    return finding.to_warning(doubt) if doubt else finding


def _rules(
    vpc: str, resolver: Route53Resolver, profiles: Route53Profiles
) -> tuple[tuple[FirewallRule, ...], tuple[str, ...]]:
    """The rules in their order, and the ids of groups of other accounts that are not visible. Raises ClientError."""
    found = sorted(resolver.firewalls_of_vpc(vpc), key=lambda group: int(group.get("Priority") or 0))
    groups = {str(group["FirewallRuleGroupId"]): bool(group.get("ManagedOwnerName")) for group in found}
    for arn in (arn for profile in profiles.profiles_of_vpc(vpc) for arn in profiles.resources(profile)):
        kind, _, id = arn.rpartition(":")[2].partition("/")
        if kind == "firewall-rule-group":
            groups.setdefault(id, True)
    rules: list[FirewallRule] = []
    hidden = []
    for group, foreign in groups.items():
        try:
            rules += _of_group(group, resolver)
        except (Denied, NotFound):
            if not foreign:
                raise
            hidden.append(group)
    return tuple(rules), tuple(hidden)


def _of_group(group: str, resolver: Route53Resolver) -> Iterator[FirewallRule]:
    found: Sequence[Mapping[str, Any]] = resolver.firewall_rules(group)
    if not found:
        return
    own = resolver.firewall_lists()
    for rule in sorted(found, key=lambda rule: int(rule.get("Priority") or 0)):
        list = str(rule.get("FirewallDomainListId") or "")
        domains = resolver.firewall_domains(list) if list in own else ()
        yield FirewallRule(
            group,
            str(rule.get("Name") or list),
            str(rule.get("Action") or ""),
            list,
            domains,
            str(rule.get("Qtype") or ""),
            int(rule.get("Priority") or 0),
        )


def _blocked(
    blocked: Mapping[str, FirewallRule],
    rules: Sequence[FirewallRule],
    ad: AdDomain,
    options: DhcpOptions,
    place: AwsPlace,
) -> Finding:
    name, first = next(iter(blocked.items()))
    domain = ad.in_use.text
    of_ad = is_part_of(name, domain)
    rows = tuple(Row(name, Status.FAIL, f'"{rule.name}" of {rule.group} blocks it') for name, rule in blocked.items())
    others = f" and {len(blocked) - 1} more" if blocked.keys() - {name} else ""
    return failed(
        f'the rule "{first.name}" of the DNS Firewall rule group {first.group} blocks {name}{others} in {options.vpc}',
        observed=f"action BLOCK for {', '.join(blocked)}",
        expected="action ALLOW, before the rule that blocks",
        fix=_fix(blocked, rules, first, domain, place),
        shows_as=texts.NO_DNS if of_ad else texts.NOT_RETRIEVED,
        rows=if_several(rows),
        overruled_by=SEEN_BY if of_ad else CheckId("credspec.object"),
    )


def _fix(
    blocked: Mapping[str, FirewallRule],
    rules: Sequence[FirewallRule],
    first: FirewallRule,
    domain: str,
    place: AwsPlace,
) -> Fix:
    wanted = [domain, f"*.{domain}"] if any(is_part_of(name, domain) for name in blocked) else []
    wanted += [name for name in blocked if not is_part_of(name, domain)]
    region, domains = place.region_option, " ".join(map(posix, wanted))
    before = rules[: rules.index(first)]
    allowing = next((rule for rule in before if rule.action == "ALLOW" and rule.domains and not rule.kind), None)
    update = f"aws route53resolver update-firewall-domains{region} --operation ADD --domains {domains}"
    if allowing:
        return Fix(
            f'Add {" and ".join(wanted)} to the domain list {allowing.list} of the rule "{allowing.name}", which '
            f'allows names and comes before "{first.name}".',
            (f"{update} --firewall-domain-list-id {posix(allowing.list)}",),
        )
    new = "<ID of the new domain list>"
    return Fix(
        f"Create a domain list with {', '.join(wanted)}, and a rule in {first.group} that allows it, with a priority "
        f"below {first.priority}, that of the rule that blocks.",
        (
            f"aws route53resolver create-firewall-domain-list{region} --name gmsa-allowed",
            f"{update} --firewall-domain-list-id {posix(new)}",
            f"aws route53resolver create-firewall-rule{region} --firewall-rule-group-id {posix(first.group)} "
            f"--name gmsa-allowed --action ALLOW --firewall-domain-list-id {posix(new)} "
            f"--priority {posix('<number below the priority of the rule that blocks>')}",
        ),
    )
