"""DNS servers of a DHCP options set that are not known as the AD's: most may forward the domain, some certainly do not.

A resolver of a hub VPC in another account, on-premises DNS, or another domain controller than those that Directory
Service lists has no network interface in this account, or any: only a live answer shows what it resolves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gmsa_doctor.authoring import Finding, Fix, passed, warned
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor_checks.reachability.network import TaskSubnets, private_addresses
from gmsa_doctor_checks.values import DomainName
from gmsa_doctor_checks.vpc_dns.coverage import Coverage, ResolverReader
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import resolver_of
from gmsa_doctor_checks.vpc_dns.values import AwsDirectory, ForwardRule

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
_UNSEEN = " a Resolver endpoint of another account{}, on-premises DNS, or another domain controller"


@dataclass(frozen=True)
class Server:
    """A DNS server that is not known as the AD's, with what is known of it.

    ``coverage`` is how it certainly resolves the domain; ``dead``: it certainly does not.
    """

    address: str
    text: str
    coverage: Coverage | None = None
    dead: bool = False

    def __str__(self) -> str:
        return f"{self.address}: {self.text}"


def public_ones(servers: Sequence[str]) -> tuple[str, ...]:
    """The public resolvers among the servers."""
    return tuple(server for server in servers if server in PUBLIC_RESOLVERS)


@dataclass(frozen=True)
class Forwarders:
    """What is known of DNS servers: from Directory Service, and from their network interfaces in this account."""

    domain: DomainName
    directories: Sequence[AwsDirectory]
    subnets: TaskSubnets | None
    reader: ResolverReader
    ec2: Ec2

    def servers(self, addresses: Sequence[str]) -> tuple[Server, ...]:
        """The servers with these addresses. Raises ClientError."""
        ipv4 = tuple(address for address in addresses if ":" not in address and address not in PUBLIC_RESOLVERS)
        interfaces = self.ec2.network_interfaces(ipv4) if ipv4 else []
        return tuple(
            self._server(address, [own for own in interfaces if address in private_addresses(own)])
            for address in addresses
        )

    def _server(self, address: str, interfaces: Sequence[Mapping[str, Any]]) -> Server:
        domain = self.domain.text
        if address in PUBLIC_RESOLVERS:
            return Server(address, f"a public resolver, which knows only public names, not {domain}", dead=True)
        if connector := next((own for own in self.directories if address in own.connector), None):
            # the addresses of an AD Connector are easily mistaken for those of a directory
            return Server(address, f"the AD Connector {connector.id} itself, not a DNS server of the AD behind it")
        if other := next((own for own in self.directories if address in own.dns and own.name != domain), None):
            return Server(
                address, f"DNS of {other.id} ({other.name}), which resolves {domain} only with a conditional forwarder"
            )
        return self._by_interface(address, interfaces)

    def _by_interface(self, address: str, interfaces: Sequence[Mapping[str, Any]]) -> Server:
        """The server by its network interface in this account; VPCs may overlap, so the task's VPC goes first."""
        vpc, shared = (self.subnets.vpc, self.subnets.shared) if self.subnets else (None, False)
        own = [found for found in interfaces if vpc and found.get("VpcId") == vpc.id] or list(interfaces)
        if not own:
            others = vpc.cidrs[1:] if vpc else ()
            if cidr := next((cidr for cidr in others if resolver_of(cidr) == address), None):
                text = f"the third address of {cidr}; the VPC resolver has only that of the primary CIDR"
                return Server(address, f"{text}, {resolver_of(vpc.cidrs[0])}" if vpc else text)
            owner = f" {vpc.owner}, which owns {vpc.id}," if vpc and shared else ""
            return Server(address, f"no network interface of this account; it may be{_UNSEEN.format(owner)}")
        id, where = str(own[0].get("NetworkInterfaceId")), str(own[0].get("VpcId"))
        inbound = _INBOUND.search(str(own[0].get("Description") or ""))
        if not inbound or len(own) > 1:
            return Server(address, f"{id} in {where}, which may forward the domain")
        return self._by_endpoint(Server(address, f"the inbound endpoint {inbound[0]} of {where}"), where)

    def _by_endpoint(self, server: Server, vpc: str) -> Server:
        """An inbound endpoint resolves as the resolver of its VPC. Other VPCs may have rules of other accounts."""
        coverage = self.reader.coverage(vpc, self.domain)
        if coverage.errors:
            raise coverage.errors[0]
        if coverage.covers:
            return replace(server, text=f"{server.text} with {coverage}", coverage=coverage)
        own = bool(self.subnets and not self.subnets.shared and vpc == self.subnets.vpc.id)
        text = f"{server.text}, whose resolver has no visible rule or zone for {self.domain.text}"
        return replace(server, text=text, dead=own and coverage.ruled_out)


def with_rule(text: str, rule: ForwardRule | None, then: str = "") -> Finding:
    """A pass, or a warning if the rule may not be in effect yet."""
    if rule is None or not rule.pending:
        return passed(text)
    return warned(
        f"{text}; but {rule.pending}, so it may not be in effect",
        observed=rule.pending,
        expected="COMPLETE",
        fix=Fix(f"Wait until the association is COMPLETE, or associate the rule again{then}."),
    )
