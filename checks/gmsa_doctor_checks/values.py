"""The values that checks give to each other: one frozen type for each fact, given by one check.

The values are parsed, not only judged: an ``Account`` exists only if it may be tried.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gmsa_doctor.authoring import Hidden
from gmsa_doctor.clients.aws.ecr import CacheRule
from gmsa_doctor.clients.kerberos.client import Ticket
from gmsa_doctor.clients.ldap.client import Directory
from gmsa_doctor.formats.aws.image_config import ImageConfig
from gmsa_doctor.formats.documents.credspec import CredSpecDocument
from gmsa_doctor.formats.documents.secret import SecretDocument
from gmsa_doctor.given.shared_values import CredSpecLocation


@dataclass(frozen=True)
class CredentialSpec:
    """The one entry of a container's ``credentialSpecs``."""

    text: str


@dataclass(frozen=True)
class PrefixedArn:
    """An entry with a valid prefix; ``domainless`` is the mode that the prefix selects."""

    domainless: bool
    arn: str


@dataclass(frozen=True)
class SizedCredSpec:
    """A CredSpec within Credentials Fetcher's size limit."""

    location: CredSpecLocation
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class CredSpec:
    """A CredSpec that can be parsed and has the keys that Credentials Fetcher reads."""

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
        """The domain's DN, as Credentials Fetcher builds it."""
        return ",".join(f"DC={label}" for label in self.text.split("."))


@dataclass(frozen=True)
class GmsaName:
    """The gMSA's name in an accepted form, without ``$``."""

    text: str

    def names(self, user: str) -> bool:
        """Whether a user name is the gMSA's name, with or without ``$``."""
        return user.removesuffix("$").lower() == self.text.lower()


@dataclass(frozen=True)
class GmsaNames:
    """The domain and the gMSA that the CredSpec names."""

    domain: DomainName
    gmsa: GmsaName


@dataclass(frozen=True)
class FirstPull:
    """An image that Amazon ECR does not have yet: a pull through cache rule imports it at the first pull.

    ``makes_repository``: the first pull also creates the repository.
    """

    image: str
    rule: CacheRule
    makes_repository: bool = False


@dataclass(frozen=True)
class ImageSettings:
    """What the container's image sets; ``config`` is None if it was not read. ``first_pulls``: of all containers."""

    config: ImageConfig | None
    first_pulls: tuple[FirstPull, ...] = ()


@dataclass(frozen=True)
class SecretObject:
    """A secret that is a JSON object with string values for the keys that the daemon reads."""

    arn: str
    document: SecretDocument


@dataclass(frozen=True)
class Account:
    """The AD user of the secret, in a form that may be tried against the AD."""

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
    """The DHCP options set of the subnets' VPC; ``id`` is ``default`` if the VPC has none.

    ``resolvers`` are the addresses of the VPC resolver (AmazonProvidedDNS). ``others`` are the set's further options,
    as the AWS CLI takes them: ``Key=ntp-servers,Values=10.0.0.5``.
    """

    vpc: str
    id: str
    servers: tuple[str, ...]
    domain_name: str | None
    resolvers: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


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
    """The LDAP and Kerberos endpoints that the SRV records list, in the order of the answers."""

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
    """The gMSA as Credentials Fetcher finds it: enabled, with the name for which it requests the TGT."""

    dn: str
    name: str
    membership: bytes | None = field(default=None, repr=False)
    """``msDS-GroupMSAMembership``: the security descriptor with the principals that may retrieve the password."""
    host: str | None = None
    """``dNSHostName``."""
    encryption_types: int | None = None
    """``msDS-SupportedEncryptionTypes``."""
    password_set: int | None = None
    """``pwdLastSet``: units of 100 ns since 1601; 0: never; ``None``: not visible."""
    interval_days: int | None = None
    """``msDS-ManagedPasswordInterval``."""
    password_id: bytes | None = field(default=None, repr=False)
    """``msDS-ManagedPasswordId``: the key that generated the current password."""


@dataclass(frozen=True)
class GmsaPassword:
    """The gMSA's current password, in the form that Kerberos requires."""

    account: str
    """The sAMAccountName, with ``$``."""
    password: Hidden[bytes]


@dataclass(frozen=True)
class GmsaTicket:
    """A TGT for the gMSA from ``kdc``, as the container gets it."""

    principal: str
    ticket: Ticket
    kdc: Endpoint
