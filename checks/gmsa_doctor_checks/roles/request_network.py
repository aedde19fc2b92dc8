"""Where a task's requests to an AWS service come from, as condition keys of policies.

Through a VPC endpoint, a request has `aws:SourceVpc`, `aws:SourceVpce` and `aws:VpcSourceIp`, and no `aws:SourceIp`;
otherwise it has `aws:SourceIp` only.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

from gmsa_doctor.authoring import bundle
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.route53 import Route53, Route53Profiles
from gmsa_doctor.formats.aws.route_table import Route, RouteTarget, read_route_table, table_of
from gmsa_doctor.formats.aws.vpc_endpoint import GATEWAY, VpcEndpoint, read_vpc_endpoint
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor_checks.domain import is_part_of
from gmsa_doctor_checks.network_path.exits import routes_elsewhere

SOURCE_IP, SOURCE_VPC, SOURCE_VPCE, VPC_SOURCE_IP = NETWORK_KEYS = (
    "aws:SourceIp", "aws:SourceVpc", "aws:SourceVpce", "aws:VpcSourceIp",
)  # fmt: skip
_SERVICES = {"ecr": ("ecr.dkr", "ecr.api"), "kms": ()}
"""The endpoint services of an action's service, if they are not named like it. KMS is called by other services."""
_TOKEN = "ecr:GetAuthorizationToken"
_OF_AMAZON = "AmazonProvidedDNS"


@dataclass(frozen=True)
class Facts:
    """Condition keys with their values in a request, and keys that the request lacks, in lower case."""

    values: Mapping[str, str] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()

    def also(self, other: Facts) -> Facts:
        """Both together."""
        return Facts({**self.values, **other.values}, self.absent | other.absent)


_NO_ENDPOINT = frozenset(key.lower() for key in (SOURCE_VPC, SOURCE_VPCE, VPC_SOURCE_IP))
_NO_ADDRESS = frozenset({SOURCE_IP.lower()})


@bundle
@dataclass(frozen=True)
class NetworkReader:
    """The clients that know the task's network."""

    ec2: Ec2
    route53: Route53
    profiles: Route53Profiles

    def sources_of(self, action: str, network: Network, place: AwsPlace) -> tuple[Facts, ...]:
        """The possible sources of a Fargate task's request, in all of its subnets; empty if one of them is not known.

        ECR's GetAuthorizationToken leaves from a network interface of Fargate: no condition on the VPC is ever true.
        Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
        """
        if action == _TOKEN:
            of_fargate = {SOURCE_VPC: "vpc-of-fargate", SOURCE_VPCE: "vpce-of-fargate"}
            return (Facts(absent=_NO_ENDPOINT), Facts(of_fargate, _NO_ADDRESS))
        own = action.partition(":")[0]
        services = _SERVICES.get(own, (own,))
        if not network.subnets or not services:
            return ()
        subnets = self.ec2.subnets(network.subnets)
        if len({subnet["VpcId"] for subnet in subnets}) != 1:
            return ()
        view = _View(str(subnets[0]["VpcId"]), place, self)
        found = [view.sources(service, subnet) for service in services for subnet in subnets]
        facts = [source for sources in found for source in sources]
        return tuple(source for n, source in enumerate(facts) if source not in facts[:n]) if all(found) else ()


@dataclass(frozen=True)
class _View:
    vpc: str
    place: AwsPlace
    clients: NetworkReader

    def sources(self, service: str, subnet: Mapping[str, Any]) -> list[Facts]:
        """The possible sources of requests from a subnet to a service; none if one of them is not known.

        Other networks may have endpoints, and other DNS servers or private zones return their addresses.
        """
        tables = tuple(map(read_route_table, self.clients.ec2.route_tables(self.vpc)))
        table = table_of(str(subnet["SubnetId"]), tables)
        if table is None:
            return []
        endpoints = self._endpoints(service)
        gateway = next((one for one in endpoints if one.kind == GATEWAY and table.id in one.route_tables), None)
        interface = next((one for one in endpoints if one.kind != GATEWAY and one.private_dns), None)
        direct = self._through(gateway, subnet) if gateway else self._by_exit(table.default)
        elsewhere = bool(routes_elsewhere(table))
        if interface is None:
            leads_elsewhere = elsewhere and not gateway and (self._has_own_dns() or self._has_zone(service))
            return [] if leads_elsewhere else direct
        through = self._through(interface, subnet)
        if not self._has_own_dns():
            return through
        return [] if elsewhere else [*through, *direct]

    def _has_zone(self, service: str) -> bool:
        """Whether a private hosted zone may point the service's name to an endpoint in another network."""
        host = f"{service}.{self.place.region}.{self.place.dns_suffix}"
        found = self.clients.route53.zones_of_vpc(self.vpc, self.place.region or "")
        zones = [str(zone["Name"]).rstrip(".") for zone in found]
        covering = any(is_part_of(host, zone) or is_part_of(zone, host) for zone in zones)
        return covering or bool(self.clients.profiles.profiles_of_vpc(self.vpc))

    def _endpoints(self, service: str) -> Sequence[VpcEndpoint]:
        raw = self.clients.ec2.vpc_endpoints(self.vpc)
        read = (read_vpc_endpoint(endpoint, self.place.region or "") for endpoint in raw)
        return [endpoint for endpoint in read if endpoint and endpoint.service == service and endpoint.available]

    def _has_own_dns(self) -> bool:
        options = str(self.clients.ec2.vpc(self.vpc).get("DhcpOptionsId") or "default")
        servers = self.clients.ec2.dhcp_options(options).get("domain-name-servers", ()) if options != "default" else ()
        return any(server != _OF_AMAZON for server in servers)

    def _through(self, endpoint: VpcEndpoint, subnet: Mapping[str, Any]) -> list[Facts]:
        """An address at each end of the subnet stands for all of them."""
        cidr = str(subnet.get("CidrBlock") or "")
        addresses = (IPv4Network(cidr)[4], IPv4Network(cidr)[-2]) if cidr else ()
        own = {SOURCE_VPC: self.vpc, SOURCE_VPCE: endpoint.id}
        return [Facts({**own, VPC_SOURCE_IP: str(address)}, _NO_ADDRESS) for address in addresses]

    def _by_exit(self, route: Route | None) -> list[Facts]:
        """Through the default route: with the NAT gateway's address, or with one that is not known."""
        if route is None or route.blackhole:
            return []
        nats = {str(nat["NatGatewayId"]): nat for nat in self.clients.ec2.nat_gateways(self.vpc)}
        nat = nats.get(route.target) if route.kind is RouteTarget.NAT_GATEWAY else None
        addresses = [address.get("PublicIp") for address in nat.get("NatGatewayAddresses", ())] if nat else []
        if addresses and all(addresses):
            return [Facts({SOURCE_IP: str(address)}, _NO_ENDPOINT) for address in addresses]
        public = route.kind in (RouteTarget.NAT_GATEWAY, RouteTarget.INTERNET_GATEWAY)
        return [Facts(absent=_NO_ENDPOINT)] if public else []
