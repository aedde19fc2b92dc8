"""Where a task is put: its network interface in a subnet, and the DNS that the VPC's DHCP options give it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from tests.lab.aws_errors import Refused

AMAZON = "AmazonProvidedDNS"


@dataclass(frozen=True)
class Interface:
    """A task's elastic network interface."""

    subnet: str
    cidr: str
    zone: str
    id: str
    address: str
    mac: str
    private_name: str
    dns_servers: tuple[str, ...]
    """As in the task; the VPC resolver is AmazonProvidedDNS."""
    dns_asked: tuple[str, ...]
    """Where these are in the lab."""
    search: tuple[str, ...]

    @property
    def resolv_conf(self) -> str:
        """Give what is in the container's /etc/resolv.conf."""
        search = f"search {' '.join(self.search)}\n" if self.search else ""
        return search + "".join(f"nameserver {server}\n" for server in self.dns_asked)

    @property
    def gateway(self) -> str:
        """Give the subnet's router, as the metadata endpoint writes it."""
        network = ip_network(self.cidr)
        return f"{network[1]}/{network.prefixlen}"

    @property
    def details(self) -> list[dict[str, str]]:
        """Give the details of the attachment, as DescribeTasks has them."""
        named = {
            "subnetId": self.subnet,
            "networkInterfaceId": self.id,
            "macAddress": self.mac,
            "privateDnsName": self.private_name,
            "privateIPv4Address": self.address,
        }
        return [{"name": name, "value": value} for name, value in named.items()]


def check_network(ec2: Any, subnets: Sequence[str], groups: Sequence[str]) -> None:
    """Raise Refused, as RunTask, for a subnet or a security group that does not exist."""
    _check("subnet", subnets, lambda: ec2.describe_subnets(SubnetIds=list(subnets)))
    _check("security group", groups, lambda: ec2.describe_security_groups(GroupIds=list(groups)))


def _check(kind: str, ids: Sequence[str], describe: Callable[[], Any]) -> None:
    try:
        describe()
    except ClientError as error:
        text = f"Error retrieving {kind} information for [{', '.join(ids)}]: {error.response['Error']['Message']}"
        raise Refused("InvalidParameterException", text) from error


def place(
    ec2: Any, region: str, subnet: str, groups: Sequence[str], number: int, dns_at: Callable[[str], str]
) -> Interface:
    """Give the `number`th task an interface in the subnet, with the DNS servers of its VPC as they are now.

    `dns_at` tells where a server of the DHCP options (an address, or `AMAZON`) is in the lab.
    """
    found = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]
    options = _dhcp_options(ec2, found["VpcId"])
    inside = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    network, vpc = ip_network(found["CidrBlock"]), ip_network(_vpc(ec2, found["VpcId"])["CidrBlock"])
    address = str(network[10 + number % (network.num_addresses - 11)])
    servers = options.get("domain-name-servers", ()) if options is not None else (AMAZON,)
    names = options.get("domain-name", ()) if options is not None else (inside,)
    made = ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=address, Groups=list(groups))
    return Interface(
        subnet=subnet,
        cidr=found["CidrBlock"],
        zone=found["AvailabilityZone"],
        id=made["NetworkInterface"]["NetworkInterfaceId"],
        address=address,
        mac="0a:" + ":".join(f"{part:02x}" for part in uuid4().bytes[:5]),
        private_name=f"ip-{address.replace('.', '-')}.{inside}",
        dns_servers=tuple(str(vpc[2]) if server == AMAZON else server for server in servers),
        dns_asked=tuple(dns_at(server) for server in servers),
        search=tuple(part for name in names for part in name.split()),
    )


def _dhcp_options(ec2: Any, vpc: str) -> Mapping[str, tuple[str, ...]] | None:
    """Give the VPC's DHCP options; None for those that every VPC has at first."""
    options = _vpc(ec2, vpc)["DhcpOptionsId"]
    if options == "default":
        return None
    (found,) = ec2.describe_dhcp_options(DhcpOptionsIds=[options])["DhcpOptions"]
    return {one["Key"]: tuple(value["Value"] for value in one["Values"]) for one in found["DhcpConfigurations"]}


def _vpc(ec2: Any, id: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = ec2.describe_vpcs(VpcIds=[id])["Vpcs"][0]
    return found
