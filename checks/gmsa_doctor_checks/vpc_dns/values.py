"""The values that the checks of the VPC's DNS give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from gmsa_doctor.authoring import Finding, Outcome, bundle
from gmsa_doctor.given.vantage import KnownDnsServers
from gmsa_doctor_checks.values import DomainName

NO_RULE = "no Resolver rule is needed"
"""The summary if the DHCP options or a private hosted zone cover the domain."""


def plain(address: str) -> str:
    """An address in its canonical form; other texts are unchanged."""
    try:
        return str(ip_address(address))
    except ValueError:
        return address


@dataclass(frozen=True)
class VpcResolver:
    """Whether the VPC resolver is on (``enableDnsSupport``)."""

    on: bool


@dataclass(frozen=True)
class AwsDirectory:
    """A directory of Directory Service.

    ``dns`` are its DNS servers; for an AD Connector, those of the self-managed AD behind it, whose name it has.
    ``connector`` are the addresses of an AD Connector itself. ``self_managed`` are the DNS servers of the self-managed
    AD that a hybrid directory extends: the same domain.
    """

    id: str
    name: str
    type: str
    stage: str
    dns: tuple[str, ...]
    connector: tuple[str, ...] = ()
    vpc: str | None = None
    self_managed: tuple[str, ...] = ()

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> AwsDirectory:
        """From ``DirectoryDescriptions`` of ds:DescribeDirectories.

        Sources: https://docs.aws.amazon.com/directoryservice/latest/devguide/API_DirectoryDescription.html and
        https://docs.aws.amazon.com/directoryservice/latest/devguide/API_HybridSettingsDescription.html
        """
        settings = described.get("VpcSettings") or described.get("ConnectSettings") or {}
        of_owner = described.get("OwnerDirectoryDescription") or {}
        hybrid = described.get("HybridSettings") or {}
        return cls(
            id=str(described.get("DirectoryId", "")),
            name=str(described.get("Name") or "").rstrip(".").lower(),
            type=str(described.get("Type") or ""),
            stage=str(described.get("Stage") or ""),
            dns=_addresses(described) or _addresses(of_owner),
            connector=tuple(map(plain, (*settings.get("ConnectIps", ()), *settings.get("ConnectIpsV6", ())))),
            vpc=settings.get("VpcId") or (of_owner.get("VpcSettings") or {}).get("VpcId"),
            self_managed=tuple(map(plain, hybrid.get("SelfManagedDnsIpAddrs") or ())),
        )

    @property
    def of_domain(self) -> tuple[str, ...]:
        """All DNS servers of the domain that it names."""
        return tuple(dict.fromkeys((*self.dns, *self.self_managed)))


def _addresses(described: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(plain, (*(described.get("DnsIpAddrs") or ()), *(described.get("DnsIpv6Addrs") or ()))))


@dataclass(frozen=True)
class AwsDirectories:
    """All directories of Directory Service in the region, including those shared with the account."""

    all: tuple[AwsDirectory, ...]

    def named(self, domain: str) -> tuple[AwsDirectory, ...]:
        """The directories with a domain's name."""
        return tuple(directory for directory in self.all if directory.name == domain)


@bundle
@dataclass(frozen=True)
class AdServers:
    """The sources for the AD's DNS servers: ``--ad-dns``, otherwise the directories with the domain's name."""

    known: KnownDnsServers
    directories: Outcome[AwsDirectories]

    @property
    def missing(self) -> Finding | None:
        """The finding that explains why no source is available."""
        unknown = not self.known.addresses and self.directories.value is None
        return self.directories.finding if unknown else None

    def named(self, domain: DomainName) -> tuple[AwsDirectory, ...]:
        """The directories with the domain's name, if they are the source."""
        if self.known.addresses or self.directories.value is None:
            return ()
        return self.directories.value.named(domain.text)

    def of(self, domain: DomainName) -> tuple[tuple[str, ...], str]:
        """The DNS servers (none if they are not known), and the name of the source."""
        if self.known.addresses:
            return tuple(map(plain, self.known.addresses)), "--ad-dns"
        found = self.named(domain)
        addresses = tuple(dict.fromkeys(ip for directory in found for ip in directory.of_domain))
        return addresses, f"the directory {', '.join(directory.id for directory in found)}"


@dataclass(frozen=True)
class ForwardTarget:
    """A target of a Resolver rule."""

    address: str
    port: int = 53
    https: bool = False

    def __str__(self) -> str:
        return self.address if self.port == 53 else f"{self.address}:{self.port}"


@dataclass(frozen=True)
class ForwardRule:
    """The Resolver FORWARD rule that applies to the domain.

    ``pending`` is why it may not be in effect. ``owner`` is the account that shares the rule, if it is another one.
    """

    id: str
    domain: str
    targets: tuple[ForwardTarget, ...]
    endpoint: str | None = None
    owner: str | None = None
    pending: str | None = None

    def __str__(self) -> str:
        return f"the Resolver rule {self.id} ({self.domain} to {', '.join(map(str, self.targets)) or 'nowhere'})"


@dataclass(frozen=True)
class VpcDns:
    """The VPC sends queries for the AD domain to DNS servers that are not known to be wrong.

    ``source`` is the reason; ``rule`` is the Resolver rule, if the VPC resolver answers the queries.
    """

    servers: tuple[str, ...]
    source: str
    rule: ForwardRule | None = None


@dataclass(frozen=True)
class ResolverFilter:
    """DNS Firewall blocks none of the names that a task needs, as far as its rules are visible."""


@dataclass(frozen=True)
class OutboundEndpoint:
    """The outbound endpoint of the Resolver rule in use, with no known fault; ``id`` is None if no rule is in use."""

    id: str | None = None
