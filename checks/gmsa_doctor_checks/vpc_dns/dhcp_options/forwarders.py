"""DNS servers of a DHCP options set that are not the AD's: what may forward the domain, and what certainly does not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.authoring import Finding, Fix, Given, Result, passed, warned
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor_checks.reachability.network import TaskSubnets, private_addresses
from gmsa_doctor_checks.values import DhcpOptions, DomainName
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import SEEN_BY, listed
from gmsa_doctor_checks.vpc_dns.leading import Leading, ResolverReader
from gmsa_doctor_checks.vpc_dns.values import AwsDirectories, ForwardRule, VpcDns

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
    return tuple(server for server in servers if server in PUBLIC_RESOLVERS)


def servers_of(
    addresses: Sequence[str], domain: DomainName, directories: AwsDirectories | None, subnets: TaskSubnets | None,
    ec2: Ec2,
) -> tuple[Server, ...]:  # fmt: skip
    """What the servers are that may forward the domain. Raises ClientError."""
    known = directories.all if directories else ()
    dead = {*PUBLIC_RESOLVERS, *(ip for directory in known for ip in directory.connector)}
    asked = tuple(address for address in addresses if address not in dead)
    by_ipv4 = tuple(address for address in asked if ":" not in address)
    interfaces = ec2.network_interfaces(by_ipv4) if by_ipv4 else []
    servers = []
    for address in asked:
        other = next((found for found in known if address in found.dns and found.name != domain.text), None)
        if other:
            what = f"DNS of {other.id} ({other.name}), which knows {domain.text} by a conditional forwarder at most"
            servers.append(Server(address, what))
        else:
            own = [interface for interface in interfaces if address in private_addresses(interface)]
            servers.append(_by_interface(address, own, subnets))
    return tuple(servers)


def _by_interface(address: str, interfaces: Sequence[Mapping[str, Any]], subnets: TaskSubnets | None) -> Server:
    """By who has the address in this account; one of the task's own VPC before another, for addresses may overlap."""
    vpc = subnets.vpc.id if subnets else ""
    own = [interface for interface in interfaces if interface.get("VpcId") == vpc] or list(interfaces)
    if not own:
        owner = subnets.vpc.owner if subnets and subnets.shared else ""
        return Server(address, f"perhaps a forwarder of {owner}, who owns {vpc}" if owner else "")
    id, where = str(own[0].get("NetworkInterfaceId")), str(own[0].get("VpcId"))
    inbound = _INBOUND.search(str(own[0].get("Description") or ""))
    if inbound and len(own) == 1:
        return Server(address, f"the inbound endpoint {inbound[0]} of {where}", where)
    return Server(address, f"{id} in {where}, which may forward the domain")


def judge(
    options: DhcpOptions, servers: Sequence[Server], domain: DomainName, subnets: TaskSubnets | None, fix: Fix,
    reader: ResolverReader,
) -> Result[VpcDns] | None:  # fmt: skip
    """What is to be said of servers of which none is the AD's; None if nothing speaks for any of them."""
    for server in servers:
        if server.vpc and (found := _by_endpoint(options, server, reader.leading(server.vpc, domain))):
            return found
    own = subnets.vpc.id if subnets and not subnets.shared else ""
    perhaps = [server for server in servers if server.what and not (server.vpc and server.vpc == own)]
    if not perhaps:
        return None
    lost = f", whose resolver nothing that can be seen here leads to {domain.text}"
    what = "; ".join(f"{server.address} is {server.what}{lost if server.vpc else ''}" for server in perhaps)
    finding = warned(
        f"{options.id} of {options.vpc} names {listed(options.servers)}, none of which is a DNS server of "
        f"{domain.text}; that is right only if they forward it, which {SEEN_BY} shows: {what}",
        observed=listed(options.servers),
        expected=f"the DNS servers of {domain.text}, or forwarders to them",
        fix=fix,
    )
    return Given(VpcDns(options.servers, "servers that may forward"), finding)


def _by_endpoint(options: DhcpOptions, server: Server, leading: Leading) -> Result[VpcDns] | None:
    """By what leads the resolver of the endpoint's VPC; None if nothing does."""
    text = f"{options.id} names {server.address}, {server.what} with"
    if leading.in_the_way and not leading.rule and not leading.zone:
        raise leading.in_the_way[0]
    if leading.rule:
        finding = with_rule(f"{text} {leading.rule}", leading.rule)
        return Given(VpcDns(options.servers, str(leading.rule), leading.rule), finding)
    zone = leading.zone or (f"Route 53 Profile {', '.join(leading.profiles)}" if leading.profiles else "")
    return Given(VpcDns(options.servers, zone), passed(f"{text} the {zone}")) if zone else None


def with_rule(text: str, rule: ForwardRule, then: str = "") -> Finding:
    """What leads to the AD by a rule, which may not be in force yet."""
    if not rule.pending:
        return passed(text)
    return warned(
        f"{text}; but {rule.pending}, so it may not be in force",
        observed=rule.pending,
        expected="COMPLETE",
        fix=Fix(f"Wait until the association is COMPLETE, or associate the rule again{then}."),
    )
