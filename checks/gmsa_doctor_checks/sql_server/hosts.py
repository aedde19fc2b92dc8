"""Servers' names: their kinds, how the task's resolver completes a short one, and the other names of a server."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from gmsa_doctor.authoring import Outcome
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.formats.aws.partitions import is_aws_name
from gmsa_doctor.formats.documents.task_definition import NamedString
from gmsa_doctor.formats.sql_server.connection_string import ConnectionString
from gmsa_doctor.formats.sql_server.drivers import Form
from gmsa_doctor.given.subject import ChosenContainer
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.sql_server.rds import ENDPOINT
from gmsa_doctor_checks.values import DhcpOptions, DomainName

_OF_EC2 = (".ec2.internal", ".compute.internal")
"""Suffixes of EC2's names for addresses."""
_MOST_ALIASES = 8
"""Limit for a chain of CNAME records."""


class HostKind(StrEnum):
    """The kind of a server's name."""

    LOCAL = "the container itself"
    ADDRESS = "an IP address"
    RDS = "an RDS endpoint"
    SHORT = "a short name"
    FULL = "a full name"


def kind_of(host: str) -> HostKind:
    """The kind of a server's name, as it is written."""
    text = host.lower()
    if text in (".", "(local)", "localhost"):
        return HostKind.LOCAL
    try:
        return HostKind.LOCAL if ipaddress.ip_address(text).is_loopback else HostKind.ADDRESS
    except ValueError:
        pass
    if ENDPOINT.fullmatch(text):
        return HostKind.RDS
    return HostKind.FULL if "." in text else HostKind.SHORT


@dataclass(frozen=True)
class SearchList:
    """The domains that the task's resolver appends to a short name, in order, and how they are known."""

    domains: tuple[str, ...]
    known_by: str

    def full_names(self, host: str) -> tuple[str, ...]:
        """The names that the resolver looks up for that name; the name itself if no domain is appended."""
        host = host.lower()
        completed = tuple(f"{host}.{domain}" for domain in self.domains) if kind_of(host) is HostKind.SHORT else ()
        return completed or (host,)

    def addresses(self, host: str, dns: Dns) -> tuple[str, ...]:
        """Raises as :meth:`Dns.addresses`; NotFound only if none of the names exists."""
        if kind_of(host) is HostKind.ADDRESS:
            return (str(ipaddress.ip_address(host)),)
        *names, last = self.full_names(host)
        for name in names:
            try:
                return dns.addresses(name)
            except NotFound:
                continue
        return dns.addresses(last)


def own_names_of(chosen: Outcome[ChosenContainer]) -> str:
    """The container's settings that may resolve names which DNS does not, as text; empty if there are none."""
    container = chosen.value.container if chosen.value else None
    return f"{', '.join(container.dns_settings)} of {container.name}" if container and container.dns_settings else ""


def search_list_of(domain: DomainName, options: Outcome[DhcpOptions]) -> SearchList:
    """The ``domain-name`` of the DHCP options set, which may hold several; the AD domain if it is unknown.

    Source: https://docs.aws.amazon.com/vpc/latest/userguide/DHCPOptionSetConcepts.html
    """
    if options.value is None:
        return SearchList((domain.text,), "assumed, since the DHCP options set is unknown")
    names = (name.strip(".") for name in (options.value.domain_name or "").lower().split())
    return SearchList(tuple(filter(None, names)), f"the domain-name of {options.value.id}")


@dataclass(frozen=True)
class ServerName:
    """A server's name, with the other names that a client may use (CNAME targets, PTR name, completed short name).

    ``complete``: the task cannot find other names.
    """

    named: NamedString
    kind: HostKind
    others: tuple[str, ...] = ()
    complete: bool = True

    @property
    def string(self) -> ConnectionString:
        """The connection string."""
        return self.named.string

    @property
    def host(self) -> str:
        """The name in the connection string, in lower case."""
        return self.string.host.lower()

    @property
    def hosts(self) -> tuple[str, ...]:
        """All its names, the one in the connection string first."""
        return tuple(dict.fromkeys((self.host, *self.others)))

    @property
    def is_doubtful(self) -> bool:
        """Whether the client may request a ticket for another name."""
        return self.kind is not HostKind.FULL or bool(self.others)

    @property
    def has_unknown_port(self) -> bool:
        """Whether it is a named instance, whose port can change at each start."""
        return self.string.instance is not None and self.string.port is None

    @property
    def is_alias_of_rds(self) -> bool:
        """Whether it is an alias of an RDS endpoint. RDS keeps these in the AD domain; they are correct names."""
        return self.kind is HostKind.FULL and all(map(ENDPOINT.fullmatch, self.others))

    def may_be_of_another_domain(self, domain: DomainName, *, in_forest: bool) -> bool:
        """Whether an account of another domain may have an SPN for it, which only the KDC finds.

        For names that have no SPN anywhere, a search in this domain is complete; also for names in this AD domain,
        unless the forest may have others (``in_forest``): an account of any domain can have an SPN for any host.
        """
        return self.kind is not HostKind.RDS and any(
            kind_of(host) is HostKind.FULL
            and (in_forest or host.partition(".")[2] != domain.text)
            and not host.endswith(_OF_EC2)
            and not is_aws_name(host)
            for host in self.hosts
        )

    def __str__(self) -> str:
        kind = f"an alias of {self.others[0]}" if self.kind is HostKind.FULL and self.others else self.kind
        return f"{self.string.host} is {kind}"


def server_name(
    named: NamedString, domain: DomainName, search: SearchList, dns: Dns | None, vantage: Vantage
) -> ServerName:
    """The server's name, with its other names in DNS."""
    host, spn = named.string.host.lower(), named.string.spn
    kind = kind_of(host)
    if spn and named.string.form is not Form.ODBC:
        return ServerName(named, HostKind.FULL)  # the name does not matter
    if kind is HostKind.SHORT:
        return ServerName(named, kind, tuple(dict.fromkeys((*search.full_names(host), f"{host}.{domain.text}"))))
    if kind is HostKind.ADDRESS:  # often only the AD's DNS has PTR records of private addresses
        name = dns.name_of(host) if dns else None
        return ServerName(named, kind, (name,) if name else (), complete=vantage.silence_counts and dns is not None)
    return ServerName(named, kind, _aliases(host, dns) if dns and kind is not HostKind.LOCAL else ())


def _aliases(host: str, dns: Dns) -> tuple[str, ...]:
    """The chain of CNAME targets, up to an RDS endpoint."""
    aliases: list[str] = []
    target = dns.is_alias(host)
    while target and target not in (host, *aliases) and len(aliases) < _MOST_ALIASES:
        aliases.append(target)
        target = None if ENDPOINT.fullmatch(target) else dns.is_alias(target)
    return tuple(aliases)
