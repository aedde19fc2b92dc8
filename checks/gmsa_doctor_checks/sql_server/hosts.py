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
class Search:
    """The domains that the task's resolver puts behind a short name, in their order, and how that is known."""

    domains: tuple[str, ...]
    known_by: str

    def full_names(self, host: str) -> tuple[str, ...]:
        """What is asked of DNS for that name; the name itself where nothing completes it."""
        host = host.lower()
        completed = tuple(f"{host}.{one}" for one in self.domains) if kind_of(host) is HostKind.SHORT else ()
        return completed or (host,)

    def completes_with(self, domain: DomainName) -> bool:
        """Whether a short name is looked for in that domain too."""
        return domain.text in self.domains

    def addresses(self, host: str, dns: Dns) -> tuple[str, ...]:
        """Raises as :meth:`Dns.addresses`; NotFound only if DNS knows none of the names."""
        try:
            return (str(ipaddress.ip_address(host)),)
        except ValueError:
            pass
        *others, last = self.full_names(host)
        for name in others:
            try:
                return dns.addresses(name)
            except NotFound:
                continue
        return dns.addresses(last)


def own_names_of(chosen: Outcome[ChosenContainer]) -> str:
    """What of the container may tell it names that DNS does not know from here, in words; empty if nothing does."""
    container = chosen.value.container if chosen.value else None
    return f"{', '.join(container.dns_settings)} of {container.name}" if container and container.dns_settings else ""


def search_of(domain: DomainName, options: Outcome[DhcpOptions]) -> Search:
    """The ``domain-name`` of the DHCP options set, which may hold several; the AD domain where it is not known.

    Source: https://docs.aws.amazon.com/vpc/latest/userguide/DHCPOptionSetConcepts.html
    """
    if options.value is None:
        return Search((domain.text,), "assumed, since the DHCP options set is not known")
    names = (options.value.domain_name or "").lower().split()
    return Search(tuple(one.strip(".") for one in names if one.strip(".")), f"the domain-name of {options.value.id}")
