"""The partitions of AWS, their regions and DNS suffixes, as botocore lists them.

Source: botocore/data/partitions.json, which the AWS SDKs share. Reading that file does not load botocore.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Partition:
    """A partition, such as ``aws-cn`` with ``amazonaws.com.cn``; ``regions`` is the pattern of its regions' names."""

    name: str
    dns_suffix: str
    regions: re.Pattern[str]
    listed: frozenset[str]
    """Regions that botocore knows by name."""

    @property
    def endpoint_prefix(self) -> str:
        """How the names of the partition's VPC endpoint services start: ``com.amazonaws``, or the reversed suffix.

        Source: https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/partition
        """
        return ".".join(reversed(self.dns_suffix.removesuffix(".cn").split(".")))


@cache
def partitions() -> tuple[Partition, ...]:
    """All partitions."""
    botocore = find_spec("botocore")
    if not (botocore and botocore.submodule_search_locations):
        raise ImportError("botocore is not installed")
    text = Path(botocore.submodule_search_locations[0], "data", "partitions.json").read_text("utf-8")
    return tuple(
        Partition(
            entry["id"],
            entry["outputs"]["dnsSuffix"],
            re.compile(entry["regionRegex"], re.ASCII),
            frozenset(entry["regions"]),
        )
        for entry in json.loads(text)["partitions"]
    )


@cache
def known_partition_of(region: str) -> Partition | None:
    """The partition of a region; None for a region that no partition's pattern matches."""
    by_name = next((partition for partition in partitions() if region in partition.listed), None)
    return by_name or next((partition for partition in partitions() if partition.regions.fullmatch(region)), None)


def partition_of(region: str) -> Partition:
    """The partition of a region; ``aws`` for a region that no partition's pattern matches, as the SDKs do."""
    return known_partition_of(region) or next(partition for partition in partitions() if partition.name == "aws")


def dns_suffixes() -> tuple[str, ...]:
    """The suffixes of the services' host names in all partitions, the longest first."""
    return tuple(sorted({partition.dns_suffix for partition in partitions()}, key=len, reverse=True))


def partition_of_host(region: str | None, suffix: str) -> str:
    """The partition of a service's host name, by its region if it has one, otherwise by its suffix."""
    if region:
        return partition_of(region).name
    return next(partition.name for partition in partitions() if partition.dns_suffix == suffix)


def is_aws_name(host: str) -> bool:
    """Whether a DNS name is one of an AWS service or of an address in AWS."""
    return host.lower().rstrip(".").endswith(tuple(f".{suffix}" for suffix in dns_suffixes()))
