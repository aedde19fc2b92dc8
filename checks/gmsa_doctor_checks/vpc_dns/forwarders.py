"""DNS servers of a DHCP options set that are not the AD's: what may forward the domain, and what certainly does not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.authoring import Finding, Fix, Given, Result, passed, warned
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor_checks.reachability.network import TaskSubnets
from gmsa_doctor_checks.values import DhcpOptions, DomainName
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import SEEN_BY, listed
from gmsa_doctor_checks.vpc_dns.leading import LeadingOf
from gmsa_doctor_checks.vpc_dns.values import AwsDirectories, VpcDns

PUBLIC_RESOLVERS = frozenset(
    (
        *("8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844"),
        *("1.1.1.1", "1.0.0.1", "2606:4700:4700::1111", "2606:4700:4700::1001"),
        *("9.9.9.9", "149.112.112.112", "2620:fe::fe", "2620:fe::9"),
        *("208.67.222.222", "208.67.220.220"),
    )
)
"""Google Public DNS, Cloudflare, Quad9, OpenDNS: they know what is public, and of an AD that is nothing, as a rule."""
_INBOUND = re.compile(r"\brslvr-in-\w+")
"""In the description of an inbound endpoint's network interface: ``Route 53 Resolver: rslvr-in-…:rni-…``."""


@dataclass(frozen=True)
class Server:
    """A DNS server that is not the AD's: ``what`` it is, empty if that is not known.

    ``vpc``: it is an inbound endpoint of Route 53 Resolver, and asks the resolver of that VPC.
    """

    address: str
    what: str = ""
    vpc: str = ""


def public_ones(servers: Sequence[str]) -> tuple[str, ...]:
    """Those that are public resolvers."""
    return tuple(one for one in servers if one in PUBLIC_RESOLVERS)


def servers_of(
    addresses: Sequence[str], domain: DomainName, directories: AwsDirectories | None, subnets: TaskSubnets | None,
    ec2: Ec2,
) -> tuple[Server, ...]:  # fmt: skip
    """What the servers are that may forward the domain. Raises ClientError."""
    known = directories.all if directories else ()
    dead = {*PUBLIC_RESOLVERS, *(ip for one in known for ip in one.connector)}
    asked = tuple(one for one in addresses if one not in dead)
    by_ipv4 = tuple(one for one in asked if ":" not in one)
    interfaces = ec2.network_interfaces(by_ipv4) if by_ipv4 else []
    found = []
    for address in asked:
        other = next((one for one in known if address in one.dns and one.name != domain.text), None)
        if other:
            what = f"DNS of {other.id} ({other.name}), which knows {domain.text} by a conditional forwarder at most"
            found.append(Server(address, what))
        else:
            found.append(_by_interface(address, [one for one in interfaces if address in _addresses(one)], subnets))
    return tuple(found)


def _by_interface(address: str, interfaces: Sequence[Mapping[str, Any]], subnets: TaskSubnets | None) -> Server:
    """By who has the address in this account; one of the task's own VPC before another, for addresses may overlap."""
    vpc = subnets.vpc.id if subnets else ""
    own = [one for one in interfaces if one.get("VpcId") == vpc] or list(interfaces)
    if not own:
        owner = subnets.vpc.owner if subnets and subnets.shared else ""
        return Server(address, f"perhaps a forwarder of {owner}, who owns {vpc}" if owner else "")
    id, where = str(own[0].get("NetworkInterfaceId")), str(own[0].get("VpcId"))
    inbound = _INBOUND.search(str(own[0].get("Description") or ""))
    if inbound and len(own) == 1:
        return Server(address, f"the inbound endpoint {inbound[0]} of {where}", where)
    return Server(address, f"{id} in {where}, which may forward the domain")


def _addresses(interface: Mapping[str, Any]) -> set[str]:
    listed_ = {str(one.get("PrivateIpAddress")) for one in interface.get("PrivateIpAddresses", ())}
    return {str(interface.get("PrivateIpAddress")), *listed_}


def judge(
    options: DhcpOptions, servers: Sequence[Server], domain: DomainName, subnets: TaskSubnets | None, fix: Fix,
    leading_of: LeadingOf,
) -> Result[VpcDns] | None:  # fmt: skip
    """What is to be said of servers of which none is the AD's; None if nothing speaks for any of them."""
    endpoints = [one for one in servers if one.vpc]
    for one in endpoints:
        found = _by_endpoint(options, one, leading_of)
        if found:
            return found
    own = subnets.vpc.id if subnets and not subnets.shared else ""
    perhaps = [one for one in servers if one.what and not (one.vpc and one.vpc == own)]
    if not perhaps:
        return None
    what = "; ".join(f"{one.address} is {one.what}{_lost(one, domain)}" for one in perhaps)
    finding = warned(
        f"{options.id} of {options.vpc} names {listed(tuple(options.servers))}, none of which is a DNS server of "
        f"{domain.text}; that is right only if they forward it, which {SEEN_BY} shows: {what}",
        observed=listed(tuple(options.servers)),
        expected=f"the DNS servers of {domain.text}, or forwarders to them",
        fix=fix,
    )
    return Given(VpcDns(tuple(options.servers), "servers that may forward"), finding)


def _lost(server: Server, domain: DomainName) -> str:
    return f", whose resolver nothing that can be seen here leads to {domain.text}" if server.vpc else ""


def _by_endpoint(options: DhcpOptions, server: Server, leading_of: LeadingOf) -> Result[VpcDns] | None:
    """By what leads the resolver of the endpoint's VPC; None if nothing does."""
    leading = leading_of(server.vpc)
    start = f"{options.id} names {server.address}, {server.what}"
    if leading.in_the_way and not leading.rule and not leading.zone:
        raise leading.in_the_way[0]
    if leading.rule:
        finding = _with_rule(f"{start} with {leading.rule}", leading.rule.pending)
        return Given(VpcDns(tuple(options.servers), str(leading.rule), leading.rule), finding)
    way = leading.zone or (f"Route 53 Profile {', '.join(leading.profiles)}" if leading.profiles else "")
    return Given(VpcDns(tuple(options.servers), way), passed(f"{start} with the {way}")) if way else None


def _with_rule(text: str, pending: str | None) -> Finding:
    if not pending:
        return passed(text)
    return warned(
        f"{text}; but {pending}, so it may not be in force",
        observed=pending,
        expected="COMPLETE",
        fix=Fix("Wait until the association is COMPLETE, or associate the rule again."),
    )
