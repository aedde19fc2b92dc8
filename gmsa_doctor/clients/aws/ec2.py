"""Amazon VPC's part of the EC2 API: subnets, routes, security groups, network ACLs, gateways, endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gmsa_doctor.clients.aws.session import AwsClient, operation
from gmsa_doctor.clients.aws.transport import the_only


def _of_vpc(vpc: str) -> list[dict[str, Any]]:
    return [{"Name": "vpc-id", "Values": [vpc]}]


class Ec2(AwsClient):
    """Amazon VPC's part of the EC2 API."""

    service = "ec2"

    @operation("ec2:DescribeSubnets")
    def subnets(self, ids: tuple[str, ...]) -> list[dict[str, Any]]:
        """Subnets by id. Raises NotFound if one does not exist."""
        return list(self.api.describe_subnets(SubnetIds=list(ids))["Subnets"])

    @operation("ec2:DescribeVpcs")
    def vpc(self, id: str) -> dict[str, Any]:
        """A VPC by id."""
        return the_only(self.api.describe_vpcs(VpcIds=[id])["Vpcs"])

    @operation("ec2:DescribeVpcAttribute")
    def vpc_attribute(self, vpc: str, name: str) -> bool:
        """An attribute of a VPC: ``enableDnsSupport`` or ``enableDnsHostnames``."""
        answer = self.api.describe_vpc_attribute(VpcId=vpc, Attribute=name)
        return bool(answer[name[0].upper() + name[1:]]["Value"])

    @operation("ec2:DescribeDhcpOptions")
    def dhcp_options(self, id: str) -> dict[str, tuple[str, ...]]:
        """A DHCP options set by id: its values by key (``domain-name-servers`` …)."""
        options = the_only(self.api.describe_dhcp_options(DhcpOptionsIds=[id])["DhcpOptions"])
        configurations: Iterable[dict[str, Any]] = options["DhcpConfigurations"]
        return {option["Key"]: tuple(value["Value"] for value in option["Values"]) for option in configurations}

    @operation("ec2:DescribeRouteTables")
    def route_tables(self, vpc: str) -> list[dict[str, Any]]:
        """The route tables of a VPC."""
        return self.pages("describe_route_tables", "RouteTables", Filters=_of_vpc(vpc))

    @operation("ec2:DescribeVpcBlockPublicAccessExclusions")
    def public_access_exclusions(self) -> list[dict[str, Any]]:
        """The VPCs and subnets of the region that are excluded from VPC Block Public Access."""
        return self.pages("describe_vpc_block_public_access_exclusions", "VpcBlockPublicAccessExclusions")

    @operation("ec2:DescribeNatGateways")
    def nat_gateways(self, vpc: str) -> list[dict[str, Any]]:
        """The NAT gateways of a VPC. EC2 lists deleted ones for about an hour."""
        return self.pages("describe_nat_gateways", "NatGateways", Filter=_of_vpc(vpc))

    @operation("ec2:DescribeVpcEndpoints")
    def vpc_endpoints(self, vpc: str) -> list[dict[str, Any]]:
        """The VPC endpoints of a VPC."""
        return self.pages("describe_vpc_endpoints", "VpcEndpoints", Filters=_of_vpc(vpc))

    @operation("ec2:DescribeSecurityGroups")
    def security_groups(self, ids: tuple[str, ...]) -> list[dict[str, Any]]:
        """Security groups by id. Raises NotFound if one does not exist."""
        return list(self.api.describe_security_groups(GroupIds=list(ids))["SecurityGroups"])

    @operation("ec2:DescribeSecurityGroups")
    def default_security_group(self, vpc: str) -> list[dict[str, Any]]:
        """The security group ``default`` of a VPC; empty if it is not visible."""
        filters = [*_of_vpc(vpc), {"Name": "group-name", "Values": ["default"]}]
        return list(self.api.describe_security_groups(Filters=filters)["SecurityGroups"])

    @operation("ec2:GetManagedPrefixListEntries")
    def prefix_list_entries(self, id: str) -> tuple[str, ...]:
        """The CIDRs of a prefix list."""
        entries = self.pages("get_managed_prefix_list_entries", "Entries", PrefixListId=id)
        return tuple(str(entry["Cidr"]) for entry in entries)

    @operation("ec2:DescribeNetworkAcls")
    def network_acls(self, vpc: str) -> list[dict[str, Any]]:
        """The network ACLs of a VPC."""
        return self.pages("describe_network_acls", "NetworkAcls", Filters=_of_vpc(vpc))

    @operation("ec2:DescribeNetworkInterfaces")
    def network_interfaces(self, addresses: tuple[str, ...]) -> list[dict[str, Any]]:
        """The network interfaces of the account that have one of these private IPv4 addresses, at most 200."""
        filters = [{"Name": "addresses.private-ip-address", "Values": list(addresses)}]
        return self.pages("describe_network_interfaces", "NetworkInterfaces", Filters=filters)

    @operation("ec2:DescribeNetworkInterfaces")
    def network_interface(self, id: str) -> dict[str, Any]:
        """A network interface by id: its groups, and its public address in ``Association``. Raises NotFound."""
        answer = self.api.describe_network_interfaces(NetworkInterfaceIds=[id])
        return the_only(answer["NetworkInterfaces"])

    @operation("ec2:DescribeVpcPeeringConnections")
    def peering_connections(self, ids: tuple[str, ...]) -> list[dict[str, Any]]:
        """VPC peering connections by id: their status, and the VPC on each side. Raises NotFound."""
        answer = self.api.describe_vpc_peering_connections(VpcPeeringConnectionIds=list(ids))
        return list(answer["VpcPeeringConnections"])

    def instances(self, ids: tuple[str, ...]) -> list[dict[str, Any]]:
        """EC2 instances by id; terminated ones may be missing."""
        groups = [ids[n : n + 200] for n in range(0, len(ids), 200)]  # the most values in a filter
        return [instance for group in groups for instance in self.described_instances(group)]

    @operation("ec2:DescribeInstances")
    def described_instances(self, ids: tuple[str, ...]) -> list[dict[str, Any]]:
        """As :meth:`instances`, for at most 200 ids."""
        filters = [{"Name": "instance-id", "Values": list(ids)}]
        reservations = self.pages("describe_instances", "Reservations", Filters=filters)
        return [instance for reservation in reservations for instance in reservation["Instances"]]
