"""What the checks of the domain controllers find out and hand to each other."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.clients.ldap.directory import Directory, RootDse
from gmsa_doctor_checks.values import DomainName, Endpoint


@dataclass(frozen=True)
class RootDses:
    """The root DSEs of the domain controllers; ``asked`` are the hosts of the SRV answer, in its order."""

    domain: DomainName
    asked: tuple[str, ...]
    answers: tuple[tuple[Endpoint, RootDse], ...]

    @property
    def of_domain(self) -> tuple[tuple[Endpoint, RootDse], ...]:
        """Those of domain controllers that serve the domain."""
        return tuple((endpoint, dse) for endpoint, dse in self.answers if serves(dse, self.domain))


@dataclass(frozen=True)
class LdapSession:
    """A sealed session with one domain controller."""

    endpoint: Endpoint
    directory: Directory


@dataclass(frozen=True)
class LdapSessions:
    """Sealed sessions with the domain controllers that let the user in; ``asked``: the hosts of the SRV answer."""

    asked: tuple[str, ...]
    sessions: tuple[LdapSession, ...]


def serves(dse: RootDse, domain: DomainName) -> bool:
    """Whether it is a domain controller of the domain."""
    return dns_name(dse.default_naming_context) == domain.text


def dns_name(dn: str) -> str:
    """``DC=corp,DC=example`` as ``corp.example``; empty where it is no such DN."""
    parts = [part.strip().partition("=") for part in dn.split(",")] if dn else []
    return ".".join(value for _, _, value in parts).lower() if all(key.upper() == "DC" for key, _, _ in parts) else ""
