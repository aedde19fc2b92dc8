"""Route 53 Resolver: the targets of the FORWARD rule in use, and its outbound endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any

from gmsa_doctor.authoring import (
    CheckId,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Status,
    check,
    deferred_to,
    failed,
    in_words,
    passed,
    warned,
)
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.route53 import Route53Resolver
from gmsa_doctor.formats.aws.packet_filter import Packets, Protocol
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain import AdDomain
from gmsa_doctor_checks.reachability.attribution import report
from gmsa_doctor_checks.reachability.fixes import authorize
from gmsa_doctor_checks.reachability.network import admission, security_groups
from gmsa_doctor_checks.reachability.obstacles import Fault, GroupsOfTask, Layer
from gmsa_doctor_checks.vpc_dns.values import NO_RULE, AdServers, ForwardRule, ForwardTarget, OutboundEndpoint, VpcDns

_GROUPS = CheckId("network-access.security-groups")
_SEEN_BY = CheckId("dns.domain-controllers")


@check("resolver-rule.targets", title="The Resolver rule forwards to the AD's DNS servers", docs=links.RESOLVER)
def targets(dns: VpcDns, ad: AdDomain, servers: AdServers, place: AwsPlace) -> Finding:
    """Compares the rule's target addresses with `--ad-dns`, otherwise with the directory that has the domain's name.

    Why: a rule that forwards to the wrong servers (a replaced AD, a Resolver endpoint, an AD Connector) returns no SRV
    records. Other servers may forward the domain, so this is only a warning.

    Fix: Set the AD's DNS servers as the rule's targets.
    """
    rule, domain = dns.rule, ad.in_use
    if rule is None:
        return passed(NO_RULE)
    if missing := servers.missing:
        return deferred_to(missing)
    right, source = servers.of(domain)
    if not right:
        return passed(f"{rule}; no Directory Service directory {domain.text} to compare with; pass --ad-dns")
    wrong = [str(target) for target in rule.targets if target.address not in right]
    if not wrong:
        return passed(f"{rule}, DNS servers of {domain.text} ({source})")
    which = "none of which is" if len(wrong) == len(rule.targets) else f"of which {', '.join(wrong)} is not"
    fix = Fix(f"Set the AD's DNS servers as the targets of {rule.id}.", (set_targets(rule.id, right, place),))
    if rule.owner:
        fix = Fix(f"Ask account {rule.owner}, which owns {rule.id}, to set the AD's DNS servers as its targets.")
    return warned(
        f"{rule}, {which} a DNS server of {domain.text} ({source}); this works only if they forward the domain",
        observed=", ".join(map(str, rule.targets)) or "none",
        expected=f"{', '.join(right)} ({source})",
        fix=fix,
    )


def set_targets(id: str, addresses: tuple[str, ...], place: AwsPlace) -> str:
    """The command that sets the targets of a rule."""
    values = ",".join(f"{{{'Ipv6' if ':' in address else 'Ip'}={address}}}" for address in addresses)
    return (
        f"aws route53resolver update-resolver-rule{place.region_option} --resolver-rule-id {posix(id)} "
        f"--config {posix(f'TargetIps=[{values}]')}"
    )


@check(
    "resolver-rule.endpoint",
    title="The Resolver rule's outbound endpoint works",
    docs=links.RESOLVER,
    shows=(texts.NO_DNS,),
)
def endpoint(
    dns: VpcDns, resolver: Route53Resolver, ec2: Ec2, place: AwsPlace, of_task: Outcome[GroupsOfTask]
) -> Result[OutboundEndpoint]:
    """Checks the status of the rule's outbound endpoint, and the outbound rules of its security groups.

    Why: the VPC resolver reaches the AD's DNS servers through the endpoint's network interfaces, whose security groups
    must allow outbound UDP and TCP 53. If another account shares the rule, its endpoint is in that account and is not
    visible here.

    Fix: Allow UDP and TCP 53 to the AD's DNS servers in the endpoint's security group, or replace the endpoint.
    """
    rule = dns.rule
    if rule is None:
        return Given(OutboundEndpoint(), passed(NO_RULE))
    if rule.owner:
        text = f"account {rule.owner} shares {rule.id} and owns its outbound endpoint, which is not visible here"
        return Given(OutboundEndpoint(), passed(text))
    if not rule.endpoint:
        return Given(OutboundEndpoint(), passed(f"{rule.id} has no outbound endpoint"))
    found = resolver.endpoint(rule.endpoint)
    groups = tuple(map(str, found.get("SecurityGroupIds") or ()))
    finding = _status(rule, found, place)
    if finding is None and groups:
        finding = _egress(rule, groups, ec2, place)
        tasks = report(_GROUPS, of_task)
        if finding and all(tasks.explains([Fault(Layer.GROUP, group)]) for group in groups):
            text = f"{finding.summary}: these are the task's own groups; same cause as {_GROUPS}"
            return deferred_to(_GROUPS, text, fix=finding.fix)
    if finding is None:
        finding = passed(f"{rule.endpoint} is {found.get('Status')}, and its security groups allow outbound DNS")
    return finding if finding.status is Status.FAIL else Given(OutboundEndpoint(rule.endpoint), finding)


def _status(rule: ForwardRule, found: Mapping[str, Any], place: AwsPlace) -> Finding | None:
    """Only OPERATIONAL certainly works. Source: Route 53 Resolver's API reference, ResolverEndpoint."""
    status, message = str(found.get("Status", "")), str(found.get("StatusMessage") or "")
    if status in ("OPERATIONAL", "UPDATING"):
        return None
    summary = f"the outbound endpoint {rule.endpoint} of the Resolver rule {rule.id} is {status}"
    observed = f"{status}: {message}" if message else status
    fix = Fix(
        "Replace the endpoint's addresses that do not work, or create a new outbound endpoint and set it in the rule.",
        (
            f"aws route53resolver list-resolver-endpoint-ip-addresses{place.region_option} "
            f"--resolver-endpoint-id {posix(str(rule.endpoint))}",
            f"aws route53resolver update-resolver-rule{place.region_option} --resolver-rule-id {posix(rule.id)} "
            f"--config {posix('ResolverEndpointId=<new outbound endpoint>')}",
        ),
    )
    if status == "DELETING":
        return _forwards_nothing(summary, observed, "OPERATIONAL", fix)
    text = f"{summary}; it may forward queries only intermittently, or not at all"
    return warned(text, observed=observed, expected="OPERATIONAL", fix=fix)


def _forwards_nothing(summary: str, observed: str, expected: str, fix: Fix) -> Finding:
    return failed(
        f"{summary}, so the rule forwards nothing",
        observed=observed,
        expected=expected,
        fix=fix,
        shows_as=texts.NO_DNS,
        overruled_by=_SEEN_BY,
    )


def _egress(rule: ForwardRule, groups: tuple[str, ...], ec2: Ec2, place: AwsPlace) -> Finding | None:
    """None if DNS is allowed, or if that is not known: a rule may name the target's security group."""
    rules = [own for group in security_groups(groups, ec2) for own in group.egress]
    needed = [(target, packets) for target in rule.targets for packets in _queries(target)]
    closed = [
        (target, packets)
        for target, packets in needed
        if not (admitted := admission(rules, packets, None, ec2)).whole and not admitted.doubts
    ]
    if not closed:
        return None
    names = ", ".join(groups)
    by_ports: dict[str, dict[str, None]] = {}
    for target, packets in closed:
        by_ports.setdefault(target.address, {})[packets.ports] = None
    ends: dict[str, list[str]] = {}
    for address, own in by_ports.items():
        ends.setdefault(in_words(own), []).append(address)
    ports = "; ".join(f"{own} to {', '.join(addresses)}" for own, addresses in ends.items())
    fix = Fix(
        f"In {groups[0]}, allow outbound {ports}.",
        tuple(
            authorize("egress", groups[0], f"--ip-permissions {posix(_permission(target, packets))}", place)
            for target, packets in closed
        ),
    )
    outbound = f"outbound endpoint {rule.endpoint} of the Resolver rule {rule.id}"
    summary = f"{names}, the security group of the {outbound}, does not allow outbound {ports}"
    observed = f"not allowed: {ports}"
    expected = f"{in_words(dict.fromkeys(packets.ports for _, packets in needed))} allowed"
    first = [(target, packets) for target, packets in needed if target.https or packets.protocol is Protocol.UDP]
    if all(query in closed for query in first):
        return _forwards_nothing(summary, observed, expected, fix)
    return warned(f"{summary}; some queries get no answer", observed=observed, expected=expected, fix=fix)


def _queries(target: ForwardTarget) -> Iterable[Packets]:
    """The packets from the endpoint to an IPv4 target: DNS uses UDP, and TCP for long answers."""
    if ":" not in target.address:
        for protocol in (Protocol.TCP,) if target.https else (Protocol.UDP, Protocol.TCP):
            yield Packets(protocol, IPv4Network(target.address), target.port, target.port)


def _permission(target: ForwardTarget, packets: Packets) -> str:
    ports = f"FromPort={packets.first},ToPort={packets.last}"
    return f"IpProtocol={packets.protocol},{ports},IpRanges=[{{CidrIp={target.address}/32}}]"
