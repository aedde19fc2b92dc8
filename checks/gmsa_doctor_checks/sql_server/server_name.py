"""A server's name in a connection string, and the other names that a client may use instead of it."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.formats.documents.task_definition import NamedString
from gmsa_doctor.formats.sql_server.connection_string import ConnectionString, Form
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.sql_server.hosts import HostKind, SearchList, kind_of
from gmsa_doctor_checks.sql_server.rds import ENDPOINT
from gmsa_doctor_checks.sql_server.spns import SpnHolder
from gmsa_doctor_checks.values import DomainName

_OF_AWS = (".ec2.internal", ".compute.internal", ".amazonaws.com", ".amazonaws.com.cn")
"""Ends of names that no AD has: those that EC2 gives to addresses, and those of AWS's services."""
_MOST_ALIASES = 8
"""So many aliases are followed, each of which points to the next."""


@dataclass(frozen=True)
class ServerName:
    """A server's name, and the other names by which a client may call it.

    ``others``: what an alias points to, the PTR record of an address, a short name with the domain appended.
    ``complete``: the task finds no other names either.
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
        """The name that is written, in lower case."""
        return self.string.host.lower()

    @property
    def hosts(self) -> tuple[str, ...]:
        """All its names, the one that is written first."""
        return tuple(dict.fromkeys((self.host, *self.others)))

    @property
    def is_doubtful(self) -> bool:
        """Whether the client may ask for a ticket of another name."""
        return self.kind is not HostKind.FULL or bool(self.others)

    @property
    def has_unknown_port(self) -> bool:
        """Whether it is a named instance, whose port may be another at each start."""
        return self.string.instance is not None and self.string.port is None

    @property
    def is_alias_of_rds(self) -> bool:
        """RDS keeps aliases of its endpoints in the AD's domain; that is how they should be named."""
        return self.kind is HostKind.FULL and all(map(ENDPOINT.fullmatch, self.others))

    def may_be_of_another_domain(self, domain: DomainName) -> bool:
        """Whether an account of another domain may have an SPN for it, which only the KDC finds.

        Names in the AD's own domain, and those that no SPN has, are looked up completely in this domain.
        """
        return self.kind is not HostKind.RDS and any(
            kind_of(host) is HostKind.FULL and host.partition(".")[2] != domain.text and not host.endswith(_OF_AWS)
            for host in self.hosts
        )

    def __str__(self) -> str:
        kind = f"an alias of {self.others[0]}" if self.kind is HostKind.FULL and self.others else self.kind
        return f"{self.string.host} is {kind}"


def server_name(
    named: NamedString, domain: DomainName, search: SearchList, dns: Dns | None, vantage: Vantage
) -> ServerName:
    """The server's name, with the other names that DNS has for it."""
    host, spn = named.string.host.lower(), named.string.spn
    kind = kind_of(host)
    if spn and named.string.form is not Form.ODBC:
        return ServerName(named, HostKind.FULL)  # the name does not matter
    if kind is HostKind.SHORT:
        return ServerName(named, kind, tuple(dict.fromkeys((*search.full_names(host), f"{host}.{domain.text}"))))
    if kind is HostKind.ADDRESS:  # PTR records of private addresses are often known to the AD's DNS alone
        name = dns.name_of(host) if dns else None
        return ServerName(named, kind, (name,) if name else (), complete=vantage.silence_counts and dns is not None)
    return ServerName(named, kind, _aliases(host, dns) if dns and kind is not HostKind.LOCAL else ())


def _aliases(host: str, dns: Dns) -> tuple[str, ...]:
    """What an alias points to, and what that points to in its turn; nothing behind an endpoint of RDS."""
    found: list[str] = []
    target = dns.is_alias(host)
    while target and target not in (host, *found) and len(found) < _MOST_ALIASES:
        found.append(target)
        target = None if ENDPOINT.fullmatch(target) else dns.is_alias(target)
    return tuple(found)


def with_spn(hosts: tuple[str, ...], holders: tuple[SpnHolder, ...]) -> tuple[str, ...]:
    """Those of the hosts that there is an SPN of SQL Server for."""
    return tuple(host for host in hosts if any(holder.of_host(host) for holder in holders))
