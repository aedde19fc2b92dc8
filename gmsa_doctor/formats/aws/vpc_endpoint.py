"""VPC endpoints as DescribeVpcEndpoints returns them.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gmsa_doctor.formats.aws.partitions import partition_of

INTERFACE, GATEWAY = "interface", "gateway"


@dataclass(frozen=True)
class VpcEndpoint:
    """An endpoint. ``service`` is the part of the service's name after the region: ``s3``, ``ecr.api``.

    ``private_dns``: in the VPC, the service's default name must resolve to the endpoint.
    """

    id: str
    service: str
    kind: str
    state: str
    private_dns: bool = False
    subnets: tuple[str, ...] = ()
    route_tables: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    policy: str | None = field(default=None, repr=False)

    @property
    def available(self) -> bool:
        """Whether it can be used."""
        return self.state == "available"


def read_vpc_endpoint(raw: Mapping[str, Any], region: str) -> VpcEndpoint | None:
    """An endpoint for an AWS service in this region; None for any other.

    The name of S3's endpoint is ``com.amazonaws.<region>.s3``; in China some start with ``cn.com.amazonaws``, and in
    other partitions the reversed DNS suffix comes first.
    """
    # S3's names may resolve to the interface endpoint only for queries through an inbound Resolver endpoint
    only_inbound = bool((raw.get("DnsOptions") or {}).get("PrivateDnsOnlyForInboundResolverEndpoint"))
    start, found, service = str(raw.get("ServiceName", "")).partition(f".{region}.")
    if not found or not start.endswith(partition_of(region).endpoint_prefix):
        return None
    return VpcEndpoint(
        str(raw.get("VpcEndpointId", "")),
        service,
        str(raw.get("VpcEndpointType") or GATEWAY).lower(),
        str(raw.get("State", "")).lower(),
        bool(raw.get("PrivateDnsEnabled")) and not only_inbound,
        tuple(map(str, raw.get("SubnetIds", ()))),
        tuple(map(str, raw.get("RouteTableIds", ()))),
        tuple(str(group["GroupId"]) for group in raw.get("Groups", ()) if group.get("GroupId")),
        raw.get("PolicyDocument") or None,
    )


def is_of_another_region(raw: Mapping[str, Any], region: str) -> bool:
    """Whether it is for a service in another region, of AWS or of another owner."""
    return raw.get("ServiceRegion") not in (None, "", region)
