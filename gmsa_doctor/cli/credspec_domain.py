"""``gmsa-doctor credspec``: what identifies the domain, read from one of its domain controllers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gmsa_doctor.core.errors import ClientError, NotFound, Refused, TimedOut, Unreachable, UsageError
from gmsa_doctor.formats.documents.credspec_text import DomainIdentity
from gmsa_doctor.given.request import AdminAccount

if TYPE_CHECKING:
    from gmsa_doctor.clients.dns.resolver import Dns
    from gmsa_doctor.clients.kerberos.client import Kerberos
    from gmsa_doctor.clients.ldap.client import Directory
    from gmsa_doctor.formats.aws.arn import SecretArn

_CONTROLLERS = 4
"""How many domain controllers are tried."""
_SIMILAR = 5


@dataclass(frozen=True)
class DomainAnswer:
    """What the directory answers. ``gmsa`` is the gMSA's name as the AD has it; ``host`` answered as ``user``."""

    domain: DomainIdentity
    gmsa: str
    host: str
    user: str


class NoGmsa(ClientError):
    """The domain has no such gMSA that the user can see."""


def account_of_secret(arn: SecretArn, profile: str | None) -> AdminAccount:
    """The user of the secret. Raises UsageError if the secret cannot be used, and the errors of the AWS client."""
    from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
    from gmsa_doctor.clients.aws.session import Aws
    from gmsa_doctor.formats.documents.secret import SecretDocument, SecretFields, read_fields, read_secret

    text = SecretsManager(Aws(profile, arn.region)).get(str(arn)).text
    document = read_secret(text.reveal()) if text else ()
    fields = read_fields(document) if isinstance(document, SecretDocument) else ()
    if not isinstance(fields, SecretFields):
        raise UsageError(
            f"the secret {arn.friendly_name} has no user name, password and domain that Credentials Fetcher accepts: "
            "correct it, or give --as USER"
        )
    return AdminAccount(fields.username, password=fields.password)


def ask(domain: str, gmsa: str, account: AdminAccount, servers: tuple[str, ...]) -> DomainAnswer:
    """Ask the first domain controller that answers. A refused logon is not repeated at another one.

    Raises NoGmsa, NotFound, and the errors of DNS, Kerberos and LDAP.
    """
    from gmsa_doctor.clients.dns.resolver import Dns
    from gmsa_doctor.clients.kerberos.client import Kerberos

    dns, kerberos = Dns(servers), Kerberos()
    silent: ClientError | None = None
    for host, address in _controllers(dns, domain):
        try:
            return _ask(kerberos, domain, gmsa, account, host, address)
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


def _ask(kerberos: Kerberos, domain: str, gmsa: str, account: AdminAccount, host: str, address: str) -> DomainAnswer:
    from gmsa_doctor.clients.kerberos.client import Kdc
    from gmsa_doctor.clients.ldap.client import Ldap
    from gmsa_doctor.clients.ldap.domain import identity

    kdc, ldap = Kdc(address), Ldap(kerberos)
    base = ldap.root_dse(address).default_naming_context
    if account.keytab:
        ticket = kerberos.keytab_ticket(account.user, domain.upper(), account.keytab, kdc)
    else:
        ticket = kerberos.user_ticket(account.user, domain.upper(), account.password, kdc)
    with ldap.bind(host, address, ticket, kdc) as directory:
        return DomainAnswer(identity(directory, base), _found(directory, base, gmsa, domain), host, account.user)


def _found(directory: Directory, base: str, gmsa: str, domain: str) -> str:
    from difflib import get_close_matches

    from gmsa_doctor.clients.ldap.domain import gmsa_names

    found = gmsa_names(directory, base, gmsa)
    if found:
        return found[0]
    names = gmsa_names(directory, base)
    shown = get_close_matches(gmsa, names, _SIMILAR, 0.6) or names[:_SIMILAR]
    others = f"; gMSAs that this user can see: {', '.join(shown)}" if shown else ""
    raise NoGmsa(f"there is no gMSA {gmsa} in {domain}{others}")
