"""The VPC of an environment: private subnets for the tasks, with a default route to a NAT gateway in a public one."""

from typing import Any

VPC_CIDR = "127.77.0.0/16"
"""The addresses of the lab's servers lie in it."""
ELSEWHERE = "10.0.0.0/8"
"""What lies behind a transit gateway: other VPCs, and what is not in AWS."""
ZONES = "aba"
"""Of the private subnets: three in two zones, for not every region has a third."""
_FIRST, _PUBLIC = 250, 253
"""The lab's servers have addresses below them."""


def make_network(ec2: Any, region: str) -> dict[str, Any]:
    """Make a VPC, and return the ids in `Created`."""
    vpc = ec2.create_vpc(CidrBlock=VPC_CIDR)["Vpc"]["VpcId"]
    subnets = tuple(_subnet(ec2, vpc, _FIRST + n, region + zone) for n, zone in enumerate(ZONES))
    public = _subnet(ec2, vpc, _PUBLIC, f"{region}a")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    transit = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    nat = ec2.create_nat_gateway(SubnetId=public)["NatGateway"]["NatGatewayId"]
    table = _table(ec2, vpc, subnets, NatGatewayId=nat)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock=ELSEWHERE, TransitGatewayId=transit)
    return {
        "vpc": vpc,
        "subnets": subnets,
        "public_subnet": public,
        "internet_gateway": gateway,
        "nat_gateway": nat,
        "public_route_table": _table(ec2, vpc, (public,), GatewayId=gateway),
        "route_table": table,
        "security_group": ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"],
    }


def _subnet(ec2: Any, vpc: str, third: int, zone: str) -> str:
    cidr = f"127.77.{third}.0/24"
    return str(ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"])


def _table(ec2: Any, vpc: str, subnets: tuple[str, ...], **target: str) -> str:
    """Make a route table whose default route has this target."""
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
    for subnet in subnets:
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    return str(table)
