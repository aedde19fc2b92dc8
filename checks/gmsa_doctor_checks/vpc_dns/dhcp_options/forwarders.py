"""DNS servers of a DHCP options set that are not the AD's: they may forward the domain, or certainly do not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.authoring import Finding, Fix, Given, Result, passed, warned
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor_checks.reachability.network import TaskSubnets, private_addresses
from gmsa_doctor_checks.values import DhcpOptions, DomainName
from gmsa_doctor_checks.vpc_dns.coverage import Coverage, ResolverReader
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import SEEN_BY
from gmsa_doctor_checks.vpc_dns.values import AwsDirectories, ForwardRule, VpcDns

PUBLIC_RESOLVERS = frozenset(
    (
        *("8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844"),
        *("1.1.1.1", "1.0.0.1", "2606:4700:4700::1111", "2606:4700:4700::1001"),
        *("9.9.9.9", "149.112.112.112", "2620:fe::fe", "2620:fe::9"),
        *("208.67.222.222", "208.67.220.220"),
    )
)
"""Google Public DNS, Cloudflare, Quad9, OpenDNS: they resolve only public names, which an AD's usually are not."""
_INBOUND = re.compile(r"\brslvr-in-\w+")
"""In the description of an inbound endpoint's network interface: ``Route 53 Resolver: rslvr-in-…:rni-…``."""


@dataclass(frozen=True)
class Server:
    """A DNS server that is not the AD's. ``vpc``: it is an inbound Resolver endpoint, and uses that VPC's resolver."""

    address: str
    description: str = ""
    vpc: str = ""


def public_ones(servers: Sequence[str]) -> tuple[str, ...]:
    """The public resolvers among the servers."""
    return tuple(server for server in servers if server in PUBLIC_RESOLVERS)


def servers_of(
    addresses: Sequence[str], domain: DomainName, directories: AwsDirectories | None, subnets: TaskSubnets | None,
    ec2: Ec2,
) -> tuple[Server, ...]:  # fmt: skip
    """The servers that may forward the domain, with what is known of them. Raises ClientError."""
    known = directories.all if directories else ()
    dead = {*PUBLIC_RESOLVERS, *(ip for directory in known for ip in directory.connector)}
    alive = tuple(address for address in addresses if address not in dead)
    ipv4 = tuple(address for address in alive if ":" not in address)
    interfaces = ec2.network_interfaces(ipv4) if ipv4 else []
    servers = []
    for address in alive:
        other = next((found for found in known if address in found.dns and found.name != domain.text), None)
        if other:
            text = f"DNS of {other.id} ({other.name}), which resolves {domain.text} only with a conditional forwarder"
            servers.append(Server(address, text))
        else:
            own = [interface for interface in interfaces if address in private_addresses(interface)]
            servers.append(_by_interface(address, own, subnets))
    return tuple(servers)


def _by_interface(address: str, interfaces: Sequence[Mapping[str, Any]], subnets: TaskSubnets | None) -> Server:
    """The server by its network interface in this account; VPCs may overlap, so the task's VPC goes first."""
    vpc = subnets.vpc.id if subnets else ""
    own = [interface for interface in interfaces if interface.get("VpcId") == vpc] or list(interfaces)
    if not own:
        owner = subnets.vpc.owner if subnets and subnets.shared else ""
        return Server(address, f"perhaps a forwarder of account {owner}, which owns {vpc}" if owner else "")
    id, where = str(own[0].get("NetworkInterfaceId")), str(own[0].get("VpcId"))
    inbound = _INBOUND.search(str(own[0].get("Description") or ""))
    if inbound and len(own) == 1:
        return Server(address, f"the inbound endpoint {inbound[0]} of {where}", where)
    return Server(address, f"{id} in {where}, which may forward the domain")


def judge(
    options: DhcpOptions, servers: Sequence[Server], domain: DomainName, subnets: TaskSubnets | None, fix: Fix,
    reader: ResolverReader,
) -> Result[VpcDns] | None:  # fmt: skip
    """The result for servers that are not the AD's; None if no server may forward the domain."""
    for server in servers:
        if server.vpc and (found := _by_endpoint(options, server, reader.coverage(server.vpc, domain))):
            return found
    own = subnets.vpc.id if subnets and not subnets.shared else ""
    perhaps = [server for server in servers if server.description and not (server.vpc and server.vpc == own)]
    if not perhaps:
        return None
    lost = f", whose resolver has no visible rule or zone for {domain.text}"
    why = "; ".join(f"{server.address} is {server.description}{lost if server.vpc else ''}" for server in perhaps)
    listed = ", ".join(options.servers)
    finding = warned(
        f"{options.id} of {options.vpc} lists {listed}, none of which is a DNS server of {domain.text}; this works "
        f"only if they forward the domain, which {SEEN_BY} shows: {why}",
        observed=listed,
        expected=f"the DNS servers of {domain.text}, or forwarders to them",
        fix=fix,
    )
    return Given(VpcDns(options.servers, "servers that may forward"), finding)


def _by_endpoint(options: DhcpOptions, server: Server, coverage: Coverage) -> Result[VpcDns] | None:
    """The result by the configuration of the endpoint's VPC; None if nothing covers the domain there."""
    text = f"{options.id} lists {server.address}, {server.description} with"
    if coverage.errors:
        raise coverage.errors[0]
    if coverage.rule:
        finding = with_rule(f"{text} {coverage.rule}", coverage.rule)
        return Given(VpcDns(options.servers, str(coverage.rule), coverage.rule), finding)
    zone = coverage.zone or (f"Route 53 Profile {', '.join(coverage.profiles)}" if coverage.profiles else "")
    return Given(VpcDns(options.servers, zone), passed(f"{text} the {zone}")) if zone else None


def with_rule(text: str, rule: ForwardRule, then: str = "") -> Finding:
    """A pass, or a warning if the rule may not be in effect yet."""
    if not rule.pending:
        return passed(text)
    return warned(
        f"{text}; but {rule.pending}, so it may not be in effect",
        observed=rule.pending,
        expected="COMPLETE",
        fix=Fix(f"Wait until the association is COMPLETE, or associate the rule again{then}."),
    )
