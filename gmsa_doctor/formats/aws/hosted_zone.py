"""Private hosted zones of Route 53 and their records.

Source: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


@dataclass(frozen=True)
class HostedZone:
    """A private hosted zone. ``owner`` is its account or AWS service; empty if it is not known."""

    id: str
    name: str
    owner: str = ""

    def __str__(self) -> str:
        return f"the private hosted zone {self.name} ({self.id})"


class Answer(StrEnum):
    """How a zone answers a query for a name in it."""

    RECORD = "the record"
    NONE = "no such record"
    """NXDOMAIN or no data: the VPC resolver asks nobody else."""
    UNCERTAIN = "a wildcard, an alias, or a delegation"


def read_hosted_zone(raw: Mapping[str, Any]) -> HostedZone:
    """A zone as ListHostedZonesByVPC returns it."""
    owner = raw.get("Owner") or {}
    return HostedZone(
        str(raw["HostedZoneId"]).rpartition("/")[2],
        str(raw["Name"]).rstrip(".").lower(),
        str(owner.get("OwningAccount") or owner.get("OwningService") or ""),
    )


def name_of(records: Iterable[Mapping[str, Any]]) -> str:
    """The name of the zone that has these records: that of its SOA record."""
    return next((_name(record) for record in records if record.get("Type") == "SOA"), "")


def answer(records: Sequence[Mapping[str, Any]], name: str, kind: str) -> Answer:
    """How a zone with these records answers a query for records of a kind, such as SRV."""
    name, zone = name.lower(), name_of(records)
    here = {str(record.get("Type")) for record in records if _name(record) == name}
    if kind in here:
        return Answer.RECORD
    if here:
        return Answer.UNCERTAIN if "CNAME" in here else Answer.NONE
    for record in records:
        own, type_ = _name(record), record.get("Type")
        if own.startswith("*.") and name.endswith(own[1:]) and type_ in (kind, "CNAME"):
            return Answer.UNCERTAIN
        if type_ == "NS" and own != zone and name.endswith(f".{own}"):
            return Answer.UNCERTAIN
    return Answer.NONE


def addresses(records: Iterable[Mapping[str, Any]], name: str) -> tuple[tuple[str, ...], str]:
    """The IPv4 addresses of a name, and the target of its alias; both empty if it has none."""
    own = [record for record in records if _name(record) == name.lower() and record.get("Type") == "A"]
    values = tuple(str(value.get("Value")) for record in own for value in record.get("ResourceRecords") or ())
    alias = next((str(target.get("DNSName", "")) for record in own if (target := record.get("AliasTarget"))), "")
    return values, alias.rstrip(".")


def _name(record: Mapping[str, Any]) -> str:
    """The name of a record, with the asterisk that Route 53 escapes."""
    return str(record.get("Name", "")).rstrip(".").lower().replace("\\052", "*")
