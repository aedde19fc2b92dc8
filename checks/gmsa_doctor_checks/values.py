"""What the checks find out and hand to each other. One frozen type a fact; one giver a type.

The chain is parsed, not only judged: whoever holds an ``Account`` knows that it may be tried.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gmsa_doctor.authoring import Hidden
from gmsa_doctor.clients.kerberos.client import Ticket
from gmsa_doctor.clients.ldap.client import Directory
from gmsa_doctor.formats.documents.credspec import CredSpecDocument
from gmsa_doctor.formats.documents.secret import SecretDocument
from gmsa_doctor.given.shared_values import CredSpecLocation


@dataclass(frozen=True)
class CredentialSpec:
    """The one entry of a container's ``credentialSpecs``."""

    text: str


@dataclass(frozen=True)
class PrefixedArn:
    """An entry whose prefix is right; ``domainless`` is the mode that it asks for."""

    domainless: bool
    arn: str


@dataclass(frozen=True)
class SizedCredSpec:
    """A CredSpec of a size that Credentials Fetcher accepts."""

    location: CredSpecLocation
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class CredSpec:
    """A CredSpec that can be parsed and holds what Credentials Fetcher reads."""

    location: CredSpecLocation
    document: CredSpecDocument


@dataclass(frozen=True)
class DomainName:
    """The AD domain's DNS name in an accepted form, in lower case."""

    text: str

    @property
    def realm(self) -> str:
        """The Kerberos realm."""
        return self.text.upper()

    @property
    def base_dn(self) -> str:
        """The DN of the domain, as Credentials Fetcher builds it."""
        return ",".join(f"DC={label}" for label in self.text.split("."))


@dataclass(frozen=True)
class GmsaName:
    """The gMSA's name in an accepted form, without ``$``."""

    text: str

    def names(self, user: str) -> bool:
        """Whether a user name is the gMSA's own, with or without ``$``."""
        return user.removesuffix("$").lower() == self.text.lower()


@dataclass(frozen=True)
class GmsaNames:
    """The names that the CredSpec gives."""

    domain: DomainName
    gmsa: GmsaName


@dataclass(frozen=True)
class SecretObject:
    """A secret whose text is a JSON object in which the keys that the daemon reads hold strings."""

    arn: str
    document: SecretDocument


@dataclass(frozen=True)
class Account:
    """The AD user of the secret, in a form that may be tried against AD."""

    arn: str
    user: str
    password: Hidden[str]
    domain: DomainName
    distinguished_name: str | None = None

    @property
    def principal(self) -> str:
        """The Kerberos principal, as Credentials Fetcher forms it."""
        return f"{self.user}@{self.domain.realm}"


@dataclass(frozen=True)
class DhcpOptions:
    """The DHCP options set of the subnets' VPC; ``id`` is ``default`` where the VPC has none.

    ``resolvers`` are the addresses of the VPC's own resolver, which AmazonProvidedDNS stands for.
    """

    vpc: str
    id: str
    servers: tuple[str, ...]
    domain_name: str | None
    resolvers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Endpoint:
    """A host of the domain with one address and a port."""

    host: str
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.host} ({self.address}:{self.port})"


@dataclass(frozen=True)
class DomainControllers:
    """What the SRV records name: LDAP and Kerberos endpoints, in the order of the answers."""

    domain: DomainName
    ldap: tuple[Endpoint, ...]
    kdcs: tuple[Endpoint, ...]


@dataclass(frozen=True)
class ReachableKdcs:
    """KDCs that accept TCP connections; at least one."""

    domain: DomainName
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True)
class ReachableLdap:
    """Domain controllers whose LDAP port accepts TCP connections; at least one."""

    domain: DomainName
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True)
class UserTicket:
    """A TGT for the secret's user, from ``kdc``."""

    principal: str
    ticket: Ticket
    kdc: Endpoint


@dataclass(frozen=True)
class BoundDirectory:
    """A sealed LDAP session with a domain controller, as the secret's user."""

    host: str
    directory: Directory
    address: str = ""


@dataclass(frozen=True)
class GmsaAccount:
    """The gMSA as Credentials Fetcher will find it: enabled, and of the name that its TGT is asked for."""

    dn: str
    name: str
    membership: bytes | None = field(default=None, repr=False)
    """``msDS-GroupMSAMembership``: the security descriptor that says who may retrieve the password."""
    host: str | None = None
    """``dNSHostName``."""
    encryption_types: int | None = None
    """``msDS-SupportedEncryptionTypes``."""
    password_set: int | None = None
    """``pwdLastSet``: units of 100 ns since 1601; 0: never; ``None``: not shown."""
    interval_days: int | None = None
    """``msDS-ManagedPasswordInterval``."""
    password_id: bytes | None = field(default=None, repr=False)
    """``msDS-ManagedPasswordId``: which key the current password was made with."""


@dataclass(frozen=True)
class GmsaEncryption:
    """The gMSA may use AES, as far as its own entry says: its logon may be tried."""


@dataclass(frozen=True)
class GmsaPassword:
    """The gMSA's current password, in the form that Kerberos takes it."""

    account: str
    """The sAMAccountName, with ``$``."""
    password: Hidden[bytes]


@dataclass(frozen=True)
class GmsaTicket:
    """A TGT for the gMSA, from ``kdc``: what the container gets."""

    principal: str
    ticket: Ticket
    kdc: Endpoint
