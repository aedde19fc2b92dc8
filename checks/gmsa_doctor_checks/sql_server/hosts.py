"""Servers' names: of what kind they are, what the task's resolver makes of a short one, and their addresses."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from gmsa_doctor.authoring import Outcome
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.given.subject import ChosenContainer
from gmsa_doctor_checks.sql_server.rds import ENDPOINT
from gmsa_doctor_checks.values import DhcpOptions, DomainName


class HostKind(StrEnum):
    """What a server's name is."""

    LOCAL = "the container itself"
    ADDRESS = "an IP address"
    RDS = "an endpoint of RDS"
    SHORT = "a short name"
    FULL = "a full name"


def kind_of(host: str) -> HostKind:
    """What a server's name is, as it is written."""
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
    """The domains that the task's resolver appends to a short name, in their order, and how that is known."""

    domains: tuple[str, ...]
    known_by: str

    def full_names(self, host: str) -> tuple[str, ...]:
        """The names that the resolver looks up for that name; the name itself where nothing completes it."""
        host = host.lower()
        completed = tuple(f"{host}.{domain}" for domain in self.domains) if kind_of(host) is HostKind.SHORT else ()
        return completed or (host,)

    def completes_with(self, domain: DomainName) -> bool:
        """Whether a short name is also looked up in that domain."""
        return domain.text in self.domains

    def addresses(self, host: str, dns: Dns) -> tuple[str, ...]:
        """Raises as :meth:`Dns.addresses`; NotFound only if DNS knows none of the names."""
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
    """What may resolve names in the container that DNS does not know from here, in words; empty if nothing does."""
    container = chosen.value.container if chosen.value else None
    return f"{', '.join(container.dns_settings)} of {container.name}" if container and container.dns_settings else ""


def search_list_of(domain: DomainName, options: Outcome[DhcpOptions]) -> SearchList:
    """The ``domain-name`` of the DHCP options set, which may hold several; the AD domain where it is not known.

    Source: https://docs.aws.amazon.com/vpc/latest/userguide/DHCPOptionSetConcepts.html
    """
    if options.value is None:
        return SearchList((domain.text,), "assumed, since the DHCP options set is not known")
    names = (name.strip(".") for name in (options.value.domain_name or "").lower().split())
    return SearchList(tuple(filter(None, names)), f"the domain-name of {options.value.id}")
