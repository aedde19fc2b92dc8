"""A sealed session with a domain controller, as a user whose password or keytab is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from gmsa_doctor.core.errors import ClientError, NotFound, Refused, TimedOut, Unreachable
from gmsa_doctor.given.request import AdminAccount

if TYPE_CHECKING:
    from gmsa_doctor.clients.dns.resolver import Dns
    from gmsa_doctor.clients.kerberos.client import Kerberos
    from gmsa_doctor.clients.ldap.client import Directory

T = TypeVar("T")
_CONTROLLERS = 4
"""How many domain controllers are tried."""


@dataclass(frozen=True)
class Session:
    """A session with ``host``; ``base`` is the DN of the domain."""

    directory: Directory
    base: str
    host: str


def with_session(domain: str, account: AdminAccount, servers: tuple[str, ...], ask: Callable[[Session], T]) -> T:
    """What ``ask`` returns for the first domain controller that answers. A refused logon is not repeated at another.

    ``servers``: DNS servers to query. Raises NotFound, and the errors of DNS, Kerberos and LDAP.
    """
    from gmsa_doctor.clients.dns.resolver import Dns
    from gmsa_doctor.clients.kerberos.client import Kerberos

    dns, kerberos = Dns(servers), Kerberos()
    silent: ClientError | None = None
    for host, address in _controllers(dns, domain):
        try:
            return _with_session(kerberos, domain, account, host, address, ask)
        except (Refused, TimedOut, Unreachable) as error:
            silent = silent or error
    raise silent or NotFound(f"DNS lists no domain controller of {domain} that has an address")


def _controllers(dns: Dns, domain: str) -> Iterator[tuple[str, str]]:
    """The hosts and addresses of domain controllers, in the order of RFC 2782."""
    records = sorted(dns.srv(f"_ldap._tcp.dc._msdcs.{domain}"), key=lambda record: (record.priority, -record.weight))
    for record in records[:_CONTROLLERS]:
        try:
            yield record.target, dns.addresses(record.target)[0]
        except NotFound:
            continue


def _with_session(
    kerberos: Kerberos, domain: str, account: AdminAccount, host: str, address: str, ask: Callable[[Session], T]
) -> T:
    from gmsa_doctor.clients.kerberos.client import Kdc
    from gmsa_doctor.clients.ldap.client import Ldap

    kdc, ldap = Kdc(address), Ldap(kerberos)
    base = ldap.root_dse(address).default_naming_context
    if account.keytab:
        ticket = kerberos.keytab_ticket(account.user, domain.upper(), account.keytab, kdc)
    else:
        ticket = kerberos.user_ticket(account.user, domain.upper(), account.password, kdc)
    with ldap.bind(host, address, ticket, kdc) as directory:
        return ask(Session(directory, base, host))
